DROP TRIGGER configuration_never_changes ON programs_configuration;
DROP FUNCTION programs_refuse_change();
