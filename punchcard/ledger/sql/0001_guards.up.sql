-- Guards that a constraint cannot express. Each raises with a constraint's name.

-- Total of an account never above 2^53 - 1: JavaScript, JSON and doubles stay exact.
ALTER TABLE ledger_entry ADD CONSTRAINT entry_total_within_range
    CHECK (abs(balance) + pending_after + reserved_after <= 9007199254740991);

-- What a relay may read: rows below pg_snapshot_xmin, so that none is skipped.
ALTER TABLE ledger_outbox
    ADD COLUMN recorded_xid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX outbox_by_transaction ON ledger_outbox (recorded_xid);

-- Rows that change often keep room on their page, so that updates stay on it (HOT).
ALTER TABLE ledger_account SET (fillfactor = 70);
ALTER TABLE ledger_lot SET (fillfactor = 80);
ALTER TABLE ledger_hold SET (fillfactor = 80);

-- Entries, allocations and refusals never change.
CREATE FUNCTION ledger_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: its rows never change', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_ARGV[0],
              TABLE = TG_TABLE_NAME,
              HINT = 'Correct it with another command: refund, reverse or adjust.';
END $$;

CREATE TRIGGER entry_never_changes
    BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entry
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change('entry_never_changes');
CREATE TRIGGER allocation_never_changes
    BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_allocation
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change('allocation_never_changes');
CREATE TRIGGER refusal_never_changes
    BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_refusal
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change('refusal_never_changes');
CREATE TRIGGER account_never_deleted
    BEFORE DELETE OR TRUNCATE ON ledger_account
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change('account_never_deleted');
CREATE TRIGGER lot_never_deleted
    BEFORE DELETE OR TRUNCATE ON ledger_lot
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change('lot_never_deleted');
CREATE TRIGGER hold_never_deleted
    BEFORE DELETE OR TRUNCATE ON ledger_hold
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change('hold_never_deleted');

-- Of rows that do change, the columns that may not.
CREATE TRIGGER account_identity_never_changes
    BEFORE UPDATE ON ledger_account FOR EACH ROW
    WHEN (OLD.id <> NEW.id OR OLD.wallet_id <> NEW.wallet_id
          OR OLD.holder_kind <> NEW.holder_kind OR OLD.holder_id <> NEW.holder_id
          OR OLD.opened_at <> NEW.opened_at)
    EXECUTE FUNCTION ledger_refuse_change('account_identity_never_changes');
CREATE TRIGGER account_never_goes_back
    BEFORE UPDATE ON ledger_account FOR EACH ROW
    WHEN (NEW.last_sequence < OLD.last_sequence OR NEW.lifetime < OLD.lifetime
          OR NEW.effective_at < OLD.effective_at)
    EXECUTE FUNCTION ledger_refuse_change('account_never_goes_back');
CREATE TRIGGER lot_credit_never_changes
    BEFORE UPDATE ON ledger_lot FOR EACH ROW
    WHEN (OLD.account_id <> NEW.account_id OR OLD.sequence <> NEW.sequence
          OR OLD.n <> NEW.n OR OLD.root <> NEW.root OR OLD.credited <> NEW.credited
          OR OLD.validity IS DISTINCT FROM NEW.validity
          OR OLD.lapsed > 0 AND OLD.lapsed <> NEW.lapsed)
    EXECUTE FUNCTION ledger_refuse_change('lot_credit_never_changes');
CREATE TRIGGER lot_dates_are_set_once
    BEFORE UPDATE ON ledger_lot FOR EACH ROW
    WHEN ((OLD.available_at IS DISTINCT FROM NEW.available_at
           OR OLD.expires_at IS DISTINCT FROM NEW.expires_at)
          AND NOT (OLD.activated_by IS NULL AND NEW.activated_by IS NOT NULL
                   AND OLD.available_at IS NULL AND OLD.state = 'pending')
          OR OLD.activated_by IS NOT NULL
             AND OLD.activated_by IS DISTINCT FROM NEW.activated_by)
    EXECUTE FUNCTION ledger_refuse_change('lot_dates_are_set_once');
CREATE TRIGGER hold_never_reopens
    BEFORE UPDATE ON ledger_hold FOR EACH ROW
    WHEN (NOT OLD.open OR OLD.account_id <> NEW.account_id
          OR OLD.sequence <> NEW.sequence OR OLD.points <> NEW.points
          OR OLD.expires_at <> NEW.expires_at)
    EXECUTE FUNCTION ledger_refuse_change('hold_never_reopens');

