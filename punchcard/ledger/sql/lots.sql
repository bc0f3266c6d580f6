-- Lots that a batch can need: due ones, those a debit spends, those a named spend took
-- from (a capture: its reserve), those that stem from a named earn, and named ones.
SELECT account_id, sequence, n, root, credited, validity, available_at, expires_at,
    activated_by, remaining, lapsed, state, TRUE AS walked
FROM ledger_needed_lots(%(accounts)s, %(until)s, %(need)s)
UNION ALL
SELECT l.account_id, l.sequence, l.n, l.root, l.credited, l.validity, l.available_at,
    l.expires_at, l.activated_by, l.remaining, l.lapsed, l.state, FALSE
FROM unnest(%(spend_accounts)s, %(spends)s) AS s(account_id, sequence)
JOIN ledger_entry e ON e.account_id = s.account_id AND e.sequence = s.sequence
JOIN ledger_allocation a ON a.account_id = e.account_id
    AND a.sequence = CASE e.type WHEN 'capture' THEN e.relates_to ELSE e.sequence END
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
UNION ALL
SELECT l.account_id, l.sequence, l.n, l.root, l.credited, l.validity, l.available_at,
    l.expires_at, l.activated_by, l.remaining, l.lapsed, l.state, FALSE
FROM unnest(%(lot_accounts)s, %(lots)s, %(lot_numbers)s) AS s(account_id, sequence, n)
JOIN ledger_lot l ON l.account_id = s.account_id AND l.sequence = s.sequence
    AND l.n = s.n
