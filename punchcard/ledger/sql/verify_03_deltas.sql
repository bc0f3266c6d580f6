-- The deltas of an entry are those of its type, and of its amount; of a reverse or an
-- adjust, what it says had lapsed or was written off is the difference.
SELECT account_id, sequence, type || ' of ' || amount || ' has available ' || available
    || ', pending ' || pending || ', reserved ' || reserved
FROM ledger_entry
WHERE (%(accounts)s::uuid[] IS NULL OR account_id = ANY(%(accounts)s))
    AND NOT CASE
        WHEN type = 'earn' THEN
            reserved = 0 AND (available, pending) IN ((amount, 0), (0, amount))
        WHEN type IN ('redeem', 'transfer_out', 'expire') THEN
            available = -amount AND pending = 0 AND reserved = 0
        WHEN type IN ('refund', 'transfer_in') THEN
            available = amount AND pending = 0 AND reserved = 0
        WHEN type = 'reserve' THEN
            available = -amount AND pending = 0 AND reserved = amount
        WHEN type = 'capture' THEN
            available = -reserved - amount AND available >= 0 AND pending = 0
        WHEN type = 'void' THEN
            available = amount AND pending = 0 AND reserved = -amount
        WHEN type IN ('release', 'activate') THEN
            available = amount AND pending = -amount AND reserved = 0
        WHEN type = 'cancel' THEN
            available = 0 AND pending = -amount AND reserved = 0
        WHEN type = 'reverse' THEN
            available <= 0 AND pending <= 0 AND reserved = 0
            AND amount + available + pending
                = coalesce(substring(metadata->>'lapsed' FROM '^\d{1,16}$')::bigint, 0)
                + coalesce(substring(metadata->>'written_off' FROM '^\d{1,16}$')::bigint,
                    0)
        WHEN type = 'adjust' THEN
            pending = 0 AND reserved = 0 AND (available = amount
                OR available <= 0 AND amount + available = coalesce(substring(
                    metadata->>'written_off' FROM '^\d{1,16}$')::bigint, 0))
        ELSE FALSE
    END
LIMIT %(most)s
