-- A hold is resolved at most once and whole, a lot released at most once; refunds never
-- exceed their spend, nor reversals and cancellations together their earn.
WITH undone AS (
    SELECT account_id, relates_to, CASE
            WHEN type IN ('capture', 'void') THEN 'resolved'
            WHEN type IN ('release', 'activate') THEN 'released'
            WHEN type = 'refund' THEN 'refunded'
            ELSE 'taken back'
        END AS how, count(*) AS times, sum(amount) AS amount,
        sum(reserved) AS reserved, min(sequence) AS first, max(sequence) AS last
    FROM ledger_entry
    WHERE type IN ('capture', 'void', 'release', 'activate', 'refund', 'reverse',
            'cancel')
        AND (%(accounts)s::uuid[] IS NULL OR account_id = ANY(%(accounts)s))
    GROUP BY 1, 2, 3
)
SELECT u.account_id, u.last, CASE
    WHEN e.sequence IS NULL THEN 'something was ' || u.how || ' that is not there'
    ELSE e.type || ' ' || e.sequence || ' of ' || e.amount || ' was ' || u.how || ' '
        || u.times || ' times, from entry ' || u.first || ' on: ' || u.amount
    END
FROM undone u
LEFT JOIN ledger_entry e ON e.account_id = u.account_id AND e.sequence = u.relates_to
    AND (%(accounts)s::uuid[] IS NULL OR e.account_id = ANY(%(accounts)s))
WHERE e.sequence IS NULL
    OR u.first <= e.sequence
    OR NOT CASE u.how
        WHEN 'resolved' THEN
            e.type = 'reserve' AND u.times = 1 AND u.reserved = -e.reserved
        WHEN 'released' THEN e.pending > 0 AND u.times = 1 AND u.amount <= e.amount
        WHEN 'refunded' THEN
            e.type IN ('redeem', 'capture') AND u.amount <= e.amount
        ELSE e.type = 'earn' AND u.amount <= e.amount
    END
LIMIT %(most)s
