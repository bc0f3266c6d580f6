DROP TRIGGER audit_never_changes ON kernel_audit;
DROP FUNCTION kernel_refuse_change();
