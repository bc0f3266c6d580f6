-- next_due_at is no later than the first of: a pending lot's release, an open lot's
-- expiry, an open hold's time-out, and all open lots' end for want of activity (unless
-- that has passed).
--
-- As in kernel/calendar.py, years to days of `idle` are counted on the wall clock, of an
-- hour that comes twice the first one is meant, and hours to seconds are elapsed time.
-- (PostgreSQL takes no decimal comma.)
WITH idlers AS (
    SELECT a.id, a.effective_at, p.time_zone AS zone, i.idle,
        a.active_at AT TIME ZONE p.time_zone + date_trunc('day', i.idle) AS wall
    FROM ledger_account a
    JOIN programs_wallet w ON w.id = a.wallet_id AND w.idle IS NOT NULL
    JOIN programs_program p ON p.id = w.program_id
    CROSS JOIN LATERAL (
        SELECT replace(w.idle, ',', '.')::interval AS idle
    ) i
    WHERE a.available > 0
        AND (%(accounts)s::uuid[] IS NULL OR a.id = ANY(%(accounts)s))
), dues AS (
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
    UNION ALL
    SELECT id, idles_at
    FROM idlers i
    CROSS JOIN LATERAL (
        SELECT i.idle - date_trunc('day', i.idle) + coalesce(
            (
                SELECT min(t)
                FROM generate_series(i.wall AT TIME ZONE i.zone - interval '3 hours',
                    i.wall AT TIME ZONE i.zone, interval '30 minutes') AS t
                WHERE t AT TIME ZONE i.zone = i.wall
            ),
            i.wall AT TIME ZONE i.zone) AS idles_at
    ) e
    WHERE idles_at > effective_at
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
