-- Entries of some accounts, each after one and up to another. What time does by itself
-- has no key, and every command has one. The request is that of the post whose outbox
-- row has the entry.
SELECT w.program_id, a.holder_kind, a.holder_id, e.account_id, e.sequence, e.type,
    e.key IS NULL, e.recorded_at, (
        SELECT o.request_id FROM ledger_outbox o
        WHERE o.account_id = e.account_id AND o.first_sequence <= e.sequence
        ORDER BY o.first_sequence DESC LIMIT 1
    ), e.source, e.amount, e.available, e.pending,
    e.reserved, e.balance, e.pending_after, e.reserved_after, e.lifetime_after,
    e.effective_at, e.relates_to, e.available_at, e.expires_at, e.transfer_id,
    e.other_account_id, e.other_sequence
FROM unnest(%(accounts)s, %(after)s, %(upto)s) AS asked (account_id, after, upto)
JOIN ledger_account a ON a.id = asked.account_id
JOIN programs_wallet w ON w.id = a.wallet_id
CROSS JOIN LATERAL (
    SELECT * FROM ledger_entry e
    WHERE e.account_id = asked.account_id AND e.sequence > asked.after
        AND e.sequence <= asked.upto
    ORDER BY e.sequence
) e
ORDER BY e.account_id, e.sequence
