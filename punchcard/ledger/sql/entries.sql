-- Which entries of one account are wanted, and in what order.
WHERE account_id = %(account)s
    AND (%(before)s::bigint IS NULL OR sequence < %(before)s)
    AND (%(after)s::bigint IS NULL OR sequence > %(after)s)
    AND (%(types)s::text[] IS NULL OR type = ANY(%(types)s))
    AND (%(sources)s::text[] IS NULL OR source = ANY(%(sources)s))
    AND (%(reference_type)s::text IS NULL
        OR reference_type = %(reference_type)s)
    AND (%(reference_id)s::text IS NULL OR reference_id = %(reference_id)s)
    AND (%(start)s::timestamptz IS NULL OR effective_at >= %(start)s)
    AND (%(end)s::timestamptz IS NULL OR effective_at < %(end)s)
ORDER BY sequence
