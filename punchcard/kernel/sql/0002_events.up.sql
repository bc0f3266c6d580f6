-- What happened stays said: whoever has read it need not read it again.
CREATE TRIGGER event_never_changes
    BEFORE UPDATE OR DELETE OR TRUNCATE ON kernel_event
    FOR EACH STATEMENT EXECUTE FUNCTION kernel_refuse_change('event_never_changes');
