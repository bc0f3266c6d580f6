-- The hash of every entry is SHA-256 over the hash before it, its columns, the lots it
-- opened and its allocations: the bytes of rules/encoding.py, made from the rows.
-- (A lot that was activated was opened with the dates that its entry states, if any;
-- its own were set later.)
WITH opened AS (
    SELECT l.account_id, l.sequence, int4send(count(*)::integer) || string_agg(
        int8send(l.n) || int8send(l.credited) || int8send(l.root)
        || coalesce(timestamptz_send(CASE WHEN l.activated_by IS NULL
            THEN l.available_at ELSE (
                SELECT e.available_at FROM ledger_entry e
                WHERE e.account_id = l.account_id AND e.sequence = l.sequence
            ) END), '\x8000000000000000')
        || coalesce(timestamptz_send(CASE WHEN l.activated_by IS NULL
            THEN l.expires_at ELSE (
                SELECT e.expires_at FROM ledger_entry e
                WHERE e.account_id = l.account_id AND e.sequence = l.sequence
            ) END), '\x8000000000000000')
        || coalesce(int4send(octet_length(l.validity)) || textsend(l.validity),
            '\xffffffff'), '' ORDER BY l.n) AS bytes
    FROM ledger_lot l
    WHERE %(accounts)s::uuid[] IS NULL OR l.account_id = ANY(%(accounts)s)
    GROUP BY l.account_id, l.sequence
), moved AS (
    SELECT account_id, sequence, int4send(count(*)::integer) || string_agg(
        int8send(n) || int8send(lot_sequence) || int8send(lot_n) || int8send(points),
        '' ORDER BY n) AS bytes
    FROM ledger_allocation
    WHERE %(accounts)s::uuid[] IS NULL OR account_id = ANY(%(accounts)s)
    GROUP BY account_id, sequence
), entries AS (
    SELECT *, lag(hash, 1, decode(repeat('00', 32), 'hex')) OVER (
        PARTITION BY account_id ORDER BY sequence) AS previous
    FROM ledger_entry
    WHERE %(accounts)s::uuid[] IS NULL OR account_id = ANY(%(accounts)s)
)
SELECT e.account_id, e.sequence, 'its hash is not that of its rows'
FROM entries e
LEFT JOIN opened o USING (account_id, sequence)
LEFT JOIN moved m USING (account_id, sequence)
WHERE e.hash <> sha256('punchcard entry 1\000'::bytea || e.previous
    || uuid_send(e.account_id) || int8send(e.sequence) || int8send(e.amount)
    || int8send(e.available) || int8send(e.pending) || int8send(e.reserved)
    || int8send(e.balance) || int8send(e.pending_after) || int8send(e.reserved_after)
    || int8send(e.lifetime_after) || int8send(coalesce(e.relates_to, 0))
    || int8send(coalesce(e.other_sequence, 0))
    || timestamptz_send(e.effective_at) || timestamptz_send(e.recorded_at)
    || coalesce(timestamptz_send(e.available_at), '\x8000000000000000')
    || coalesce(timestamptz_send(e.expires_at), '\x8000000000000000')
    || coalesce(uuid_send(e.transfer_id), '\x00000000000000000000000000000000')
    || coalesce(uuid_send(e.other_account_id), '\x00000000000000000000000000000000')
    || coalesce(uuid_send(e.referred_member_id), '\x00000000000000000000000000000000')
    || int4send(octet_length(e.type)) || textsend(e.type)
    || int4send(octet_length(e.source)) || textsend(e.source)
    || coalesce(int4send(octet_length(e.key)) || textsend(e.key), '\xffffffff')
    || coalesce(int4send(octet_length(e.reference_type)) || textsend(e.reference_type),
        '\xffffffff')
    || coalesce(int4send(octet_length(e.reference_id)) || textsend(e.reference_id),
        '\xffffffff')
    || int4send(octet_length(e.description)) || textsend(e.description)
    || int4send(octet_length(e.metadata::text)) || textsend(e.metadata::text)
    || coalesce(int4send(octet_length(e.validity)) || textsend(e.validity),
        '\xffffffff')
    || int4send(octet_length(e.actor)) || textsend(e.actor)
    || coalesce(int4send(octet_length(e.fingerprint)) || e.fingerprint, '\xffffffff')
    || coalesce(o.bytes, '\x00000000') || coalesce(m.bytes, '\x00000000'))
LIMIT %(most)s
