-- A version of a configuration never changes: orders were judged by it. A function of
-- its own, as programs and ledger stand alone in other projects.
CREATE FUNCTION programs_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: its rows never change', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_ARGV[0],
              TABLE = TG_TABLE_NAME;
END $$;

CREATE TRIGGER configuration_never_changes
    BEFORE UPDATE OR DELETE OR TRUNCATE ON programs_configuration
    FOR EACH STATEMENT
    EXECUTE FUNCTION programs_refuse_change('configuration_never_changes');
