-- An activity never changes: what it earned is undone by correcting the account.
CREATE TRIGGER activity_never_changes
    BEFORE UPDATE OR DELETE OR TRUNCATE ON orders_activity
    FOR EACH STATEMENT EXECUTE FUNCTION orders_refuse_change('activity_never_changes');
