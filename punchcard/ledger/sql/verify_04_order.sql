-- When a spend took from a lot, no open lot earlier in spending order kept a rest.
--
-- A lot's spans are the runs of sequences after which it was open with a rest. A span
-- is a breach if a spend in it reached beyond the lot. The furthest reach among spends
-- i to j of an account comes from two running maxima, however far apart they are: for
-- k = 1, 2, 3 … the spends stand in blocks of 2^k, and from the middle of each block the
-- maximum runs outwards. The block that has i in one half and j in the other is that of
-- the highest bit in which i and j differ. So the cost is that of sorting, n log n, also
-- for an account with a long history.
--
-- Rows that belong together meet in windows and groups, not in joins; each join has one
-- row per account, or per account and k, on one side. A join of rows with rows may cost
-- their product, where PostgreSQL does not know yet that an account has grown.
WITH parts AS (
    SELECT account_id, sequence AS lot_sequence, n AS lot_n, sequence,
        credited AS points, row_number() OVER (
            PARTITION BY account_id ORDER BY expires_at NULLS LAST, sequence, n) AS place,
        NULL::boolean AS waits, NULL::bigint AS released
    FROM ledger_lot
    WHERE %(accounts)s::uuid[] IS NULL OR account_id = ANY(%(accounts)s)
    UNION ALL
    SELECT account_id, lot_sequence, lot_n, sequence, points, NULL, NULL, NULL
    FROM ledger_allocation
    WHERE %(accounts)s::uuid[] IS NULL OR account_id = ANY(%(accounts)s)
    UNION ALL
    SELECT account_id, sequence, 1, sequence, 0, NULL, TRUE, NULL
    FROM ledger_entry
    WHERE pending > 0
        AND (%(accounts)s::uuid[] IS NULL OR account_id = ANY(%(accounts)s))
    UNION ALL
    SELECT account_id, relates_to, 1, sequence, 0, NULL, NULL, sequence
    FROM ledger_entry
    WHERE type IN ('release', 'activate')
        AND (%(accounts)s::uuid[] IS NULL OR account_id = ANY(%(accounts)s))
), rests AS MATERIALIZED (
    SELECT account_id, lot_sequence, lot_n, sequence, max(place) OVER lot AS place,
        bool_or(waits) OVER lot AS waits, max(released) OVER lot AS released,
        sum(points) OVER (lot ORDER BY sequence) > 0 AS has_rest
    FROM parts
    WINDOW lot AS (PARTITION BY account_id, lot_sequence, lot_n)
), spends AS MATERIALIZED (
    SELECT account_id, sequence, max(place) AS reach, row_number() OVER (
        PARTITION BY account_id ORDER BY sequence)::integer - 1 AS i
    FROM (
        SELECT account_id, sequence, place, FALSE AS spends
        FROM rests
        WHERE sequence <> lot_sequence
        UNION ALL
        SELECT account_id, sequence, NULL, TRUE
        FROM ledger_entry
        WHERE type IN ('redeem', 'reserve', 'transfer_out')
            AND (%(accounts)s::uuid[] IS NULL OR account_id = ANY(%(accounts)s))
    ) m
    GROUP BY account_id, sequence
    HAVING bool_or(spends) AND max(place) IS NOT NULL
), spenders AS MATERIALIZED (
    SELECT account_id, array_agg(sequence ORDER BY sequence) AS sequences,
        CASE count(*) WHEN 1 THEN 1
            ELSE 33 - position('1' IN (count(*) - 1)::integer::bit(32)::text)
        END AS levels
    FROM spends
    GROUP BY account_id
), maxima AS MATERIALIZED (
    SELECT account_id, k, array_agg(reach ORDER BY i) AS reaches
    FROM (
        SELECT s.account_id, s.i, k, max(s.reach) OVER (
            PARTITION BY s.account_id, k, s.i >> (k - 1)
            ORDER BY CASE (s.i >> (k - 1)) & 1 WHEN 0 THEN -s.i ELSE s.i END
            ROWS UNBOUNDED PRECEDING) AS reach
        FROM spends s
        JOIN spenders USING (account_id)
        CROSS JOIN generate_series(1, levels) AS k
    ) m
    GROUP BY account_id, k
), turns AS (
    SELECT *, lag(has_rest, 1, FALSE) OVER (
        PARTITION BY account_id, lot_sequence, lot_n ORDER BY sequence) AS had_rest
    FROM rests
), spans AS MATERIALIZED (
    SELECT account_id, lot_sequence, lot_n, place, waits, released, has_rest,
        sequence AS first, lead(sequence) OVER (
            PARTITION BY account_id, lot_sequence, lot_n ORDER BY sequence) AS until
    FROM turns
    WHERE has_rest <> had_rest
), crossed AS (
    SELECT s.account_id, s.lot_sequence, s.lot_n, s.place,
        width_bucket(greatest(s.first, s.released) - 1, p.sequences) AS i,
        coalesce(width_bucket(s.until - 1, p.sequences),
            cardinality(p.sequences)) - 1 AS j
    FROM spans s
    JOIN spenders p USING (account_id)
    WHERE s.has_rest AND (s.waits IS NULL OR s.released IS NOT NULL)
), asked AS MATERIALIZED (
    SELECT *, CASE i WHEN j THEN 1
        ELSE 33 - position('1' IN (i # j)::bit(32)::text) END AS k
    FROM crossed
    WHERE i <= j
), breaches AS (
    SELECT c.*
    FROM asked c
    JOIN maxima m USING (account_id, k)
    WHERE greatest(m.reaches[c.i + 1], m.reaches[c.j + 1]) > c.place
    LIMIT %(most)s
)
SELECT b.account_id, min(s.sequence), 'the spend passed over lot ' || b.lot_sequence
    || '.' || b.lot_n || ', which came first and kept a rest'
FROM breaches b
JOIN spends s ON s.account_id = b.account_id
    AND s.i BETWEEN b.i AND b.j AND s.reach > b.place
GROUP BY b.account_id, b.lot_sequence, b.lot_n
