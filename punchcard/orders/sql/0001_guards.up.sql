-- Guards that a constraint cannot express. Each raises with a constraint's name.

ALTER TABLE orders_line ADD CONSTRAINT line_amount_is_its_parts CHECK (
    amount = quantity::numeric * unit_price - discount - shared_discount);

-- What rises with every return keeps room on its page (HOT).
ALTER TABLE orders_order SET (fillfactor = 80);
ALTER TABLE orders_line SET (fillfactor = 90);

-- What was bought and what came back never changes, and nothing is deleted.
CREATE FUNCTION orders_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: that never changes', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_ARGV[0],
              TABLE = TG_TABLE_NAME,
              HINT = 'Correct it by a return, or cancel the order.';
END $$;

CREATE TRIGGER order_contents_never_change
    BEFORE UPDATE OF id, program_id, member_id, external_id, fingerprint, currency,
        channel, place_id, tax_included, occurred_at, created_at, line_count, shipping,
        total ON orders_order
    FOR EACH STATEMENT EXECUTE FUNCTION orders_refuse_change('order_contents_never_change');
CREATE TRIGGER order_never_deleted
    BEFORE DELETE OR TRUNCATE ON orders_order
    FOR EACH STATEMENT EXECUTE FUNCTION orders_refuse_change('order_never_deleted');
CREATE TRIGGER line_contents_never_change
    BEFORE UPDATE OF order_id, n, sku, name, category, brand, quantity, unit_price,
        discount, shared_discount, tax, amount ON orders_line
    FOR EACH STATEMENT EXECUTE FUNCTION orders_refuse_change('line_contents_never_change');
CREATE TRIGGER line_never_deleted
    BEFORE DELETE OR TRUNCATE ON orders_line
    FOR EACH STATEMENT EXECUTE FUNCTION orders_refuse_change('line_never_deleted');
CREATE TRIGGER tender_contents_never_change
    BEFORE UPDATE OF order_id, n, kind, amount, account_id, sequence ON orders_tender
    FOR EACH STATEMENT EXECUTE FUNCTION orders_refuse_change('tender_contents_never_change');
CREATE TRIGGER tender_never_deleted
    BEFORE DELETE OR TRUNCATE ON orders_tender
    FOR EACH STATEMENT EXECUTE FUNCTION orders_refuse_change('tender_never_deleted');
CREATE TRIGGER return_never_changes
    BEFORE UPDATE OR DELETE OR TRUNCATE ON orders_return
    FOR EACH STATEMENT EXECUTE FUNCTION orders_refuse_change('return_never_changes');
CREATE TRIGGER return_line_never_changes
    BEFORE UPDATE OR DELETE OR TRUNCATE ON orders_return_line
    FOR EACH STATEMENT EXECUTE FUNCTION orders_refuse_change('return_line_never_changes');
CREATE TRIGGER return_tender_never_changes
    BEFORE UPDATE OR DELETE OR TRUNCATE ON orders_return_tender
    FOR EACH STATEMENT EXECUTE FUNCTION orders_refuse_change('return_tender_never_changes');

-- The same ways as in `rules/moving.py`.
CREATE TRIGGER order_moves_as_it_may
    BEFORE UPDATE ON orders_order FOR EACH ROW
    WHEN (OLD.status <> NEW.status AND (OLD.status, NEW.status) NOT IN (
        ('open', 'paid'), ('open', 'cancelled'),
        ('paid', 'partially_returned'), ('paid', 'returned'),
        ('paid', 'cancelled'), ('paid', 'reopened'),
        ('partially_returned', 'returned'), ('partially_returned', 'cancelled'),
        ('reopened', 'paid'), ('reopened', 'cancelled')))
    EXECUTE FUNCTION orders_refuse_change('order_moves_as_it_may');
CREATE TRIGGER order_ended_never_changes
    BEFORE UPDATE ON orders_order FOR EACH ROW
    WHEN (OLD.status IN ('returned', 'cancelled'))
    EXECUTE FUNCTION orders_refuse_change('order_ended_never_changes');
