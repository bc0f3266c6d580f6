-- Lots of one account as they stand, but for those that time has changed since.
SELECT l.sequence, l.n, l.root, l.credited, coalesce(c.remaining, l.remaining),
    coalesce(c.lapsed, l.lapsed), coalesce(c.state, l.state), l.validity,
    l.available_at, l.expires_at
FROM ledger_lot l
LEFT JOIN unnest(%(sequences)s, %(ns)s, %(remaining)s, %(lapsed)s, %(changed)s)
    AS c(sequence, n, remaining, lapsed, state) USING (sequence, n)
WHERE l.account_id = %(account)s
