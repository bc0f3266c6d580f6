-- Returns, and what they make of their orders, lines and tenders, each row once.
WITH returns AS (
    INSERT INTO orders_return (id, program_id, order_id, n, external_id, fingerprint,
        occurred_at, created_at, amount, shipping, refund, withheld)
    SELECT id, %(program)s, order_id, n, external_id, fingerprint, occurred_at,
        %(now)s, amount, shipping, refund, withheld
    FROM unnest(%(r_id)s, %(r_order)s, %(r_n)s, %(r_external_id)s, %(r_fingerprint)s,
        %(r_occurred_at)s, %(r_amount)s, %(r_shipping)s, %(r_refund)s,
        %(r_withheld)s)
        AS said (id, order_id, n, external_id, fingerprint, occurred_at, amount,
            shipping, refund, withheld)
    ORDER BY external_id
), return_lines AS (
    INSERT INTO orders_return_line (order_id, n, return_n, quantity, amount, tax)
    SELECT * FROM unnest(%(b_order)s, %(b_n)s, %(b_return_n)s, %(b_quantity)s,
        %(b_amount)s, %(b_tax)s)
), return_tenders AS (
    INSERT INTO orders_return_tender (order_id, n, return_n, amount)
    SELECT * FROM unnest(%(g_order)s, %(g_n)s, %(g_return_n)s, %(g_amount)s)
), lines AS (
    UPDATE orders_line l
    SET returned_quantity = said.returned_quantity,
        returned_amount = said.returned_amount, returned_tax = said.returned_tax,
        repriced_quantity = said.repriced_quantity,
        repriced_amount = said.repriced_amount
    FROM unnest(%(l_order)s, %(l_n)s, %(l_returned_quantity)s, %(l_returned_amount)s,
        %(l_returned_tax)s, %(l_repriced_quantity)s, %(l_repriced_amount)s)
        AS said (order_id, n, returned_quantity, returned_amount, returned_tax,
            repriced_quantity, repriced_amount)
    WHERE l.order_id = said.order_id AND l.n = said.n
), tenders AS (
    UPDATE orders_tender t SET returned = said.returned
    FROM unnest(%(t_order)s, %(t_n)s, %(t_returned)s) AS said (order_id, n, returned)
    WHERE t.order_id = said.order_id AND t.n = said.n
)
UPDATE orders_order o
SET status = said.status, version = said.version, returns = said.returns,
    returned_shipping = said.returned_shipping, returned_amount = said.returned_amount
FROM unnest(%(o_id)s, %(o_status)s, %(o_version)s, %(o_returns)s,
    %(o_returned_shipping)s, %(o_returned_amount)s)
    AS said (id, status, version, returns, returned_shipping, returned_amount)
WHERE o.id = said.id
