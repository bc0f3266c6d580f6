DROP TRIGGER activity_never_changes ON orders_activity;
