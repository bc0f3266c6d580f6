-- What an entry adds to available and pending is what went into lots and came out of
-- them, and what went into debt or paid it.
WITH moves AS (
    SELECT account_id, sequence, sum(points) AS points
    FROM (
        SELECT account_id, sequence, credited AS points
        FROM ledger_lot
        WHERE %(accounts)s::uuid[] IS NULL OR account_id = ANY(%(accounts)s)
        UNION ALL
        SELECT account_id, sequence, points
        FROM ledger_allocation
        WHERE %(accounts)s::uuid[] IS NULL OR account_id = ANY(%(accounts)s)
    ) m
    GROUP BY account_id, sequence
), entries AS (
    SELECT account_id, sequence, available + pending AS moved,
        least(balance, 0) - least(balance - available, 0) AS owed
    FROM ledger_entry
    WHERE %(accounts)s::uuid[] IS NULL OR account_id = ANY(%(accounts)s)
)
SELECT account_id, sequence, CASE
    WHEN e.moved IS NULL THEN 'lots or allocations without their entry'
    ELSE 'available and pending change by ' || e.moved || ', its lots and allocations'
        || ' come to ' || coalesce(m.points, 0) || ', the change of debt to ' || e.owed
    END
FROM entries e
FULL JOIN moves m USING (account_id, sequence)
WHERE e.moved IS NULL OR e.moved <> coalesce(m.points, 0) + e.owed
LIMIT %(most)s
