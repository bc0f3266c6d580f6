-- Numbers after the last entry that took effect by an instant, and what expired next
-- of what was available then. Whatever fell due by then was written when the account's
-- next entry was: the caller asks only for accounts with a later one.
SELECT asked.account_id,
    coalesce(e.balance, 0), coalesce(e.pending_after, 0), coalesce(e.reserved_after, 0),
    coalesce(e.lifetime_after, 0), x.expires_at, coalesce(x.points, 0)::bigint,
    e.effective_at, i.active_at
FROM unnest(%(accounts)s) AS asked(account_id)
LEFT JOIN LATERAL (
    SELECT * FROM ledger_entry
    WHERE account_id = asked.account_id AND effective_at <= %(as_of)s
    ORDER BY sequence DESC LIMIT 1
) e ON TRUE
LEFT JOIN LATERAL (
    SELECT l.expires_at, sum(r.rest) AS points
    FROM ledger_lot l
    CROSS JOIN LATERAL (
        SELECT l.credited + coalesce(sum(a.points), 0) AS rest
        FROM ledger_allocation a
        WHERE a.account_id = l.account_id AND a.lot_sequence = l.sequence
            AND a.lot_n = l.n AND a.sequence <= e.sequence
    ) r
    WHERE l.account_id = asked.account_id AND l.sequence <= e.sequence
        AND l.available_at <= %(as_of)s AND l.expires_at IS NOT NULL AND r.rest > 0
    GROUP BY l.expires_at
    ORDER BY l.expires_at LIMIT 1
) x ON TRUE
LEFT JOIN LATERAL (
    SELECT max(b.effective_at) AS active_at
    FROM ledger_account c
    JOIN programs_wallet w ON w.id = c.wallet_id AND w.idle IS NOT NULL
    JOIN ledger_entry b ON b.account_id = c.id AND b.sequence <= e.sequence
        AND b.type IN ('earn', 'redeem', 'capture')
    WHERE c.id = asked.account_id
) i ON TRUE
