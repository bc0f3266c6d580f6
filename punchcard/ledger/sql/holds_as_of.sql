-- Holds of one account: open ones whose time is over are open no more.
SELECT h.sequence, h.points, h.open AND h.expires_at > %(as_of)s, h.expires_at,
    e.effective_at, e.reference_type, e.reference_id, h.resolved_by,
    CASE r.type WHEN 'capture' THEN r.amount ELSE 0 END
FROM ledger_hold h
JOIN ledger_entry e USING (account_id, sequence)
LEFT JOIN ledger_entry r
    ON r.account_id = h.account_id AND r.sequence = h.resolved_by
WHERE h.account_id = %(account)s
