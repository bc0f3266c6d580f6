-- What the row of a hold must say, from the entry that resolved it.
SELECT h.account_id, h.sequence, r.sequence IS NULL AS open, r.sequence AS resolved_by
FROM ledger_hold h
LEFT JOIN (
    SELECT account_id, relates_to, min(sequence) AS sequence
    FROM ledger_entry
    WHERE type IN ('capture', 'void')
        AND (%(accounts)s::uuid[] IS NULL OR account_id = ANY(%(accounts)s))
    GROUP BY account_id, relates_to
) r ON r.account_id = h.account_id AND r.relates_to = h.sequence
WHERE %(accounts)s::uuid[] IS NULL OR h.account_id = ANY(%(accounts)s)
