-- Activities that are not there yet; answers which.
INSERT INTO orders_activity (id, program_id, member_id, external_id, fingerprint, type,
    place_id, facts, occurred_at, created_at)
SELECT id, program, member, external_id, fingerprint, type, place, facts::jsonb,
    occurred_at, created_at
FROM unnest(%(a_id)s, %(a_program)s, %(a_member)s, %(a_external_id)s,
    %(a_fingerprint)s, %(a_type)s, %(a_place)s, %(a_facts)s, %(a_occurred_at)s,
    %(a_created_at)s)
    AS said (id, program, member, external_id, fingerprint, type, place, facts,
        occurred_at, created_at)
-- Sorted, so that two batches with the same activities wait and don't deadlock.
ORDER BY external_id
ON CONFLICT (program_id, external_id) DO NOTHING
RETURNING id
