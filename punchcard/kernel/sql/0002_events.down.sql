DROP TRIGGER event_never_changes ON kernel_event;