CREATE TRIGGER order_never_goes_back
    BEFORE UPDATE ON orders_order FOR EACH ROW
    WHEN (NEW.version <= OLD.version OR NEW.times_paid < OLD.times_paid
          OR NEW.returns < OLD.returns OR NEW.returned_amount < OLD.returned_amount
          OR NEW.returned_shipping < OLD.returned_shipping)
    EXECUTE FUNCTION orders_refuse_change('order_never_goes_back');
CREATE TRIGGER line_never_goes_back
    BEFORE UPDATE ON orders_line FOR EACH ROW
    WHEN (NEW.returned_quantity < OLD.returned_quantity
          OR NEW.returned_amount < OLD.returned_amount
          OR NEW.returned_tax < OLD.returned_tax
          OR NEW.repriced_quantity < OLD.repriced_quantity
          OR NEW.repriced_amount < OLD.repriced_amount)
    EXECUTE FUNCTION orders_refuse_change('line_never_goes_back');
CREATE TRIGGER tender_never_goes_back
    BEFORE UPDATE ON orders_tender FOR EACH ROW
    WHEN (NEW.returned < OLD.returned)
    EXECUTE FUNCTION orders_refuse_change('tender_never_goes_back');

CREATE FUNCTION orders_raise(rule text, of uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'order % breaks %', of, rule
        USING ERRCODE = 'check_violation', CONSTRAINT = rule;
END $$;

-- The checks below fire once a statement, and see a one-statement write whole: rows
-- that belong together are written together. (Their plans are pinned to index
-- look-ups: a plan made while a table was small would scan it whole later. So do
-- counts where EXISTS would say the same: that becomes a join.)

-- An order is what its lines add up to, and gets no line later.
CREATE FUNCTION orders_check_lines() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET enable_material = off AS $$
BEGIN
    PERFORM orders_raise('order_equals_its_lines', o.id)
    FROM (SELECT DISTINCT order_id FROM added) a
    JOIN orders_order o ON o.id = a.order_id
    CROSS JOIN LATERAL (
        SELECT count(*) AS lines, max(n) AS last,
            sum(amount + CASE WHEN o.tax_included THEN 0 ELSE tax END) AS paid,
            sum(returned_quantity + returned_amount + returned_tax) AS returned
        FROM orders_line l WHERE l.order_id = o.id
    ) s
    WHERE s.lines <> o.line_count OR s.last <> o.line_count
        OR s.paid + o.shipping <> o.total OR s.returned > 0;
    RETURN NULL;
END $$;
CREATE TRIGGER order_equals_its_lines
    AFTER INSERT ON orders_line REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION orders_check_lines();

CREATE FUNCTION orders_check_tenders() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET enable_material = off AS $$
BEGIN
    PERFORM orders_raise('order_equals_its_tenders', o.id)
    FROM (SELECT DISTINCT order_id FROM added) a
    JOIN orders_order o ON o.id = a.order_id
    CROSS JOIN LATERAL (
        SELECT sum(amount) AS paid, sum(returned) AS returned
        FROM orders_tender t WHERE t.order_id = o.id
    ) s
    WHERE s.paid <> o.total OR s.returned > 0;
    RETURN NULL;
END $$;
CREATE TRIGGER order_equals_its_tenders
    AFTER INSERT ON orders_tender REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION orders_check_tenders();

-- An order comes with its lines, whole; and when it is paid, there is what it was
-- paid with.
CREATE FUNCTION orders_check_start() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET enable_material = off AS $$
BEGIN
    PERFORM orders_raise('order_starts_whole', o.id)
    FROM added o
    WHERE o.status NOT IN ('open', 'paid') OR o.returned_amount > 0
        OR (SELECT count(*) FROM orders_line l WHERE l.order_id = o.id AND l.n = 1) = 0;
    RETURN NULL;
END $$;
CREATE TRIGGER order_starts_whole
    AFTER INSERT ON orders_order REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION orders_check_start();

CREATE FUNCTION orders_check_paid() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET enable_material = off AS $$
BEGIN
    PERFORM orders_raise('order_paid_has_tenders', o.id)
    FROM added o
    WHERE o.times_paid > 0 AND o.total > 0 AND (
        SELECT count(*) FROM orders_tender t WHERE t.order_id = o.id AND t.n = 1) = 0;
    RETURN NULL;
END $$;
CREATE TRIGGER order_recorded_paid_has_tenders
    AFTER INSERT ON orders_order REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION orders_check_paid();
CREATE TRIGGER order_paid_has_tenders
    AFTER UPDATE ON orders_order REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION orders_check_paid();

-- What is back of a line, of a tender, of an order is what its returns brought back.
CREATE FUNCTION orders_check_returned_lines() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET enable_material = off AS $$
BEGIN
    PERFORM orders_raise('line_equals_its_returns', a.order_id)
    FROM (SELECT DISTINCT order_id, n FROM added) a
    LEFT JOIN orders_line l ON l.order_id = a.order_id AND l.n = a.n
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(quantity), 0) AS quantity, coalesce(sum(amount), 0) AS amount,
            coalesce(sum(tax), 0) AS tax
        FROM orders_return_line r WHERE r.order_id = a.order_id AND r.n = a.n
    ) s
    WHERE (l.returned_quantity, l.returned_amount, l.returned_tax)
        IS DISTINCT FROM (s.quantity, s.amount, s.tax);
    RETURN NULL;
