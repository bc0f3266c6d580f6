-- Which of the sealed heads are not there any more, and what is there instead.
SELECT s.account, s.sequence, CASE
    WHEN a.id IS NULL THEN 'the account is gone'
    WHEN a.last_sequence < s.sequence
        THEN format('it ends at %%s, entries up to %%s were sealed',
            a.last_sequence, s.sequence)
    WHEN e.hash IS NULL THEN 'the sealed entry is gone'
    ELSE 'its hash is not the sealed one' END
FROM unnest(%(accounts)s::uuid[], %(sequences)s::bigint[], %(hashes)s::bytea[])
    AS s(account, sequence, hash)
LEFT JOIN ledger_account a ON a.id = s.account
LEFT JOIN ledger_entry e ON e.account_id = s.account AND e.sequence = s.sequence
WHERE a.id IS NULL OR a.last_sequence < s.sequence
    OR (s.sequence > 0 AND e.hash IS DISTINCT FROM s.hash)
ORDER BY s.account
