-- What a relay has still to tell, oldest first.
CREATE INDEX outbox_waiting ON ledger_outbox (recorded_xid) WHERE relayed_at IS NULL;
