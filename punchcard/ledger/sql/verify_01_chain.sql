-- Entries run 1, 2, 3 without gaps; each starts from the numbers after the one before
-- it; and the time at which they took effect never goes back.
SELECT account_id, sequence, what
FROM (
    SELECT account_id, sequence, CASE
        WHEN sequence <> before + 1 THEN 'comes after entry ' || before
        WHEN balance <> balance_before + available THEN
            'balance ' || balance || ' is not ' || balance_before || ' + ' || available
        WHEN pending_after <> pending_before + pending THEN
            'pending_after ' || pending_after || ' is not ' || pending_before
            || ' + ' || pending
        WHEN reserved_after <> reserved_before + reserved THEN
            'reserved_after ' || reserved_after || ' is not ' || reserved_before
            || ' + ' || reserved
        WHEN lifetime_after <> lifetime_before
            + CASE type WHEN 'earn' THEN available + pending + reserved ELSE 0 END THEN
            'lifetime_after ' || lifetime_after || ' does not follow '
            || lifetime_before
        WHEN effective_at < effective_before THEN
            'took effect at ' || effective_at || ', before ' || effective_before
        END AS what
    FROM (
        SELECT account_id, sequence, type, available, pending, reserved, balance,
            pending_after, reserved_after, lifetime_after, effective_at,
            lag(sequence, 1, 0::bigint) OVER account AS before,
            lag(balance, 1, 0::bigint) OVER account AS balance_before,
            lag(pending_after, 1, 0::bigint) OVER account AS pending_before,
            lag(reserved_after, 1, 0::bigint) OVER account AS reserved_before,
            lag(lifetime_after, 1, 0::bigint) OVER account AS lifetime_before,
            lag(effective_at) OVER account AS effective_before
        FROM ledger_entry
        WHERE %(accounts)s::uuid[] IS NULL OR account_id = ANY(%(accounts)s)
        WINDOW account AS (PARTITION BY account_id ORDER BY sequence)
    ) e
) e
WHERE what IS NOT NULL
LIMIT %(most)s
