-- A spend takes its amount from lots, all of it. Each of these lots was open then, and
-- its dates contain the instant of the spend.
WITH spends AS (
    SELECT account_id, sequence, amount, effective_at
    FROM ledger_entry
    WHERE type IN ('redeem', 'reserve', 'transfer_out')
        AND (%(accounts)s::uuid[] IS NULL OR account_id = ANY(%(accounts)s))
), waits AS (
    SELECT o.account_id, o.sequence, r.sequence AS released
    FROM ledger_entry o
    LEFT JOIN ledger_entry r ON r.account_id = o.account_id
        AND r.relates_to = o.sequence AND r.type IN ('release', 'activate')
        AND (%(accounts)s::uuid[] IS NULL OR r.account_id = ANY(%(accounts)s))
    WHERE o.pending > 0
        AND (%(accounts)s::uuid[] IS NULL OR o.account_id = ANY(%(accounts)s))
), checked AS (
    SELECT s.account_id, s.sequence, s.amount, a.points, CASE
        WHEN a.points IS NULL THEN NULL
        WHEN a.points > 0 THEN 'gives to'
        WHEN l.sequence IS NULL THEN 'is of no'
        WHEN l.sequence >= s.sequence THEN 'came before'
        WHEN w.sequence IS NOT NULL
            AND coalesce(w.released > s.sequence, TRUE) THEN 'came before the release of'
        WHEN coalesce(l.available_at > s.effective_at, TRUE) THEN 'came too early for'
        WHEN l.expires_at <= s.effective_at THEN 'came too late for'
        END || ' lot ' || a.lot_sequence || '.' || a.lot_n AS what
    FROM spends s
    LEFT JOIN ledger_allocation a
        ON a.account_id = s.account_id AND a.sequence = s.sequence
        AND (%(accounts)s::uuid[] IS NULL OR a.account_id = ANY(%(accounts)s))
    LEFT JOIN ledger_lot l ON l.account_id = a.account_id
        AND l.sequence = a.lot_sequence AND l.n = a.lot_n
        AND (%(accounts)s::uuid[] IS NULL OR l.account_id = ANY(%(accounts)s))
    LEFT JOIN waits w ON w.account_id = a.account_id AND w.sequence = a.lot_sequence
)
SELECT account_id, sequence, coalesce('the spend ' || min(what),
    'a spend of ' || amount || ' takes ' || coalesce(-sum(points), 0) || ' from lots')
FROM checked
GROUP BY account_id, sequence, amount
HAVING sum(points) IS DISTINCT FROM -amount OR count(what) > 0
LIMIT %(most)s
