-- Orders that are not there yet, each with its lines and tenders; answers which.
WITH made AS (
    INSERT INTO orders_order (id, program_id, member_id, external_id, fingerprint,
        status, currency, channel, place_id, tax_included, occurred_at, created_at,
        paid_at, version, times_paid, line_count, shipping, total, returns,
        returned_shipping, returned_amount)
    SELECT id, %(program)s, member, external_id, fingerprint, status, currency, channel,
        place, tax_included, occurred_at, %(now)s, paid_at, 1,
        CASE WHEN paid_at IS NULL THEN 0 ELSE 1 END, line_count, shipping, total,
        0, 0, 0
    FROM unnest(%(o_id)s, %(o_member)s, %(o_external_id)s, %(o_fingerprint)s,
        %(o_status)s, %(o_currency)s, %(o_channel)s, %(o_place)s, %(o_tax_included)s,
        %(o_occurred_at)s, %(o_paid_at)s, %(o_line_count)s, %(o_shipping)s,
        %(o_total)s)
        AS said (id, member, external_id, fingerprint, status, currency, channel, place,
            tax_included, occurred_at, paid_at, line_count, shipping, total)
    -- Sorted, so that two batches with the same orders wait and don't deadlock.
    ORDER BY external_id
    ON CONFLICT (program_id, external_id) DO NOTHING
    RETURNING id
), lines AS (
    INSERT INTO orders_line (order_id, n, sku, name, category, brand, quantity,
        unit_price, discount, shared_discount, tax, amount, returned_quantity,
        returned_amount, returned_tax, repriced_quantity, repriced_amount)
    SELECT said.*, 0, 0, 0, 0, 0
    FROM unnest(%(l_order)s, %(l_n)s, %(l_sku)s, %(l_name)s, %(l_category)s,
        %(l_brand)s, %(l_quantity)s, %(l_unit_price)s, %(l_discount)s,
        %(l_shared_discount)s, %(l_tax)s, %(l_amount)s)
        AS said (id, n, sku, name, category, brand, quantity, unit_price, discount,
            shared_discount, tax, amount)
    JOIN made USING (id)
), tenders AS (
    INSERT INTO orders_tender (order_id, n, kind, amount, account_id, sequence,
        returned)
    SELECT said.*, 0
    FROM unnest(%(t_order)s, %(t_n)s, %(t_kind)s, %(t_amount)s, %(t_account)s,
        %(t_sequence)s)
        AS said (id, n, kind, amount, account, sequence)
    JOIN made USING (id)
)
SELECT id FROM made
