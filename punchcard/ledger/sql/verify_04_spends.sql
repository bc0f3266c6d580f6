-- A spend takes its amount from lots, all of it. Each of these lots was open then, and
-- its dates contain the instant of the spend.
--
-- Rows that belong together meet in windows, not in joins: see verify_04_order.sql.
WITH parts AS (
    SELECT account_id, sequence AS lot_sequence, n AS lot_n, NULL::bigint AS sequence,
        NULL::bigint AS points, sequence AS opened, available_at, expires_at,
        NULL::boolean AS waits, NULL::bigint AS released
    FROM ledger_lot
    WHERE %(accounts)s::uuid[] IS NULL OR account_id = ANY(%(accounts)s)
    UNION ALL
    SELECT account_id, lot_sequence, lot_n, sequence, points, NULL, NULL, NULL, NULL, NULL
    FROM ledger_allocation
    WHERE %(accounts)s::uuid[] IS NULL OR account_id = ANY(%(accounts)s)
    UNION ALL
    SELECT account_id, sequence, 1, NULL, NULL, NULL, NULL, NULL, TRUE, NULL
    FROM ledger_entry
    WHERE pending > 0
        AND (%(accounts)s::uuid[] IS NULL OR account_id = ANY(%(accounts)s))
    UNION ALL
    SELECT account_id, relates_to, 1, NULL, NULL, NULL, NULL, NULL, NULL, sequence
    FROM ledger_entry
    WHERE type IN ('release', 'activate')
        AND (%(accounts)s::uuid[] IS NULL OR account_id = ANY(%(accounts)s))
), moves AS (
    SELECT account_id, sequence, points, lot_sequence, lot_n,
        max(opened) OVER lot AS opened, max(available_at) OVER lot AS available_at,
        max(expires_at) OVER lot AS expires_at, bool_or(waits) OVER lot AS waits,
        max(released) OVER lot AS released,
        NULL::bigint AS amount, NULL::timestamptz AS effective_at
    FROM parts
    WINDOW lot AS (PARTITION BY account_id, lot_sequence, lot_n)
    UNION ALL
    SELECT account_id, sequence, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
        amount, effective_at
    FROM ledger_entry
    WHERE type IN ('redeem', 'reserve', 'transfer_out')
        AND (%(accounts)s::uuid[] IS NULL OR account_id = ANY(%(accounts)s))
), spends AS (
    SELECT account_id, sequence, points, lot_sequence, lot_n, opened, available_at,
        expires_at, waits, released, max(amount) OVER spend AS amount,
        max(effective_at) OVER spend AS effective_at
    FROM moves
    WHERE sequence IS NOT NULL
    WINDOW spend AS (PARTITION BY account_id, sequence)
), checked AS (
    SELECT account_id, sequence, amount, points, CASE
        WHEN points IS NULL THEN NULL
        WHEN points > 0 THEN 'gives to'
        WHEN opened IS NULL THEN 'is of no'
        WHEN opened >= sequence THEN 'came before'
        WHEN waits AND coalesce(released > sequence, TRUE)
            THEN 'came before the release of'
        WHEN coalesce(available_at > effective_at, TRUE) THEN 'came too early for'
        WHEN expires_at <= effective_at THEN 'came too late for'
        END || ' lot ' || lot_sequence || '.' || lot_n AS what
    FROM spends
    WHERE amount IS NOT NULL
)
SELECT account_id, sequence, coalesce('the spend ' || min(what),
    'a spend of ' || amount || ' takes ' || coalesce(-sum(points), 0) || ' from lots')
FROM checked
GROUP BY account_id, sequence, amount
HAVING sum(points) IS DISTINCT FROM -amount OR count(what) > 0
LIMIT %(most)s
