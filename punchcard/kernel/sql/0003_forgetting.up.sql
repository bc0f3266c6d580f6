-- What happened stays said, until it is old: then it is taken away from the beginning of
-- the log, by who says so in the same transaction. Nothing that stays ever changes.
DROP TRIGGER event_never_changes ON kernel_event;

CREATE TRIGGER event_never_changes
    BEFORE UPDATE OR TRUNCATE ON kernel_event
    FOR EACH STATEMENT EXECUTE FUNCTION kernel_refuse_change('event_never_changes');

CREATE TRIGGER event_is_only_forgotten
    BEFORE DELETE ON kernel_event
    FOR EACH STATEMENT
    WHEN (current_setting('punchcard.forgetting', true) IS DISTINCT FROM 'events')
    EXECUTE FUNCTION kernel_refuse_change('event_is_only_forgotten');

-- How far each account is told stands in the log so far.
INSERT INTO kernel_told (account_id, last_sequence)
SELECT account_id, max(sequence) FROM kernel_event
WHERE sequence IS NOT NULL GROUP BY account_id;
