-- A lot lapses at most once, by exactly what remained of it then, and stays lapsed.
WITH lapses AS (
    SELECT a.account_id, a.lot_sequence, a.lot_n, min(a.sequence) AS sequence,
        count(*) AS times, -sum(a.points) AS points
    FROM ledger_entry e
    JOIN ledger_allocation a USING (account_id, sequence)
    WHERE e.type = 'expire'
        AND (%(accounts)s::uuid[] IS NULL OR e.account_id = ANY(%(accounts)s))
        AND (%(accounts)s::uuid[] IS NULL OR a.account_id = ANY(%(accounts)s))
    GROUP BY a.account_id, a.lot_sequence, a.lot_n
), moves AS (
    SELECT account_id, lot_sequence, lot_n, l.sequence, l.times, l.points,
        sum(a.points) FILTER (WHERE a.sequence <= l.sequence) AS moved,
        max(a.sequence) AS last
    FROM lapses l
    JOIN ledger_allocation a USING (account_id, lot_sequence, lot_n)
    WHERE %(accounts)s::uuid[] IS NULL OR a.account_id = ANY(%(accounts)s)
    GROUP BY account_id, lot_sequence, lot_n, l.sequence, l.times, l.points
)
SELECT l.account_id, coalesce(m.sequence, l.sequence),
    'lot ' || l.sequence || '.' || l.n || CASE
    WHEN m.times > 1 THEN ' lapsed ' || m.times || ' times'
    WHEN l.credited + m.moved <> 0 THEN
        ' lapsed and kept ' || (l.credited + m.moved)
    WHEN m.last > m.sequence THEN ' lapsed, but entry ' || m.last || ' used it'
    ELSE ' says ' || l.lapsed || ' lapsed, its entries ' || coalesce(m.points, 0)
    END
FROM ledger_lot l
LEFT JOIN moves m ON m.account_id = l.account_id
    AND m.lot_sequence = l.sequence AND m.lot_n = l.n
WHERE (%(accounts)s::uuid[] IS NULL OR l.account_id = ANY(%(accounts)s))
    AND (m.times > 1 OR l.credited + m.moved <> 0 OR m.last > m.sequence
        OR l.lapsed <> coalesce(m.points, 0))
LIMIT %(most)s
