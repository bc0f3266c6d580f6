-- next_due_at is no later than the first of: a pending lot's release, an open lot's
-- expiry, an open hold's time-out.
WITH dues AS (
    SELECT account_id, available_at AS due_at
    FROM ledger_lot
    WHERE state = 'pending' AND available_at IS NOT NULL
        AND (%(accounts)s::uuid[] IS NULL OR account_id = ANY(%(accounts)s))
    UNION ALL
    SELECT account_id, expires_at
    FROM ledger_lot
    WHERE open AND expires_at IS NOT NULL
        AND (%(accounts)s::uuid[] IS NULL OR account_id = ANY(%(accounts)s))
    UNION ALL
    SELECT account_id, expires_at
    FROM ledger_hold
    WHERE open
        AND (%(accounts)s::uuid[] IS NULL OR account_id = ANY(%(accounts)s))
), firsts AS (
    SELECT account_id, min(due_at) AS due_at FROM dues GROUP BY account_id
)
SELECT a.id, NULL::bigint, 'next_due_at is ' || coalesce(a.next_due_at::text, 'null')
    || ', but something falls due at ' || f.due_at
FROM firsts f
JOIN ledger_account a ON a.id = f.account_id
WHERE (%(accounts)s::uuid[] IS NULL OR a.id = ANY(%(accounts)s))
    AND (a.next_due_at IS NULL OR a.next_due_at > f.due_at)
LIMIT %(most)s
