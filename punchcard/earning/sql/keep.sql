-- Decisions with their awards.
WITH decisions AS (
    INSERT INTO earning_decision (id, program_id, member_id, order_id, activity_id,
        payment, version, occurred_at, decided_at, points, looked_at, uses, inputs)
    SELECT id, %(program)s, member, bought, activity, payment, version, occurred_at,
        %(now)s, points, looked_at::jsonb, uses::jsonb, inputs::jsonb
    FROM unnest(%(d_id)s, %(d_member)s, %(d_order)s, %(d_activity)s, %(d_payment)s,
        %(d_version)s, %(d_occurred_at)s, %(d_points)s, %(d_looked_at)s, %(d_uses)s,
        %(d_inputs)s)
        AS said (id, member, bought, activity, payment, version, occurred_at, points,
            looked_at, uses, inputs)
)
INSERT INTO earning_award (decision_id, n, rule, points, detail, account_id, sequence,
    refusal, taken)
SELECT decision, n, rule, points, detail::jsonb, account, sequence, refusal, 0
FROM unnest(%(a_decision)s, %(a_n)s, %(a_rule)s, %(a_points)s, %(a_detail)s,
    %(a_account)s, %(a_sequence)s, %(a_refusal)s)
    AS said (decision, n, rule, points, detail, account, sequence, refusal)
