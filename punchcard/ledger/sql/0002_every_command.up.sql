-- What the database itself says of reserves, captures, transfers and activations.

-- The deltas of an entry are those of its type and amount (what a reverse or an adjust
-- found lapsed or wrote off is in its metadata: `verify` compares).
ALTER TABLE ledger_entry ADD CONSTRAINT entry_deltas_fit_its_type CHECK (CASE
    WHEN type = 'earn' THEN
        reserved = 0 AND (available = amount AND pending = 0
            OR available = 0 AND pending = amount)
    WHEN type IN ('redeem', 'transfer_out', 'expire') THEN
        available = -amount AND pending = 0 AND reserved = 0
    WHEN type IN ('refund', 'transfer_in') THEN
        available = amount AND pending = 0 AND reserved = 0
    WHEN type = 'reserve' THEN
        available = -amount AND pending = 0 AND reserved = amount
    WHEN type = 'capture' THEN
        available = -reserved - amount AND available >= 0 AND pending = 0
    WHEN type = 'void' THEN
        available = amount AND pending = 0 AND reserved = -amount
    WHEN type IN ('release', 'activate') THEN
        available = amount AND pending = -amount AND reserved = 0
    WHEN type = 'cancel' THEN
        available = 0 AND pending = -amount AND reserved = 0
    WHEN type = 'reverse' THEN
        available <= 0 AND pending <= 0 AND reserved = 0
        AND -available - pending <= amount
    ELSE abs(available) <= amount AND pending = 0 AND reserved = 0
END);

-- A reserve says until when, a transfer with whom, what undoes an entry which one.
ALTER TABLE ledger_entry ADD CONSTRAINT entry_names_what_its_type_needs CHECK (CASE
    WHEN type = 'reserve' THEN expires_at IS NOT NULL
    WHEN type IN ('transfer_out', 'transfer_in') THEN
        transfer_id IS NOT NULL AND other_account_id IS NOT NULL
        AND other_sequence IS NOT NULL AND other_account_id <> account_id
    WHEN type IN ('capture', 'void', 'refund', 'reverse', 'activate', 'cancel',
        'release') THEN relates_to < sequence AND relates_to IS NOT NULL
    ELSE transfer_id IS NULL
END);

-- A hold belongs to the reserve of its account and sequence.
CREATE TRIGGER hold_has_its_entry
    AFTER INSERT ON ledger_hold REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_check_owner('hold_has_its_entry');

-- A pending lot is given its dates once, by `activate`: also one that was to be
-- released later by itself.
DROP TRIGGER lot_dates_are_set_once ON ledger_lot;
CREATE TRIGGER lot_dates_are_set_once
    BEFORE UPDATE ON ledger_lot FOR EACH ROW
    WHEN ((OLD.available_at IS DISTINCT FROM NEW.available_at
           OR OLD.expires_at IS DISTINCT FROM NEW.expires_at)
          AND NOT (OLD.activated_by IS NULL AND NEW.activated_by IS NOT NULL
                   AND OLD.state = 'pending')
          OR OLD.activated_by IS NOT NULL
             AND OLD.activated_by IS DISTINCT FROM NEW.activated_by)
    EXECUTE FUNCTION ledger_refuse_change('lot_dates_are_set_once');

-- What was spent (and given back, as negative) since an instant. effective_at never
-- decreases along an account's sequence, so the primary key is walked backwards and
-- the walk ends where the period begins, however long the history before it.
CREATE FUNCTION ledger_spends_since(accounts uuid[], since timestamptz[])
RETURNS TABLE (account_id uuid, effective_at timestamptz, points bigint)
LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off AS $$
DECLARE
    found record;
BEGIN
    FOR i IN 1 .. coalesce(array_length(accounts, 1), 0) LOOP
        FOR found IN
            SELECT e.type, e.effective_at, e.available FROM ledger_entry e
            WHERE e.account_id = accounts[i]
            ORDER BY e.account_id DESC, e.sequence DESC
        LOOP
            EXIT WHEN found.effective_at < since[i];
            IF found.type IN ('redeem', 'reserve', 'capture', 'void', 'transfer_out')
            THEN
                account_id := accounts[i];
                effective_at := found.effective_at;
                points := -found.available;
                RETURN NEXT;
            END IF;
        END LOOP;
    END LOOP;
END $$;

-- Accounts from before `active_at`: the last earn, redeem or capture says.
UPDATE ledger_account a SET active_at = e.active_at
FROM (
    SELECT account_id, max(effective_at) AS active_at FROM ledger_entry
    WHERE type IN ('earn', 'redeem', 'capture') GROUP BY account_id
) e
WHERE e.account_id = a.id AND a.active_at IS NULL;
