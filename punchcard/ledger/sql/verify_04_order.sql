-- When a spend took from a lot, no open lot earlier in spending order kept a rest.
--
-- A lot's spans are the runs of sequences after which it was open with a rest. A span
-- is a breach if a spend in it reached beyond the lot. The furthest reach among spends
-- i to j of an account comes from two rows of a table of running maxima, however far
-- apart they are: for k = 1, 2, 3 … the spends stand in blocks of 2^k, and from the
-- middle of each block the maximum runs outwards. The block that has i in one half and
-- j in the other is that of the highest bit in which i and j differ. So the cost is
-- that of sorting, n log n, also for an account with a long history.
WITH lots AS MATERIALIZED (
    SELECT account_id, sequence, n, row_number() OVER (
        PARTITION BY account_id ORDER BY expires_at NULLS LAST, sequence, n) AS place
    FROM ledger_lot
    WHERE %(accounts)s::uuid[] IS NULL OR account_id = ANY(%(accounts)s)
), spends AS MATERIALIZED (
    SELECT e.account_id, e.sequence, max(l.place) AS reach, row_number() OVER (
        PARTITION BY e.account_id ORDER BY e.sequence)::integer - 1 AS i
    FROM ledger_entry e
    JOIN ledger_allocation a USING (account_id, sequence)
    JOIN lots l ON l.account_id = a.account_id
        AND l.sequence = a.lot_sequence AND l.n = a.lot_n
    WHERE e.type IN ('redeem', 'reserve', 'transfer_out')
        AND (%(accounts)s::uuid[] IS NULL OR e.account_id = ANY(%(accounts)s))
        AND (%(accounts)s::uuid[] IS NULL OR a.account_id = ANY(%(accounts)s))
    GROUP BY e.account_id, e.sequence
), spenders AS MATERIALIZED (
    SELECT account_id, array_agg(sequence ORDER BY sequence) AS sequences,
        CASE count(*) WHEN 1 THEN 1
            ELSE 33 - position('1' IN (count(*) - 1)::integer::bit(32)::text)
        END AS levels
    FROM spends
    GROUP BY account_id
), maxima AS (
    SELECT s.account_id, s.i, k, max(s.reach) OVER (
        PARTITION BY s.account_id, k, s.i >> (k - 1)
        ORDER BY CASE (s.i >> (k - 1)) & 1 WHEN 0 THEN -s.i ELSE s.i END
        ROWS UNBOUNDED PRECEDING) AS reach
    FROM spends s
    JOIN spenders USING (account_id)
    CROSS JOIN generate_series(1, levels) AS k
), waits AS (
    SELECT o.account_id, o.sequence, r.sequence AS released
    FROM ledger_entry o
    LEFT JOIN ledger_entry r ON r.account_id = o.account_id
        AND r.relates_to = o.sequence AND r.type IN ('release', 'activate')
        AND (%(accounts)s::uuid[] IS NULL OR r.account_id = ANY(%(accounts)s))
    WHERE o.pending > 0
        AND (%(accounts)s::uuid[] IS NULL OR o.account_id = ANY(%(accounts)s))
), rests AS (
    SELECT account_id, lot_sequence, lot_n, sequence, sum(points) OVER (
        PARTITION BY account_id, lot_sequence, lot_n ORDER BY sequence) > 0 AS has_rest
    FROM (
        SELECT account_id, sequence AS lot_sequence, n AS lot_n, sequence,
            credited AS points
        FROM ledger_lot
        WHERE %(accounts)s::uuid[] IS NULL OR account_id = ANY(%(accounts)s)
        UNION ALL
        SELECT account_id, lot_sequence, lot_n, sequence, points
        FROM ledger_allocation
        WHERE %(accounts)s::uuid[] IS NULL OR account_id = ANY(%(accounts)s)
    ) c
), turns AS (
    SELECT *, lag(has_rest, 1, FALSE) OVER (
        PARTITION BY account_id, lot_sequence, lot_n ORDER BY sequence) AS had_rest
    FROM rests
), spans AS (
    SELECT account_id, lot_sequence, lot_n, has_rest, sequence AS first,
        lead(sequence) OVER (
            PARTITION BY account_id, lot_sequence, lot_n ORDER BY sequence) AS until
    FROM turns
    WHERE has_rest <> had_rest
), crossed AS (
    SELECT s.account_id, s.lot_sequence, s.lot_n,
        width_bucket(CASE WHEN w.sequence IS NULL THEN s.first
            ELSE greatest(s.first, w.released) END - 1, p.sequences) AS i,
        coalesce(width_bucket(s.until - 1, p.sequences),
            cardinality(p.sequences)) - 1 AS j
    FROM spans s
    JOIN spenders p USING (account_id)
    LEFT JOIN waits w ON w.account_id = s.account_id AND w.sequence = s.lot_sequence
    WHERE s.has_rest AND (w.sequence IS NULL OR w.released IS NOT NULL)
), asked AS MATERIALIZED (
    SELECT *, CASE i WHEN j THEN 1
        ELSE 33 - position('1' IN (i # j)::bit(32)::text) END AS k
    FROM crossed
    WHERE i <= j
), breaches AS (
    SELECT c.account_id, c.i, c.j, l.sequence, l.n, l.place
    FROM asked c
    JOIN lots l ON l.account_id = c.account_id
        AND l.sequence = c.lot_sequence AND l.n = c.lot_n
    JOIN maxima f ON f.account_id = c.account_id AND f.k = c.k AND f.i = c.i
    JOIN maxima t ON t.account_id = c.account_id AND t.k = c.k AND t.i = c.j
    WHERE greatest(f.reach, t.reach) > l.place
    LIMIT %(most)s
)
SELECT b.account_id, min(s.sequence), 'the spend passed over lot ' || b.sequence || '.'
    || b.n || ', which came first and kept a rest'
FROM breaches b
JOIN spends s ON s.account_id = b.account_id
    AND s.i BETWEEN b.i AND b.j AND s.reach > b.place
GROUP BY b.account_id, b.sequence, b.n
