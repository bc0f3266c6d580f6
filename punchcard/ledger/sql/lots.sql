-- Lots that a batch can need: due ones, those a debit spends, those a named spend
-- took from, and those that stem from a named earn.
SELECT account_id, sequence, n, root, credited, validity, available_at, expires_at,
    activated_by, remaining, lapsed, state, TRUE AS walked
FROM ledger_needed_lots(%(accounts)s, %(until)s, %(need)s)
UNION ALL
SELECT l.account_id, l.sequence, l.n, l.root, l.credited, l.validity, l.available_at,
    l.expires_at, l.activated_by, l.remaining, l.lapsed, l.state, FALSE
FROM unnest(%(spend_accounts)s, %(spends)s) AS s(account_id, sequence)
JOIN ledger_allocation a ON a.account_id = s.account_id AND a.sequence = s.sequence
JOIN ledger_lot l ON l.account_id = a.account_id
    AND l.sequence = a.lot_sequence AND l.n = a.lot_n
UNION ALL
SELECT l.account_id, l.sequence, l.n, l.root, l.credited, l.validity, l.available_at,
    l.expires_at, l.activated_by, l.remaining, l.lapsed, l.state, FALSE
FROM unnest(%(earn_accounts)s, %(earns)s) AS s(account_id, sequence)
JOIN ledger_lot l USING (account_id, sequence)
UNION ALL
SELECT l.account_id, l.sequence, l.n, l.root, l.credited, l.validity, l.available_at,
    l.expires_at, l.activated_by, l.remaining, l.lapsed, l.state, FALSE
FROM unnest(%(earn_accounts)s, %(earns)s) AS s(account_id, sequence)
JOIN ledger_lot l ON l.account_id = s.account_id AND l.root = s.sequence
    AND l.root <> l.sequence
