-- The triggers that refuse changes of immutable rows are there, as made, and enabled.
-- (Their type is a sum: 1 each row, 2 before, 4 insert, 8 delete, 16 update,
-- 32 truncate.)
SELECT NULL::uuid, NULL::bigint, 'trigger ' || g.name || ' on ' || g.table_name || CASE
    WHEN t.tgname IS NULL THEN ' is not there'
    WHEN t.tgenabled NOT IN ('O', 'A') THEN ' is disabled'
    ELSE ' is not as it was made'
    END
FROM (VALUES
    ('ledger_entry', 'entry_never_changes', 58, 'ledger_refuse_change'),
    ('ledger_allocation', 'allocation_never_changes', 58, 'ledger_refuse_change'),
    ('ledger_refusal', 'refusal_never_changes', 58, 'ledger_refuse_change'),
    ('ledger_account', 'account_never_deleted', 42, 'ledger_refuse_change'),
    ('ledger_lot', 'lot_never_deleted', 42, 'ledger_refuse_change'),
    ('ledger_hold', 'hold_never_deleted', 42, 'ledger_refuse_change'),
    ('ledger_account', 'account_identity_never_changes', 19, 'ledger_refuse_change'),
    ('ledger_account', 'account_never_goes_back', 19, 'ledger_refuse_change'),
    ('ledger_lot', 'lot_credit_never_changes', 19, 'ledger_refuse_change'),
    ('ledger_lot', 'lot_dates_are_set_once', 19, 'ledger_refuse_change'),
    ('ledger_hold', 'hold_never_reopens', 19, 'ledger_refuse_change'),
    ('ledger_entry', 'entry_continues_its_chain', 4, 'ledger_check_chain'),
    ('ledger_lot', 'lot_has_its_entry', 4, 'ledger_check_owner'),
    ('ledger_allocation', 'allocation_has_its_entry', 4, 'ledger_check_owner'),
    ('ledger_hold', 'hold_has_its_entry', 4, 'ledger_check_owner')
) AS g(table_name, name, type, function_name)
LEFT JOIN pg_trigger t
    ON t.tgrelid = to_regclass(g.table_name) AND t.tgname = g.name
LEFT JOIN pg_proc p ON p.oid = t.tgfoid
WHERE t.tgname IS NULL
    OR t.tgenabled NOT IN ('O', 'A')
    OR t.tgtype <> g.type
    OR p.proname <> g.function_name
