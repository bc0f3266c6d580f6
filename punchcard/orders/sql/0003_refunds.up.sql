-- Of a return only its refund moves: until it has succeeded.
DROP TRIGGER return_never_changes ON orders_return;
CREATE TRIGGER return_never_changes
    BEFORE UPDATE OF id, program_id, order_id, n, external_id, fingerprint, occurred_at,
        created_at, amount, shipping ON orders_return
    FOR EACH STATEMENT EXECUTE FUNCTION orders_refuse_change('return_never_changes');
CREATE TRIGGER return_never_deleted
    BEFORE DELETE OR TRUNCATE ON orders_return
    FOR EACH STATEMENT EXECUTE FUNCTION orders_refuse_change('return_never_deleted');
CREATE TRIGGER refund_moves_as_it_may
    BEFORE UPDATE ON orders_return FOR EACH ROW
    WHEN ((OLD.refund, NEW.refund) NOT IN (
        ('pending', 'succeeded'), ('pending', 'failed'), ('failed', 'succeeded'))
        OR NEW.withheld AND NOT OLD.withheld)
    EXECUTE FUNCTION orders_refuse_change('refund_moves_as_it_may');
