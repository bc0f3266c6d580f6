DROP TRIGGER event_is_only_forgotten ON kernel_event;

DROP TRIGGER event_never_changes ON kernel_event;

CREATE TRIGGER event_never_changes
    BEFORE UPDATE OR DELETE OR TRUNCATE ON kernel_event
    FOR EACH STATEMENT EXECUTE FUNCTION kernel_refuse_change('event_never_changes');
