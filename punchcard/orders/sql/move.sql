-- Orders that move, each in its final state, with what they were paid with.
WITH tenders AS (
    INSERT INTO orders_tender (order_id, n, kind, amount, account_id, sequence,
        returned)
    SELECT said.*, 0
    FROM unnest(%(t_order)s, %(t_n)s, %(t_kind)s, %(t_amount)s, %(t_account)s,
        %(t_sequence)s) AS said
)
UPDATE orders_order o
SET status = said.status, version = said.version, times_paid = said.times_paid,
    paid_at = said.paid_at
FROM unnest(%(o_id)s, %(o_status)s, %(o_version)s, %(o_times_paid)s, %(o_paid_at)s)
    AS said (id, status, version, times_paid, paid_at)
WHERE o.id = said.id
