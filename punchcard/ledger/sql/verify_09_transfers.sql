-- A transfer is one entry out and one in, which name each other: the same points, the
-- same instant, and as many lots in as out, with the same points and expiries.
WITH asked AS (
    SELECT account_id, sequence, type, transfer_id, available, effective_at,
        other_account_id, other_sequence
    FROM ledger_entry
    WHERE (transfer_id IS NOT NULL OR type IN ('transfer_out', 'transfer_in'))
        AND (%(accounts)s::uuid[] IS NULL OR account_id = ANY(%(accounts)s))
), sides AS (
    SELECT * FROM asked
    UNION
    SELECT o.account_id, o.sequence, o.type, o.transfer_id, o.available,
        o.effective_at, o.other_account_id, o.other_sequence
    FROM asked a
    JOIN ledger_entry o
        ON o.account_id = a.other_account_id AND o.sequence = a.other_sequence
    WHERE NOT %(accounts)s::uuid[] IS NULL
), parts AS (
    SELECT s.account_id, s.sequence,
        array_agg(p.points ORDER BY p.expires_at, p.points) AS points,
        array_agg(p.expires_at ORDER BY p.expires_at, p.points) AS expiries
    FROM sides s
    CROSS JOIN LATERAL (
        SELECT -a.points AS points, l.expires_at
        FROM ledger_allocation a
        JOIN ledger_lot l ON l.account_id = a.account_id
            AND l.sequence = a.lot_sequence AND l.n = a.lot_n
        WHERE s.type = 'transfer_out'
            AND a.account_id = s.account_id AND a.sequence = s.sequence
        UNION ALL
        SELECT l.credited, l.expires_at
        FROM ledger_lot l
        WHERE s.type = 'transfer_in'
            AND l.account_id = s.account_id AND l.sequence = s.sequence
    ) p
    GROUP BY s.account_id, s.sequence
), transfers AS (
    SELECT transfer_id, count(*) AS entries, sum(available) AS net
    FROM sides
    GROUP BY transfer_id
)
SELECT s.account_id, s.sequence, CASE
    WHEN s.transfer_id IS NULL OR s.type NOT IN ('transfer_out', 'transfer_in')
        THEN s.type || ' with the transfer ' || coalesce(s.transfer_id::text, 'null')
    WHEN t.entries <> 2 THEN 'its transfer has ' || t.entries || ' entries'
    WHEN t.net <> 0 THEN 'its transfer comes to ' || t.net || ', not to 0'
    WHEN o.account_id IS NULL THEN 'the other side does not name it'
    WHEN s.effective_at <> o.effective_at THEN 'the other side has another instant'
    ELSE 'the lots of both sides differ in points or expiry'
    END
FROM sides s
LEFT JOIN transfers t USING (transfer_id)
LEFT JOIN sides o ON o.account_id = s.other_account_id AND o.sequence = s.other_sequence
    AND o.other_account_id = s.account_id AND o.other_sequence = s.sequence
    AND o.transfer_id = s.transfer_id AND o.type <> s.type
LEFT JOIN parts p ON p.account_id = s.account_id AND p.sequence = s.sequence
LEFT JOIN parts q ON q.account_id = o.account_id AND q.sequence = o.sequence
WHERE s.transfer_id IS NULL
    OR s.type NOT IN ('transfer_out', 'transfer_in')
    OR t.entries <> 2
    OR t.net <> 0
    OR o.account_id IS NULL
    OR s.effective_at <> o.effective_at
    OR p.points IS DISTINCT FROM q.points
    OR p.expiries IS DISTINCT FROM q.expiries
LIMIT %(most)s
