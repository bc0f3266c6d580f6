-- What the row of a lot must say, from its opening, its release and its allocations.
WITH moves AS (
    SELECT a.account_id, a.lot_sequence AS sequence, a.lot_n AS n,
        sum(a.points) AS points,
        sum(a.points) FILTER (WHERE e.sequence IS NOT NULL) AS lapsed
    FROM ledger_allocation a
    LEFT JOIN ledger_entry e ON e.account_id = a.account_id
        AND e.sequence = a.sequence AND e.type = 'expire'
        AND (%(accounts)s::uuid[] IS NULL OR e.account_id = ANY(%(accounts)s))
    WHERE %(accounts)s::uuid[] IS NULL OR a.account_id = ANY(%(accounts)s)
    GROUP BY a.account_id, a.lot_sequence, a.lot_n
), waits AS (
    SELECT o.account_id, o.sequence
    FROM ledger_entry o
    LEFT JOIN ledger_entry r ON r.account_id = o.account_id
        AND r.relates_to = o.sequence AND r.type IN ('release', 'activate')
        AND (%(accounts)s::uuid[] IS NULL OR r.account_id = ANY(%(accounts)s))
    WHERE o.pending > 0 AND r.sequence IS NULL
        AND (%(accounts)s::uuid[] IS NULL OR o.account_id = ANY(%(accounts)s))
), rests AS (
    SELECT l.account_id, l.sequence, l.n,
        (l.credited + coalesce(m.points, 0))::bigint AS remaining,
        coalesce(-m.lapsed, 0)::bigint AS lapsed, w.sequence IS NOT NULL AS waits
    FROM ledger_lot l
    LEFT JOIN moves m USING (account_id, sequence, n)
    LEFT JOIN waits w USING (account_id, sequence)
    WHERE %(accounts)s::uuid[] IS NULL OR l.account_id = ANY(%(accounts)s)
)
SELECT account_id, sequence, n, remaining, lapsed, CASE
        WHEN lapsed > 0 THEN 'lapsed'
        WHEN waits AND remaining > 0 THEN 'pending'
        WHEN waits THEN 'cancelled'
        WHEN remaining > 0 THEN 'open'
        ELSE 'spent'
    END AS state, lapsed = 0 AND NOT waits AND remaining > 0 AS open
FROM rests
