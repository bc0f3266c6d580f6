-- What remains of a lot is what was credited and all its allocations, and at no
-- moment was that less than nothing or more than was credited.
WITH steps AS (
    SELECT account_id, lot_sequence, lot_n, sequence, sum(points) OVER (
        PARTITION BY account_id, lot_sequence, lot_n ORDER BY sequence, n
        ROWS UNBOUNDED PRECEDING)::bigint AS moved, points
    FROM ledger_allocation
    WHERE %(accounts)s::uuid[] IS NULL OR account_id = ANY(%(accounts)s)
), moves AS (
    SELECT account_id, lot_sequence AS sequence, lot_n AS n,
        sum(points) AS moved, min(moved) AS lowest, max(moved) AS highest,
        min(sequence) AS first
    FROM steps
    GROUP BY account_id, lot_sequence, lot_n
), lots AS (
    SELECT account_id, sequence, n, credited, remaining
    FROM ledger_lot
    WHERE %(accounts)s::uuid[] IS NULL OR account_id = ANY(%(accounts)s)
)
SELECT account_id, sequence, 'lot ' || sequence || '.' || n || CASE
    WHEN l.credited IS NULL THEN ' is not there, but its allocations are'
    WHEN m.first < sequence THEN ' was used by entry ' || m.first || ', before it'
    WHEN l.remaining <> l.credited + coalesce(m.moved, 0) THEN
        ': ' || l.remaining || ' remain, but ' || l.credited || ' were credited and '
        || coalesce(m.moved, 0) || ' allocated'
    ELSE ': its rest once was ' || CASE
        WHEN l.credited + m.lowest < 0 THEN l.credited + m.lowest
        ELSE l.credited + m.highest END || ' of ' || l.credited
    END
FROM lots l
FULL JOIN moves m USING (account_id, sequence, n)
WHERE l.credited IS NULL
    OR m.first < sequence
    OR l.remaining <> l.credited + coalesce(m.moved, 0)
    OR l.credited + m.lowest < 0
    OR m.highest > 0
LIMIT %(most)s
