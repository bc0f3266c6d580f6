DROP INDEX outbox_told;
