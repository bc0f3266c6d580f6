-- What has waited longest: at least one post, then as many as have so many entries.
WITH oldest AS (
    SELECT account_id, first_sequence, last_sequence, recorded_xid
    FROM ledger_outbox WHERE relayed_at IS NULL
    ORDER BY recorded_xid LIMIT %(posts)s
), counted AS (
    SELECT account_id, first_sequence, last_sequence,
        sum(last_sequence - first_sequence + 1)
            OVER (ORDER BY recorded_xid, account_id, first_sequence)
            - (last_sequence - first_sequence + 1) AS before
    FROM oldest
)
SELECT account_id, first_sequence, last_sequence FROM counted
WHERE before < %(entries)s
