-- A key has one effect in its account: one entry, or one refusal. Every command has a
-- key and a fingerprint; what time does by itself and what a transfer brings has none.
WITH keys AS (
    SELECT account_id, key, count(*) AS uses, max(sequence) AS sequence
    FROM (
        SELECT account_id, key, sequence
        FROM ledger_entry
        WHERE key IS NOT NULL
            AND (%(accounts)s::uuid[] IS NULL OR account_id = ANY(%(accounts)s))
        UNION ALL
        SELECT account_id, key, NULL
        FROM ledger_refusal
        WHERE %(accounts)s::uuid[] IS NULL OR account_id = ANY(%(accounts)s)
    ) k
    GROUP BY account_id, key
    HAVING count(*) > 1
    LIMIT %(most)s
)
SELECT account_id, sequence, 'key ' || key || ' is used ' || uses || ' times'
FROM keys
UNION ALL
(
    SELECT account_id, sequence,
        type || CASE WHEN key IS NULL THEN ' without a key' ELSE ' has a key' END
    FROM ledger_entry
    WHERE (%(accounts)s::uuid[] IS NULL OR account_id = ANY(%(accounts)s))
        AND (key IS NULL) <> (type IN ('release', 'expire', 'transfer_in')
            OR type = 'void' AND source = 'system' AND key IS NULL)
    LIMIT %(most)s
)
