-- What the row of an account must say, from its entries.
WITH sums AS (
    SELECT account_id AS id, max(sequence) AS last_sequence,
        sum(available)::bigint AS available, sum(pending)::bigint AS pending,
        sum(reserved)::bigint AS reserved,
        coalesce(sum(available + pending + reserved) FILTER (WHERE type = 'earn'),
            0)::bigint AS lifetime,
        max(effective_at) FILTER (WHERE type IN ('earn', 'redeem', 'capture'))
            AS active_at
    FROM ledger_entry
    WHERE %(accounts)s::uuid[] IS NULL OR account_id = ANY(%(accounts)s)
    GROUP BY account_id
)
SELECT a.id, coalesce(s.available, 0) AS available, coalesce(s.pending, 0) AS pending,
    coalesce(s.reserved, 0) AS reserved, coalesce(s.lifetime, 0) AS lifetime,
    coalesce(s.last_sequence, 0) AS last_sequence, e.effective_at,
    coalesce(e.hash, decode(repeat('00', 32), 'hex')) AS hash, s.active_at
FROM ledger_account a
LEFT JOIN sums s USING (id)
LEFT JOIN ledger_entry e ON e.account_id = s.id AND e.sequence = s.last_sequence
    AND (%(accounts)s::uuid[] IS NULL OR e.account_id = ANY(%(accounts)s))
WHERE %(accounts)s::uuid[] IS NULL OR a.id = ANY(%(accounts)s)
