-- An activity never changes: what it earned is undone by correcting the account. Its
-- facts alone can be forgotten, as they may be somebody's words.
CREATE TRIGGER activity_never_changes
    BEFORE UPDATE OF id, program_id, member_id, external_id, fingerprint, type, place_id,
        occurred_at, created_at ON orders_activity
    FOR EACH STATEMENT EXECUTE FUNCTION orders_refuse_change('activity_never_changes');
CREATE TRIGGER activity_facts_are_forgotten_alone
    BEFORE UPDATE ON orders_activity FOR EACH ROW WHEN (NEW.facts IS DISTINCT FROM '{}')
    EXECUTE FUNCTION orders_refuse_change('activity_facts_are_forgotten_alone');
CREATE TRIGGER activity_never_deleted
    BEFORE DELETE OR TRUNCATE ON orders_activity
    FOR EACH STATEMENT EXECUTE FUNCTION orders_refuse_change('activity_never_deleted');
