-- What was earned in a stretch of time, without what was taken back of it since.
SELECT e.account_id, sum(e.amount - coalesce(u.undone, 0))::bigint
FROM ledger_entry e
LEFT JOIN LATERAL (
    SELECT sum(amount) AS undone FROM ledger_entry
    WHERE account_id = e.account_id AND relates_to = e.sequence
        AND type IN ('reverse', 'cancel')
) u ON TRUE
WHERE e.account_id = ANY(%(accounts)s) AND e.type = 'earn'
    AND e.effective_at >= %(since)s AND e.effective_at < %(until)s
    AND (%(sources)s::text[] IS NULL OR e.source = ANY(%(sources)s))
GROUP BY e.account_id