-- An entry continues its account's chain, and the account says what its last entry
-- says. Fires once a statement; sees the one-statement write whole.
-- (Its plan is pinned to index look-ups: a plan made while the table was small would
-- scan it whole later.)
CREATE FUNCTION ledger_check_chain() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    bad record;
BEGIN
    SELECT e.account_id, e.sequence, CASE
        WHEN e.sequence > 1 AND coalesce(e.before_sequence, p.sequence) IS NULL
             OR e.before_sequence <> e.sequence - 1
            THEN 'entry_sequence_gapless'
        WHEN e.balance <> coalesce(e.before_balance, p.balance, 0) + e.available
          OR e.pending_after
             <> coalesce(e.before_pending, p.pending_after, 0) + e.pending
          OR e.reserved_after
             <> coalesce(e.before_reserved, p.reserved_after, 0) + e.reserved
          OR e.lifetime_after
             <> coalesce(e.before_lifetime, p.lifetime_after, 0)
                + CASE e.type WHEN 'earn' THEN e.available + e.pending + e.reserved
                  ELSE 0 END
            THEN 'entry_numbers_chain'
        WHEN e.effective_at < coalesce(e.before_effective, p.effective_at)
            THEN 'entry_time_never_goes_back'
        ELSE 'account_equals_last_entry'
        END AS rule
    INTO bad
    FROM (
        SELECT a.*,
            lag(sequence) OVER w AS before_sequence,
            lag(balance) OVER w AS before_balance,
            lag(pending_after) OVER w AS before_pending,
            lag(reserved_after) OVER w AS before_reserved,
            lag(lifetime_after) OVER w AS before_lifetime,
            lag(effective_at) OVER w AS before_effective,
            lead(sequence) OVER w AS following
        FROM added a
        WINDOW w AS (PARTITION BY account_id ORDER BY sequence)
    ) e
    LEFT JOIN ledger_entry p
        ON e.before_sequence IS NULL
        AND p.account_id = e.account_id AND p.sequence = e.sequence - 1
    LEFT JOIN ledger_account c ON e.following IS NULL AND c.id = e.account_id
    WHERE e.sequence > 1 AND coalesce(e.before_sequence, p.sequence) IS NULL
        OR e.before_sequence <> e.sequence - 1
        OR e.balance <> coalesce(e.before_balance, p.balance, 0) + e.available
        OR e.pending_after <> coalesce(e.before_pending, p.pending_after, 0) + e.pending
        OR e.reserved_after
           <> coalesce(e.before_reserved, p.reserved_after, 0) + e.reserved
        OR e.lifetime_after
           <> coalesce(e.before_lifetime, p.lifetime_after, 0)
              + CASE e.type WHEN 'earn' THEN e.available + e.pending + e.reserved
                ELSE 0 END
        OR e.effective_at < coalesce(e.before_effective, p.effective_at)
        OR e.following IS NULL AND (
            c.id IS NULL
            OR c.last_sequence <> e.sequence
            OR c.available <> e.balance
            OR c.pending <> e.pending_after
            OR c.reserved <> e.reserved_after
            OR c.lifetime <> e.lifetime_after
            OR c.effective_at IS DISTINCT FROM e.effective_at
            OR c.hash <> e.hash)
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry %/% breaks %', bad.account_id, bad.sequence, bad.rule
            USING ERRCODE = 'check_violation', CONSTRAINT = bad.rule,
                  TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER entry_continues_its_chain
    AFTER INSERT ON ledger_entry REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_check_chain();

-- Lots and allocations belong to an entry of their own account.
CREATE FUNCTION ledger_check_owner() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    IF EXISTS (
        SELECT FROM added a
        LEFT JOIN ledger_entry e USING (account_id, sequence)
        WHERE e.account_id IS NULL
    ) THEN
        RAISE EXCEPTION '% without its entry', TG_TABLE_NAME
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = TG_ARGV[0],
                  TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER lot_has_its_entry
    AFTER INSERT ON ledger_lot REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_check_owner('lot_has_its_entry');
CREATE TRIGGER allocation_has_its_entry
    AFTER INSERT ON ledger_allocation REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_check_owner('allocation_has_its_entry');

-- Lots of one account as far as a batch can need them: all that falls due up to
-- `until`, then open ones in spending order until `need` points are seen, and one
-- more (it says what falls due next). The indexes are walked, never sorted: the cost
-- does not grow with the account's history.
CREATE FUNCTION ledger_needed_lots(accounts uuid[], until timestamptz[], need bigint[])
RETURNS SETOF ledger_lot LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off AS $$
DECLARE
    found ledger_lot;
    seen bigint;
BEGIN
    FOR i IN 1 .. coalesce(array_length(accounts, 1), 0) LOOP
        seen := 0;
        FOR found IN
            SELECT * FROM ledger_lot l
            WHERE l.account_id = accounts[i] AND l.open
            ORDER BY l.expires_at, l.sequence, l.n
        LOOP
            RETURN NEXT found;
            IF found.expires_at IS NULL OR found.expires_at > until[i] THEN
                EXIT WHEN seen >= need[i];
                seen := seen + found.remaining;
            END IF;
        END LOOP;
        FOR found IN
            SELECT * FROM ledger_lot l
            WHERE l.account_id = accounts[i] AND l.state = 'pending'
                AND l.available_at IS NOT NULL
            ORDER BY l.available_at, l.sequence, l.n
        LOOP
            RETURN NEXT found;
            EXIT WHEN found.available_at > until[i];
        END LOOP;
    END LOOP;
END $$;
