-- Everything that a batch decided, in one statement: each row once, in its final state.
-- `writing.py` joins the parts that have rows into one WITH; the entries come last, so
-- that their trigger sees the accounts as this statement leaves them.

-- part: a_ The account's numbers as they stand after its last entry.
UPDATE ledger_account a
SET available = c.available, pending = c.pending, reserved = c.reserved,
    lifetime = c.lifetime, last_sequence = c.last_sequence,
    effective_at = c.effective_at, hash = c.hash, next_due_at = c.next_due_at,
    active_at = c.active_at
FROM unnest(%(a_id)s, %(a_available)s, %(a_pending)s, %(a_reserved)s,
    %(a_lifetime)s, %(a_last_sequence)s, %(a_effective_at)s, %(a_hash)s,
    %(a_next_due_at)s, %(a_active_at)s)
    AS c(id, available, pending, reserved, lifetime, last_sequence, effective_at,
        hash, next_due_at, active_at)
WHERE a.id = c.id

-- part: m_ Lots that the batch took from, gave back to, released or lapsed.
UPDATE ledger_lot l
SET remaining = c.remaining, lapsed = c.lapsed, state = c.state,
    open = c.state = 'open'
FROM unnest(%(m_account)s, %(m_sequence)s, %(m_n)s, %(m_remaining)s, %(m_lapsed)s,
    %(m_state)s) AS c(account_id, sequence, n, remaining, lapsed, state)
WHERE l.account_id = c.account_id AND l.sequence = c.sequence AND l.n = c.n

-- part: d_ Lots that it activated: their dates are set, and all the rest.
UPDATE ledger_lot l
SET remaining = c.remaining, lapsed = c.lapsed, state = c.state,
    open = c.state = 'open', available_at = c.available_at,
    expires_at = c.expires_at, activated_by = c.activated_by
FROM unnest(%(d_account)s, %(d_sequence)s, %(d_n)s, %(d_remaining)s, %(d_lapsed)s,
    %(d_state)s, %(d_available_at)s, %(d_expires_at)s, %(d_activated_by)s)
    AS c(account_id, sequence, n, remaining, lapsed, state, available_at, expires_at,
        activated_by)
WHERE l.account_id = c.account_id AND l.sequence = c.sequence AND l.n = c.n

-- part: l_ Lots that it opened.
INSERT INTO ledger_lot (account_id, sequence, n, root, credited, validity,
    available_at, expires_at, activated_by, remaining, lapsed, state, open)
SELECT account_id, sequence, n, root, credited, validity, available_at, expires_at,
    activated_by, remaining, lapsed, state, state = 'open'
FROM unnest(%(l_account)s, %(l_sequence)s, %(l_n)s, %(l_root)s, %(l_credited)s,
    %(l_validity)s, %(l_available_at)s, %(l_expires_at)s, %(l_activated_by)s,
    %(l_remaining)s, %(l_lapsed)s, %(l_state)s)
    AS c(account_id, sequence, n, root, credited, validity, available_at,
        expires_at, activated_by, remaining, lapsed, state)

-- part: t_ What each entry took from, or gave back to, which lot.
INSERT INTO ledger_allocation (account_id, sequence, n, lot_sequence, lot_n, points)
SELECT * FROM unnest(%(t_account)s, %(t_sequence)s, %(t_n)s,
    %(t_lot_sequence)s, %(t_lot_n)s, %(t_points)s)

-- part: h_ Holds that it resolved.
UPDATE ledger_hold h SET open = FALSE, resolved_by = c.resolved_by
FROM unnest(%(h_account)s, %(h_sequence)s, %(h_resolved_by)s)
    AS c(account_id, sequence, resolved_by)
WHERE h.account_id = c.account_id AND h.sequence = c.sequence

-- part: s_ Holds that it opened.
INSERT INTO ledger_hold (account_id, sequence, points, expires_at, open, resolved_by)
SELECT account_id, sequence, points, expires_at, resolved_by IS NULL, resolved_by
FROM unnest(%(s_account)s, %(s_sequence)s, %(s_points)s, %(s_expires_at)s,
    %(s_resolved_by)s) AS c(account_id, sequence, points, expires_at, resolved_by)

-- part: r_ Refusals that it remembers.
INSERT INTO ledger_refusal (account_id, key, fingerprint, code, details, sequence,
    decided_at)
SELECT account_id, key, fingerprint, code, details::json, sequence, decided_at
FROM unnest(%(r_account)s, %(r_key)s, %(r_fingerprint)s, %(r_code)s,
    %(r_details)s, %(r_sequence)s, %(r_decided_at)s)
    AS c(account_id, key, fingerprint, code, details, sequence, decided_at)

-- part: o_ One row per account for whoever reads what was posted.
INSERT INTO ledger_outbox (account_id, first_sequence, last_sequence, recorded_at,
    request_id)
SELECT * FROM unnest(%(o_account)s, %(o_first)s, %(o_last)s, %(o_recorded_at)s,
    %(o_request_id)s)

-- part: e_ The entries.
INSERT INTO ledger_entry (account_id, sequence, type, source, amount, available,
    pending, reserved, balance, pending_after, reserved_after, lifetime_after, key,
    fingerprint, reference_type, reference_id, relates_to, transfer_id,
    other_account_id, other_sequence, referred_member_id, description, metadata,
    available_at, expires_at, validity, effective_at, recorded_at, actor, hash)
SELECT account_id, sequence, type, source, amount, available,
    pending, reserved, balance, pending_after, reserved_after, lifetime_after, key,
    fingerprint, reference_type, reference_id, relates_to, transfer_id,
    other_account_id, other_sequence, referred_member_id, description, metadata::json,
    available_at, expires_at, validity, effective_at, recorded_at, actor, hash
FROM unnest(%(e_account)s, %(e_sequence)s, %(e_type)s, %(e_source)s, %(e_amount)s,
    %(e_available)s, %(e_pending)s, %(e_reserved)s, %(e_balance)s, %(e_pending_after)s,
    %(e_reserved_after)s, %(e_lifetime_after)s, %(e_key)s, %(e_fingerprint)s,
    %(e_reference_type)s, %(e_reference_id)s, %(e_relates_to)s, %(e_transfer)s,
    %(e_other_account)s, %(e_other_sequence)s, %(e_referred_member)s,
    %(e_description)s, %(e_metadata)s, %(e_available_at)s, %(e_expires_at)s,
    %(e_validity)s, %(e_effective_at)s, %(e_recorded_at)s, %(e_actor)s, %(e_hash)s)
    AS c(account_id, sequence, type, source, amount, available,
        pending, reserved, balance, pending_after, reserved_after, lifetime_after, key,
        fingerprint, reference_type, reference_id, relates_to, transfer_id,
        other_account_id, other_sequence, referred_member_id, description, metadata,
        available_at, expires_at, validity, effective_at, recorded_at, actor, hash)
