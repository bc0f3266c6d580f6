DROP FUNCTION ledger_needed_lots(uuid[], timestamptz[], bigint[]);
DROP FUNCTION ledger_check_owner() CASCADE;
DROP FUNCTION ledger_check_chain() CASCADE;
DROP FUNCTION ledger_refuse_change() CASCADE;
ALTER TABLE ledger_account RESET (fillfactor);
ALTER TABLE ledger_lot RESET (fillfactor);
ALTER TABLE ledger_hold RESET (fillfactor);
ALTER TABLE ledger_outbox DROP COLUMN recorded_xid;
ALTER TABLE ledger_entry DROP CONSTRAINT entry_total_within_range;
