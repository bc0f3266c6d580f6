-- What remains in open lots is what is available (nothing in debt); what remains in
-- pending lots is what is pending.
WITH rests AS (
    SELECT account_id,
        sum(remaining) FILTER (WHERE open) AS open,
        sum(remaining) FILTER (WHERE state = 'pending') AS pending
    FROM ledger_lot
    WHERE (open OR state = 'pending')
        AND (%(accounts)s::uuid[] IS NULL OR account_id = ANY(%(accounts)s))
    GROUP BY account_id
), accounts AS (
    SELECT id, available, pending
    FROM ledger_account
    WHERE %(accounts)s::uuid[] IS NULL OR id = ANY(%(accounts)s)
)
SELECT coalesce(a.id, r.account_id), NULL::bigint, CASE
    WHEN a.id IS NULL THEN 'lots without an account'
    WHEN coalesce(r.open, 0) <> greatest(a.available, 0) THEN
        'open lots hold ' || coalesce(r.open, 0) || ', available is ' || a.available
    ELSE
        'pending lots hold ' || coalesce(r.pending, 0) || ', pending is ' || a.pending
    END
FROM accounts a
FULL JOIN rests r ON r.account_id = a.id
WHERE a.id IS NULL
    OR coalesce(r.open, 0) <> greatest(a.available, 0)
    OR coalesce(r.pending, 0) <> a.pending
LIMIT %(most)s
