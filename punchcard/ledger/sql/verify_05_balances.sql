-- No spend leaves the balance below zero.
SELECT account_id, sequence, type || ' leaves the balance at ' || balance
FROM ledger_entry
WHERE type IN ('redeem', 'reserve', 'transfer_out') AND balance < 0
    AND (%(accounts)s::uuid[] IS NULL OR account_id = ANY(%(accounts)s))
LIMIT %(most)s
