-- A lot that waited for an event has the dates of the `activate` entry it names; they
-- were set after its opening, so only that entry's hash covers them.
WITH activations AS (
    SELECT account_id, sequence, relates_to, available_at, expires_at
    FROM ledger_entry
    WHERE type = 'activate'
        AND (%(accounts)s::uuid[] IS NULL OR account_id = ANY(%(accounts)s))
), lots AS (
    SELECT account_id, sequence, n, activated_by, available_at, expires_at
    FROM ledger_lot
    WHERE activated_by IS NOT NULL
        AND (%(accounts)s::uuid[] IS NULL OR account_id = ANY(%(accounts)s))
)
SELECT coalesce(l.account_id, a.account_id), coalesce(a.sequence, l.activated_by), CASE
    WHEN l.sequence IS NULL THEN 'activates no lot'
    WHEN a.sequence IS NULL THEN
        'lot ' || l.sequence || '.' || l.n || ' names it, but it activates another'
    ELSE 'the dates of lot ' || l.sequence || '.' || l.n || ' are not those it set'
    END
FROM lots l
FULL JOIN activations a ON a.account_id = l.account_id
    AND a.relates_to = l.sequence AND a.sequence = l.activated_by
WHERE l.sequence IS NULL OR a.sequence IS NULL
    OR l.available_at IS DISTINCT FROM a.available_at
    OR l.expires_at IS DISTINCT FROM a.expires_at
LIMIT %(most)s
