-- What the keys of a batch already stand for: an entry, or a refusal.
SELECT k.account_id, k.key, r.fingerprint, r.code, r.details::text, r.sequence,
    r.decided_at,
    e.account_id, e.sequence, e.type, e.source, e.amount, e.available, e.pending,
    e.reserved, e.balance, e.pending_after, e.reserved_after, e.lifetime_after, e.key,
    e.fingerprint, e.reference_type, e.reference_id, e.relates_to, e.transfer_id,
    e.other_account_id, e.other_sequence, e.referred_member_id, e.description,
    e.metadata::text, e.available_at, e.expires_at, e.validity, e.effective_at,
    e.recorded_at, e.actor, e.hash
FROM unnest(%(accounts)s, %(keys)s) AS k(account_id, key)
LEFT JOIN ledger_entry e USING (account_id, key)
LEFT JOIN ledger_refusal r USING (account_id, key)
WHERE e.account_id IS NOT NULL OR r.account_id IS NOT NULL
