-- Open holds that time out up to `until`, and one more; and those that are named, open
-- or not. Each with what it took.
SELECT h.account_id, h.sequence, h.points, h.expires_at, h.resolved_by,
    l.account_id, l.sequence, l.n, l.root, l.credited, l.validity, l.available_at,
    l.expires_at, l.activated_by, l.remaining, l.lapsed, l.state, -a.points
FROM (
    SELECT d.*
    FROM unnest(%(accounts)s, %(until)s) AS asked(account_id, until)
    JOIN ledger_hold d ON d.account_id = asked.account_id AND d.open
        AND (d.expires_at <= asked.until OR (d.expires_at, d.sequence) = (
            SELECT f.expires_at, f.sequence FROM ledger_hold f
            WHERE f.account_id = asked.account_id AND f.open
                AND f.expires_at > asked.until
            ORDER BY f.expires_at, f.sequence LIMIT 1))
    UNION
    SELECT d.*
    FROM unnest(%(named_accounts)s, %(named)s) AS n(account_id, sequence)
    JOIN ledger_hold d USING (account_id, sequence)
) h
JOIN ledger_allocation a ON a.account_id = h.account_id AND a.sequence = h.sequence
JOIN ledger_lot l ON l.account_id = a.account_id
    AND l.sequence = a.lot_sequence AND l.n = a.lot_n
ORDER BY h.account_id, h.sequence, a.n
