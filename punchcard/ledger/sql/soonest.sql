-- When open lots expire next, and how many points; null and 0: never.
SELECT asked.account_id, s.expires_at, coalesce(p.points, 0)::bigint
FROM unnest(%s) AS asked(account_id)
CROSS JOIN LATERAL (
    SELECT expires_at FROM ledger_lot
    WHERE account_id = asked.account_id AND open
    ORDER BY expires_at, sequence, n LIMIT 1
) s
CROSS JOIN LATERAL (
    SELECT sum(remaining) AS points FROM ledger_lot
    WHERE account_id = asked.account_id AND open AND expires_at = s.expires_at
) p
