-- What was told longest ago; written when it is told, and not when it is posted.
CREATE INDEX outbox_told ON ledger_outbox (relayed_at) WHERE relayed_at IS NOT NULL;
