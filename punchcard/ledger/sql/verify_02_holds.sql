-- What open holds set aside is what is reserved; a hold is what its reserve says.
WITH holds AS (
    SELECT *
    FROM ledger_hold
    WHERE %(accounts)s::uuid[] IS NULL OR account_id = ANY(%(accounts)s)
), sums AS (
    SELECT account_id, sum(points) AS points FROM holds WHERE open GROUP BY account_id
), accounts AS (
    SELECT id, reserved
    FROM ledger_account
    WHERE %(accounts)s::uuid[] IS NULL OR id = ANY(%(accounts)s)
), reserves AS (
    SELECT account_id, sequence, reserved, expires_at
    FROM ledger_entry
    WHERE type = 'reserve'
        AND (%(accounts)s::uuid[] IS NULL OR account_id = ANY(%(accounts)s))
)
(
    SELECT coalesce(a.id, s.account_id), NULL::bigint, CASE
        WHEN a.id IS NULL THEN 'holds without an account'
        ELSE 'open holds set aside ' || coalesce(s.points, 0) || ', reserved is '
            || a.reserved
        END
    FROM accounts a
    FULL JOIN sums s ON s.account_id = a.id
    WHERE a.id IS NULL OR coalesce(s.points, 0) <> a.reserved
    LIMIT %(most)s
)
UNION ALL
(
    SELECT account_id, sequence, CASE
        WHEN h.points IS NULL THEN 'a reserve without its hold'
        WHEN r.reserved IS NULL THEN 'a hold without its reserve'
        ELSE 'the hold sets aside ' || h.points || ' until ' || h.expires_at
            || ', its reserve ' || r.reserved || ' until '
            || coalesce(r.expires_at::text, 'null')
        END
    FROM holds h
    FULL JOIN reserves r USING (account_id, sequence)
    WHERE h.points IS DISTINCT FROM r.reserved
        OR h.expires_at IS DISTINCT FROM r.expires_at
    LIMIT %(most)s
)
