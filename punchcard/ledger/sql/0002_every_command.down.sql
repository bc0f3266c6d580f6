DROP FUNCTION ledger_spends_since(uuid[], timestamptz[]);
DROP TRIGGER lot_dates_are_set_once ON ledger_lot;
CREATE TRIGGER lot_dates_are_set_once
    BEFORE UPDATE ON ledger_lot FOR EACH ROW
    WHEN ((OLD.available_at IS DISTINCT FROM NEW.available_at
           OR OLD.expires_at IS DISTINCT FROM NEW.expires_at)
          AND NOT (OLD.activated_by IS NULL AND NEW.activated_by IS NOT NULL
                   AND OLD.available_at IS NULL AND OLD.state = 'pending')
          OR OLD.activated_by IS NOT NULL
             AND OLD.activated_by IS DISTINCT FROM NEW.activated_by)
    EXECUTE FUNCTION ledger_refuse_change('lot_dates_are_set_once');
DROP TRIGGER hold_has_its_entry ON ledger_hold;
ALTER TABLE ledger_entry DROP CONSTRAINT entry_names_what_its_type_needs;
ALTER TABLE ledger_entry DROP CONSTRAINT entry_deltas_fit_its_type;
