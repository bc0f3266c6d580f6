-- What counters have counted from now on, by who has locked them.
INSERT INTO earning_counter AS c (program_id, rule, per, member_id, starts_at, points,
    times, counted, last_at)
SELECT %(program)s, rule, per, member, starts_at, points, times, counted, last_at
FROM unnest(%(rules)s, %(pers)s, %(members)s, %(starts)s, %(points)s, %(times)s,
    %(counted)s, %(lasts)s)
    AS said (rule, per, member, starts_at, points, times, counted, last_at)
ON CONFLICT (member_id, program_id, rule, per, starts_at) DO UPDATE
SET points = excluded.points, times = excluded.times, counted = excluded.counted,
    last_at = excluded.last_at