END $$;
CREATE TRIGGER return_line_is_counted
    AFTER INSERT ON orders_return_line REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION orders_check_returned_lines();
CREATE TRIGGER line_equals_its_returns
    AFTER UPDATE ON orders_line REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION orders_check_returned_lines();

CREATE FUNCTION orders_check_returned_tenders() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET enable_material = off AS $$
BEGIN
    PERFORM orders_raise('tender_equals_its_returns', a.order_id)
    FROM (SELECT DISTINCT order_id, n FROM added) a
    LEFT JOIN orders_tender t ON t.order_id = a.order_id AND t.n = a.n
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(amount), 0) AS amount
        FROM orders_return_tender r WHERE r.order_id = a.order_id AND r.n = a.n
    ) s
    WHERE t.returned IS DISTINCT FROM s.amount;
    RETURN NULL;
END $$;
CREATE TRIGGER return_tender_is_counted
    AFTER INSERT ON orders_return_tender REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION orders_check_returned_tenders();
CREATE TRIGGER tender_equals_its_returns
    AFTER UPDATE ON orders_tender REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION orders_check_returned_tenders();

CREATE FUNCTION orders_check_returns() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET enable_material = off AS $$
DECLARE
    touched uuid[];
BEGIN
    IF TG_TABLE_NAME = 'orders_order' THEN
        touched := ARRAY(SELECT id FROM added);
    ELSE
        touched := ARRAY(SELECT DISTINCT order_id FROM added);
    END IF;
    PERFORM orders_raise('order_equals_its_returns', o.id)
    FROM unnest(touched) AS a (id)
    JOIN orders_order o ON o.id = a.id
    CROSS JOIN LATERAL (
        SELECT count(*) AS returns, coalesce(max(n), 0) AS last,
            coalesce(sum(amount), 0) AS amount, coalesce(sum(shipping), 0) AS shipping
        FROM orders_return r WHERE r.order_id = o.id
    ) r
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(amount + CASE WHEN o.tax_included THEN 0 ELSE tax END), 0)
            AS amount
        FROM orders_return_line l WHERE l.order_id = o.id
    ) l
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(amount), 0) AS amount
        FROM orders_return_tender t WHERE t.order_id = o.id
    ) t
    WHERE (o.returns, o.returns, o.returned_amount, o.returned_shipping)
            <> (r.returns, r.last, r.amount, r.shipping)
        OR l.amount + r.shipping <> r.amount OR t.amount <> r.amount;
    RETURN NULL;
END $$;
CREATE TRIGGER return_is_counted
    AFTER INSERT ON orders_return REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION orders_check_returns();
CREATE TRIGGER order_equals_its_returns
    AFTER UPDATE ON orders_order REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION orders_check_returns();
