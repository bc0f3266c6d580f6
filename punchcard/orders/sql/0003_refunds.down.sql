DROP TRIGGER refund_moves_as_it_may ON orders_return;
DROP TRIGGER return_never_deleted ON orders_return;
DROP TRIGGER return_never_changes ON orders_return;
CREATE TRIGGER return_never_changes
    BEFORE UPDATE OR DELETE OR TRUNCATE ON orders_return
    FOR EACH STATEMENT EXECUTE FUNCTION orders_refuse_change('return_never_changes');
