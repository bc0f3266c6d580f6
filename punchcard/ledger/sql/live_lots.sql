-- Every lot that is pending or open, for a look into the future.
SELECT account_id, sequence, n, root, credited, validity, available_at, expires_at,
    activated_by, remaining, lapsed, state
FROM ledger_lot
WHERE account_id = ANY(%s) AND open
UNION ALL
SELECT account_id, sequence, n, root, credited, validity, available_at, expires_at,
    activated_by, remaining, lapsed, state
FROM ledger_lot
WHERE account_id = ANY(%s) AND state = 'pending'
