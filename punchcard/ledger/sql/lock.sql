-- The one place that takes the ledger's locks: every touched account, by id.
-- The mark tells whether this transaction has posted before.
WITH mark AS MATERIALIZED (
    SELECT coalesce(current_setting('punchcard.posted', TRUE), '') AS posted,
        set_config('punchcard.posted', 'yes', TRUE)
)
SELECT a.id, a.wallet_id, a.available, a.pending, a.reserved, a.lifetime,
    a.last_sequence, a.status, a.effective_at, a.hash, a.next_due_at, a.active_at,
    w.pending_period, w.validity, w.grace, w.debt_policy, w.hold_time_max, w.idle,
    w.limit_per_command, w.limit_per_day, w.limit_per_month, p.time_zone, mark.posted
FROM ledger_account a
JOIN programs_wallet w ON w.id = a.wallet_id
JOIN programs_program p ON p.id = w.program_id
CROSS JOIN mark
WHERE a.id = ANY(%s)
ORDER BY a.id
FOR NO KEY UPDATE OF a
