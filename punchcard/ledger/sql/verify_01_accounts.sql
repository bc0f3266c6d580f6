-- The numbers of an account are those of its last entry, and the sums of all deltas.
WITH sums AS (
    SELECT account_id, max(sequence) AS sequence,
        sum(available) AS available, sum(pending) AS pending,
        sum(reserved) AS reserved,
        sum(available + pending + reserved) FILTER (WHERE type = 'earn') AS lifetime
    FROM ledger_entry
    WHERE %(accounts)s::uuid[] IS NULL OR account_id = ANY(%(accounts)s)
    GROUP BY account_id
), lasts AS (
    SELECT e.account_id, e.sequence, e.balance, e.pending_after, e.reserved_after,
        e.lifetime_after, e.effective_at, e.hash, s.available, s.pending, s.reserved,
        coalesce(s.lifetime, 0) AS lifetime
    FROM sums s
    JOIN ledger_entry e USING (account_id, sequence)
    WHERE %(accounts)s::uuid[] IS NULL OR e.account_id = ANY(%(accounts)s)
), accounts AS (
    SELECT *
    FROM ledger_account
    WHERE %(accounts)s::uuid[] IS NULL OR id = ANY(%(accounts)s)
)
SELECT coalesce(a.id, e.account_id), e.sequence, CASE
    WHEN a.id IS NULL THEN 'entries without an account'
    ELSE v.name || ' is ' || v.cached || ', after the last entry ' || v.last
        || ', by sum of all entries ' || v.summed
    END
FROM accounts a
FULL JOIN lasts e ON e.account_id = a.id
CROSS JOIN LATERAL (VALUES
    ('available', a.available::text, coalesce(e.balance, 0)::text,
        coalesce(e.available, 0)::text),
    ('pending', a.pending::text, coalesce(e.pending_after, 0)::text,
        coalesce(e.pending, 0)::text),
    ('reserved', a.reserved::text, coalesce(e.reserved_after, 0)::text,
        coalesce(e.reserved, 0)::text),
    ('lifetime', a.lifetime::text, coalesce(e.lifetime_after, 0)::text,
        coalesce(e.lifetime, 0)::text),
    ('last_sequence', a.last_sequence::text, coalesce(e.sequence, 0)::text, 'the same'),
    ('effective_at', coalesce(a.effective_at::text, 'null'),
        coalesce(e.effective_at::text, 'null'), 'the same'),
    ('hash', a.hash::text, coalesce(e.hash, decode(repeat('00', 32), 'hex'))::text,
        'the same')
) AS v(name, cached, last, summed)
WHERE (
        a.id IS NULL
        OR (a.available, a.pending, a.reserved, a.lifetime, a.last_sequence, a.hash)
            <> (coalesce(e.balance, 0), coalesce(e.pending_after, 0),
                coalesce(e.reserved_after, 0), coalesce(e.lifetime_after, 0),
                coalesce(e.sequence, 0),
                coalesce(e.hash, decode(repeat('00', 32), 'hex')))
        OR a.effective_at IS DISTINCT FROM e.effective_at
        OR (a.available, a.pending, a.reserved, a.lifetime)
            <> (e.available, e.pending, e.reserved, e.lifetime)
    ) AND (
        a.id IS NULL AND v.name = 'available'
        OR v.cached <> v.last
        OR v.cached <> v.summed AND v.summed <> 'the same'
    )
LIMIT %(most)s
