-- Entries that a batch names, with what was undone of them and what they took (of a
-- capture: what its reserve took).
SELECT e.account_id, e.sequence, e.type, e.amount,
    coalesce(u.undone, 0)::bigint, coalesce(u.lapsed, 0)::bigint,
    t.lots, t.numbers, t.points
FROM unnest(%(accounts)s, %(sequences)s) AS n(account_id, sequence)
JOIN ledger_entry e USING (account_id, sequence)
CROSS JOIN LATERAL (
    SELECT sum(r.amount) AS undone,
        sum(coalesce((r.metadata->>'lapsed')::bigint, 0)) AS lapsed
    FROM ledger_entry r
    WHERE r.account_id = e.account_id AND r.relates_to = e.sequence
        AND r.type IN ('refund', 'reverse', 'cancel')
) u
CROSS JOIN LATERAL (
    SELECT array_agg(a.lot_sequence ORDER BY a.n) AS lots,
        array_agg(a.lot_n ORDER BY a.n) AS numbers,
        array_agg(-a.points ORDER BY a.n) AS points
    FROM ledger_allocation a
    WHERE a.account_id = e.account_id AND a.sequence = CASE e.type
        WHEN 'redeem' THEN e.sequence WHEN 'capture' THEN e.relates_to END
) t
