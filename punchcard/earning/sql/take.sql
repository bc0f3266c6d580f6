-- What is taken back of awards, and what their decisions count from now on.
WITH takings AS (
    INSERT INTO earning_taking (decision_id, n, in_all, points, reason, returned_id,
        account_id, sequence, taken_at)
    SELECT said.*, %(now)s
    FROM unnest(%(t_decision)s, %(t_n)s, %(t_in_all)s, %(t_points)s, %(t_reason)s,
        %(t_returned)s, %(t_account)s, %(t_sequence)s) AS said
), awards AS (
    UPDATE earning_award a SET taken = said.taken
    FROM (SELECT decision, n, max(in_all)
        FROM unnest(%(t_decision)s, %(t_n)s, %(t_in_all)s) AS t (decision, n, in_all)
        GROUP BY decision, n) AS said (decision, n, taken)
    WHERE a.decision_id = said.decision AND a.n = said.n
)
UPDATE earning_decision d SET uses = said.uses::jsonb
FROM unnest(%(d_id)s, %(d_uses)s) AS said (id, uses)
WHERE d.id = said.id
