-- Guards that a constraint cannot express. Each raises with a constraint's name.

-- What rises with every return keeps room on its page (HOT).
ALTER TABLE earning_award SET (fillfactor = 90);
ALTER TABLE earning_counter SET (fillfactor = 80);

-- What was decided, granted and taken back never changes, and nothing is deleted.
CREATE FUNCTION earning_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: that never changes', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_ARGV[0],
              TABLE = TG_TABLE_NAME,
              HINT = 'Correct it by an adjustment of the account.';
END $$;

CREATE TRIGGER decision_never_changes
    BEFORE UPDATE OF id, program_id, member_id, order_id, activity_id, payment, version,
        occurred_at, decided_at, points, looked_at ON earning_decision
    FOR EACH STATEMENT EXECUTE FUNCTION earning_refuse_change('decision_never_changes');
CREATE TRIGGER decision_never_deleted
    BEFORE DELETE OR TRUNCATE ON earning_decision
    FOR EACH STATEMENT EXECUTE FUNCTION earning_refuse_change('decision_never_deleted');
CREATE TRIGGER award_never_changes
    BEFORE UPDATE OF decision_id, n, rule, points, detail, account_id, sequence, refusal
        ON earning_award
    FOR EACH STATEMENT EXECUTE FUNCTION earning_refuse_change('award_never_changes');
CREATE TRIGGER award_never_deleted
    BEFORE DELETE OR TRUNCATE ON earning_award
    FOR EACH STATEMENT EXECUTE FUNCTION earning_refuse_change('award_never_deleted');
CREATE TRIGGER award_is_not_given_back
    BEFORE UPDATE ON earning_award FOR EACH ROW WHEN (NEW.taken < OLD.taken)
    EXECUTE FUNCTION earning_refuse_change('award_is_not_given_back');
CREATE TRIGGER taking_never_changes
    BEFORE UPDATE OR DELETE OR TRUNCATE ON earning_taking
    FOR EACH STATEMENT EXECUTE FUNCTION earning_refuse_change('taking_never_changes');

CREATE FUNCTION earning_raise(rule text, of uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'decision % breaks %', of, rule
        USING ERRCODE = 'check_violation', CONSTRAINT = rule;
END $$;

-- The checks below fire once a statement, and see a one-statement write whole: rows
-- that belong together are written together. (Their plans are pinned to index
-- look-ups: a plan made while a table was small would scan it whole later.)

-- A decision's points are its awards', which it has from the beginning.
CREATE FUNCTION earning_check_awards() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET enable_material = off AS $$
BEGIN
    PERFORM earning_raise('decision_equals_its_awards', d.id)
    FROM (SELECT DISTINCT decision_id FROM added) a
    JOIN earning_decision d ON d.id = a.decision_id
    CROSS JOIN LATERAL (
        SELECT count(*) AS awards, max(n) AS last, sum(points) AS points,
            sum(taken) AS taken
        FROM earning_award w WHERE w.decision_id = d.id
    ) s
    WHERE s.points <> d.points OR s.last <> s.awards OR s.taken > 0;
    RETURN NULL;
END $$;
CREATE TRIGGER decision_equals_its_awards
    AFTER INSERT ON earning_award REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION earning_check_awards();

-- What is taken of an award is what its takings took, and the last of them says so.
CREATE FUNCTION earning_check_takings() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET enable_material = off AS $$
BEGIN
    PERFORM earning_raise('award_equals_its_takings', a.decision_id)
    FROM (SELECT DISTINCT decision_id, n FROM touched) a
    JOIN earning_award w ON w.decision_id = a.decision_id AND w.n = a.n
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(points), 0) AS points, coalesce(max(in_all), 0) AS in_all
        FROM earning_taking t WHERE t.decision_id = w.decision_id AND t.n = w.n
    ) s
    WHERE s.points <> w.taken OR s.in_all <> w.taken;
    RETURN NULL;
END $$;
CREATE TRIGGER award_equals_its_takings
    AFTER INSERT ON earning_taking REFERENCING NEW TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION earning_check_takings();
CREATE TRIGGER taken_equals_its_takings
    AFTER UPDATE ON earning_award REFERENCING NEW TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION earning_check_takings();
