-- The type timeline, its aggregates, and session_number(): values, without any table of the
-- extension.

\ir begin.psql

SELECT setseed(0.4711) \g /dev/null

-- Rows to make timelines of: groups of 1 to 3,000 rows, shuffled
CREATE TABLE test.rows AS
SELECT g, '2024-01-01'::timestamptz + floor(random() * 40000) * u * interval '1 microsecond' AS occurred_at,
	(floor(random() ^ 3 * 40)::int << 4) + floor(random() * 10)::int AS event_type_id,
	CASE WHEN random() < 0.7 THEN 1 + floor(random() * 30)::int END AS page_id,
	row_number() OVER () AS event_id
FROM (VALUES (1, 1, 1), (2, 2, 1000000), (3, 50, 1), (4, 1023, 1000), (5, 1024, 1), (6, 1025, 1000000),
	(7, 3000, 1000), (8, 7, 86400000000)) v (g, n, u), generate_series(1, n)
ORDER BY random();
-- Ends of every range
INSERT INTO test.rows VALUES
	(9, '4713-01-01 00:00+00 BC', 0, NULL, -9223372036854775808),
	(9, '294276-12-31 23:59:59.999999+00', 2147483647, 2147483647, 9223372036854775807),
	(9, '294276-12-31 23:59:59.999999+00', 2147483647, 1, 0),
	(10, '2024-01-01', 5, 5, 5), (10, '2024-01-01', 5, 5, 5);

CREATE TABLE test.timelines AS
SELECT g, user_profile.timeline_agg(occurred_at, event_type_id, page_id, event_id) AS timeline
FROM test.rows GROUP BY g;

-- What stands in a timeline: the rows in the order (time, event id), a page of NULL for none
SELECT results_eq(
	format('SELECT event_id, occurred_at, event_type_id, page_id FROM test.timelines,
		user_profile.timeline_events(timeline) WHERE g = %s', g),
	format('SELECT event_id, occurred_at, event_type_id, page_id FROM test.rows WHERE g = %s
		ORDER BY occurred_at, event_id', g),
	format('timeline_events() gives back what timeline_agg() was given (%s)', g))
FROM generate_series(1, 10) g;
SELECT is(user_profile.num_events(timeline), (SELECT count(*) FROM test.rows r WHERE r.g = t.g),
	format('num_events() (%s)', g))
FROM test.timelines t ORDER BY g;

--
-- Text and binary form
--
SELECT ok(bool_and(timeline::text::user_profile.timeline::text = timeline::text), 'the text form round-trips')
FROM test.timelines;
SELECT ok(bool_and(timeline::text ~ '^([0-9a-f][0-9a-f])+$'), 'the text form is pairs of hexadecimal digits')
FROM test.timelines;
SELECT is(upper(timeline::text)::user_profile.timeline::text, timeline::text, 'upper case digits read as well')
FROM test.timelines WHERE g = 3;
SELECT ok(bool_and(user_profile.timeline_send(timeline) = decode(timeline::text, 'hex')),
	'the text form is that of the binary form')
FROM test.timelines;

CREATE TABLE test.copied (LIKE test.timelines);
SELECT '/tmp/timeline_' || pg_backend_pid() AS file \gset
COPY test.timelines TO :'file' (FORMAT binary);
COPY test.copied FROM :'file' (FORMAT binary);
SELECT bag_eq('SELECT g, timeline::text FROM test.copied', 'SELECT g, timeline::text FROM test.timelines',
	'COPY in binary form round-trips');
TRUNCATE test.copied;
COPY test.timelines TO :'file';
COPY test.copied FROM :'file';
SELECT bag_eq('SELECT g, timeline::text FROM test.copied', 'SELECT g, timeline::text FROM test.timelines',
	'COPY in text form, that of a dump, round-trips');
-- The server's file, which the server removes; what it sends has to be read
SELECT format('COPY (SELECT) TO PROGRAM %L', 'cat >/dev/null; rm -f ' || :'file') \gexec

-- The same events give the same bytes, in whatever order they come
SELECT is(user_profile.timeline_agg(occurred_at, event_type_id, page_id, event_id ORDER BY random())::text,
	(SELECT timeline::text FROM test.timelines t WHERE t.g = r.g), format('any order of input (%s)', g))
FROM test.rows r WHERE g <> 10 GROUP BY g ORDER BY g;

--
-- timeline_agg(timeline): of parts, overlapping and not
--
CREATE FUNCTION test.events_of(t user_profile.timeline) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
	SELECT string_agg((event_id, occurred_at, event_type_id, page_id)::text, ' ' ORDER BY n)
	FROM user_profile.timeline_events(t) WITH ORDINALITY
		x (event_id, occurred_at, event_type_id, page_id, session_number, n)
$$;
SELECT is((SELECT test.events_of(user_profile.timeline_agg(p.part ORDER BY random()))
	FROM (SELECT user_profile.timeline_agg(occurred_at, event_type_id, page_id, event_id) AS part
		FROM (SELECT r.*, row_number() OVER (ORDER BY occurred_at, event_id) AS n, count(*) OVER () AS of
			FROM test.rows r WHERE r.g = t.g) r
		GROUP BY CASE how WHEN 'apart' THEN n * 7 / of WHEN 'mixed' THEN event_id % 5
			ELSE n * 5 / of + (n % 11) / 10 END) p),
	test.events_of(timeline), format('timeline_agg() of parts that are %s (%s)', how, g))
FROM test.timelines t, unnest('{apart,mixed,overlapping a little}'::text[]) how ORDER BY g, how;
SELECT is(user_profile.timeline_agg(timeline)::text, NULL, 'timeline_agg() of no rows is NULL')
FROM test.timelines WHERE false;
SELECT is(user_profile.timeline_agg(NULL::user_profile.timeline)::text, NULL, 'and of NULLs alone');
SELECT is(test.events_of(user_profile.timeline_agg(t)), test.events_of(max(t::text)::user_profile.timeline),
	'NULLs are passed over')
FROM (SELECT timeline AS t FROM test.timelines WHERE g = 3 UNION ALL SELECT NULL) x;
SELECT is(user_profile.timeline_agg(now(), 0, NULL, 1)::text, NULL, 'timeline_agg() of no events is NULL')
FROM test.timelines WHERE false;

-- Sessions of all timelines, by nothing but gaps, against plain SQL
SELECT results_eq(
	format('SELECT (s).sessions, (s).session_time, round(extract(epoch FROM (s).avg_session), 5)
		FROM (SELECT user_profile.timelines_sessions(timeline, %L) AS s FROM test.timelines WHERE g < 9) x', timeout),
	format('SELECT count(*) FILTER (WHERE gap IS NULL OR gap > %1$L),
			coalesce(sum(gap) FILTER (WHERE gap <= %1$L), interval ''0''),
			round(extract(epoch FROM coalesce(sum(gap) FILTER (WHERE gap <= %1$L), interval ''0'')) / count(*) FILTER (WHERE gap IS NULL OR gap > %1$L), 5)
		FROM (SELECT occurred_at - lag(occurred_at) OVER (PARTITION BY g ORDER BY occurred_at, event_id) AS gap
			FROM test.rows WHERE g < 9) gaps', timeout),
	format('timelines_sessions() with a timeout of %s', timeout))
FROM unnest('{00:00:00,00:00:00.000001,00:00:01,00:04:59.999999,00:05:00,00:05:00.000001,00:30:00,06:00:00,40 days}'::text[]) timeout;
SELECT is((SELECT (user_profile.timelines_sessions(timeline)).sessions FROM test.timelines WHERE g < 9),
	(SELECT (user_profile.timelines_stats(timeline, '(,)')).sessions FROM test.timelines WHERE g < 9),
	'timelines_sessions() takes the timeout of the setting');
SELECT is(user_profile.timelines_sessions(timeline)::text, '(0,,)', 'no sessions where there are no timelines')
FROM test.timelines WHERE false;
SELECT is(user_profile.timelines_sessions(NULL::user_profile.timeline)::text, '(0,,)', 'and none of NULL');

--
-- Parallel plans give what serial ones do
--
CREATE TABLE test.many AS
SELECT i % 300 AS g, '2024-01-01'::timestamptz + hashint4(i)::bigint % 3000000 * interval '1 second' AS occurred_at,
	i % 160 AS event_type_id, nullif(i % 13, 0) AS page_id, i::bigint AS event_id
FROM generate_series(1, 60000) i;
CREATE TABLE test.parts AS
SELECT g, event_id % 3 AS part, user_profile.timeline_agg(occurred_at, event_type_id, page_id, event_id) AS timeline
FROM test.many GROUP BY 1, 2;
ALTER TABLE test.many SET (parallel_workers = 2);
ALTER TABLE test.parts SET (parallel_workers = 2);
ANALYZE test.many, test.parts;
CREATE FUNCTION test.plan(query text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	line text;
	plan text := '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS off) ' || query
	LOOP
		plan := plan || line || E'\n';
	END LOOP;
	RETURN plan;
END
$$;
CREATE FUNCTION test.answer(query text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	answer text;
BEGIN
	EXECUTE format('SELECT md5(string_agg(x::text, ''|'' ORDER BY x::text)) FROM (%s) x', query) INTO answer;
	RETURN answer;
END
$$;
CREATE TABLE test.queries (what text, query text);
INSERT INTO test.queries VALUES
	('events, grouped', 'SELECT g, test.events_of(user_profile.timeline_agg(occurred_at, event_type_id, page_id, event_id)) FROM test.many GROUP BY g'),
	('events', 'SELECT user_profile.timeline_agg(occurred_at, event_type_id, page_id, event_id)::text FROM test.many'),
	('parts, grouped', 'SELECT part, test.events_of(user_profile.timeline_agg(timeline)) FROM test.parts GROUP BY part'),
	('parts', 'SELECT test.events_of(user_profile.timeline_agg(timeline)) FROM test.parts'),
	('figures', 'SELECT (user_profile.timelines_stats(timeline, ''[2024-01-05,2024-01-20)'')).* FROM test.parts'),
	('figures with a timeout', 'SELECT (user_profile.timelines_stats(timeline, ''(,)'', ''5 minutes'')).* FROM test.parts'),
	('figures, grouped', 'SELECT part, (user_profile.timelines_stats(timeline, ''[2024-01-05,)'')).* FROM test.parts GROUP BY part');
CREATE TABLE test.answers AS SELECT what, test.answer(query) AS answer FROM test.queries;

SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
-- force_parallel_mode is debug_parallel_query from PostgreSQL 16 on
SELECT set_config(name, 'on', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query') \g /dev/null
SELECT matches(test.plan(query), 'Partial (Hash|Group)?Aggregate', format('a parallel plan: %s', what))
FROM test.queries;
SELECT is(test.answer(query), answer, format('parallel equals serial: %s', what))
FROM test.queries JOIN test.answers USING (what);
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
SELECT set_config(name, 'off', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query') \g /dev/null

--
-- NULLs
--
SELECT is(user_profile.timeline_stats(NULL, '(,)')::text, '(0,0,0,0,0,0,0,0,,,,0,0,,)', 'figures of no timeline: zeros, and NULL for lengths');
SELECT ok(user_profile.timeline_stats(timeline, NULL) IS NULL, 'figures of no period: NULL') FROM test.timelines WHERE g = 3;
SELECT is((SELECT user_profile.timelines_stats(timeline, '(,)') FROM test.timelines WHERE false)::text,
	'(0,0,0,0,0,0,0,0,,,,0,0,,)', 'figures of no timelines');
SELECT is_empty('SELECT * FROM user_profile.timeline_sessions(NULL)', 'no timeline: no sessions');
SELECT is_empty('SELECT * FROM user_profile.timeline_events(NULL)', 'no timeline: no events');
SELECT is_empty($$SELECT * FROM user_profile.timeline_daily(NULL, '(,)')$$, 'no timeline: no days of all time');
SELECT is(count(*), 3::bigint, 'no timeline: the days of a period, zeros')
FROM user_profile.timeline_daily(NULL, '[2024-01-01,2024-01-04)', 'UTC') WHERE (total_events, page_views, sessions, session_time) = (0, 0, 0, '0');
SELECT is(user_profile.num_events(NULL), NULL, 'no timeline: NULL events');
SELECT is(user_profile.num_events('01'), 0::bigint, 'a timeline may be empty');
SELECT is_empty($$SELECT * FROM user_profile.timeline_sessions('01')$$, 'an empty one has no sessions');
SELECT is(user_profile.timeline_stats('01', '(,)')::text, '(0,0,0,0,0,0,0,0,,,,0,0,,)', 'an empty one has figures of zero');
SELECT is(user_profile.timeline_first_at('01'), NULL, 'an empty one has no first event');

SELECT throws_ok(format('SELECT user_profile.timeline_agg(%s)', args), state, message, message)
FROM (VALUES ('NULL, 0, 1, 1', '22004', 'occurred_at must not be null'),
	('now(), NULL, 1, 1', '22004', 'event_type_id must not be null'),
	('now(), 0, 1, NULL', '22004', 'event_id must not be null'),
	('''infinity'', 0, 1, 1', '22008', 'occurred_at must be finite'),
	('''-infinity'', 0, 1, 1', '22008', 'occurred_at must be finite'),
	('now(), -1, 1, 1', '22003', 'event_type_id must not be negative, but is -1'),
	('now(), 0, -7, 1', '22003', 'page_id must not be negative, but is -7')) v (args, state, message);

-- Figures of one timeline by hand: 10:00 a view of page 1, 10:10 labeled, 10:40 tracked (30:00
-- later: the same session), 11:10:00.000001 a survey answer (a session of its own), next day
CREATE TABLE test.small AS
SELECT user_profile.timeline_agg(t, k, p, n) AS timeline
FROM (VALUES ('2024-05-01 10:00'::timestamptz, 3, 1, 1), ('2024-05-01 10:10', 1, NULL, 2),
	('2024-05-01 10:40', 0, 2, 3), ('2024-05-01 11:10:00.000001', 9, NULL, 4), ('2024-05-02 00:00', 2, 1, 5)) v (t, k, p, n);
SELECT is(user_profile.timeline_stats(timeline, '(,)')::text,
	'(5,3,1,1,1,1,1,3,00:40:00,00:13:20,00:00:00,2,1,"2024-05-01 10:00:00+00","2024-05-02 00:00:00+00")', 'figures by hand')
FROM test.small;
SELECT is(user_profile.timeline_stats(timeline, '[2024-05-01 10:05,2024-05-02)')::text,
	'(3,2,1,1,0,0,1,1,00:00:00,00:00:00,00:00:00,1,1,"2024-05-01 10:10:00+00","2024-05-01 11:10:00.000001+00")',
	'figures of a period that begins within a session: it belongs to the period before')
FROM test.small;
SELECT results_eq('SELECT s.* FROM test.small, user_profile.timeline_sessions(timeline) s',
	$$VALUES (1::bigint, '2024-05-01 10:00'::timestamptz, '2024-05-01 10:40'::timestamptz, '40 min'::interval, 3::bigint, 1, 2, 1::bigint, 3::bigint),
		(2, '2024-05-01 11:10:00.000001', '2024-05-01 11:10:00.000001', '0', 1, NULL, NULL, NULL, NULL),
		(3, '2024-05-02', '2024-05-02', '0', 1, 1, 1, 5, 5)$$, 'sessions by hand');

--
-- session_number()
--
CREATE TABLE test.visits (who text, n int, at timestamptz);
INSERT INTO test.visits VALUES
	('a', 1, '2024-01-01 10:00'), ('a', 2, '2024-01-01 10:30'), ('a', 3, '2024-01-01 11:00:00.000001'),
	('a', 4, NULL), ('a', 5, '2024-01-01 11:00:00.000001'), ('a', 6, '2024-01-03'),
	('b', 7, NULL), ('b', 8, '2024-01-01 11:10'), ('c', 9, NULL);
CREATE FUNCTION test.numbers(call text, clause text DEFAULT 'PARTITION BY who ORDER BY at, n') RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	answer text;
BEGIN
	EXECUTE format('SELECT string_agg(who || n || ''='' || COALESCE(s::text, ''-''), '' '' ORDER BY n)
		FROM (SELECT who, n, %s OVER (%s) AS s FROM test.visits) x', call, clause) INTO answer;
	RETURN answer;
END
$$;
SELECT is(test.numbers('user_profile.session_number(at)'), 'a1=1 a2=1 a3=2 a4=- a5=2 a6=3 b7=- b8=1 c9=-',
	'session_number(): a gap of exactly 30:00 starts none, 30:00.000001 does; NULL gives NULL');
SELECT is(test.numbers('user_profile.session_number(at)', 'PARTITION BY who ORDER BY at NULLS FIRST, n'),
	'a1=1 a2=1 a3=2 a4=- a5=2 a6=3 b7=- b8=1 c9=-', 'session_number(), NULLS FIRST');
SELECT is(test.numbers('user_profile.session_number(at)', 'PARTITION BY who ORDER BY at DESC, n'),
	'a1=3 a2=3 a3=2 a4=- a5=2 a6=1 b7=- b8=1 c9=-', 'session_number(), backwards: it splits at the same places');
SELECT is(test.numbers('user_profile.session_number(at, ''29 min 59.999999 s'')'),
	'a1=1 a2=2 a3=3 a4=- a5=3 a6=4 b7=- b8=1 c9=-', 'session_number() with a timeout');
SELECT is(test.numbers('user_profile.session_number(at, ''0'')'),
	'a1=1 a2=2 a3=3 a4=- a5=3 a6=4 b7=- b8=1 c9=-', 'a timeout of nothing: only ties are one session');
SELECT is(test.numbers('user_profile.session_number(at, NULL)'), test.numbers('user_profile.session_number(at)'),
	'a NULL timeout is that of the setting');
SELECT is(test.numbers('user_profile.session_number(at, CASE who WHEN ''a'' THEN ''2 days'' END::interval)'),
	'a1=1 a2=1 a3=1 a4=- a5=1 a6=1 b7=- b8=1 c9=-', 'a timeout for each partition');
SET user_profile.session_timeout = '2 days';
SELECT is(test.numbers('user_profile.session_number(at)'), 'a1=1 a2=1 a3=1 a4=- a5=1 a6=1 b7=- b8=1 c9=-',
	'session_number() by the setting');
RESET user_profile.session_timeout;
-- All in one partition, in time order: a1 a2 a3 a5 b8 a6
SELECT is(test.numbers('user_profile.session_number(at)', 'ORDER BY at, n'),
	'a1=1 a2=1 a3=2 a4=- a5=2 a6=3 b7=- b8=2 c9=-', 'session_number() without PARTITION BY');
SELECT throws_ok('SELECT user_profile.session_number(at) FROM test.visits', '42809', NULL, 'not without OVER');
SELECT throws_ok($$SELECT user_profile.session_number('infinity') OVER ()$$, '22008',
	'session_number() needs finite times', 'not of an infinite time');
SELECT throws_ok(format('SELECT user_profile.session_number(now(), %L) OVER ()', timeout), '22023', NULL,
	format('not with a timeout of %s', timeout))
FROM unnest('{-1 s,1 month,100000 days}'::interval[]) timeout;
-- Against the timeline itself
SELECT results_eq(
	'SELECT g, event_id, user_profile.session_number(occurred_at, ''1 hour'') OVER (PARTITION BY g ORDER BY occurred_at, event_id) AS s
		FROM test.many ORDER BY g, event_id',
	'SELECT g, x.event_id, x.session_number FROM (SELECT g, user_profile.timeline_agg(occurred_at, event_type_id, page_id, event_id) AS t
		FROM test.many GROUP BY g) t, user_profile.timeline_events(t, NULL, ''1 hour'') x ORDER BY g, event_id',
	'session_number() and timeline_events() agree');

--
-- Bytes from outside: an error of two kinds, or a value that round-trips
--
CREATE FUNCTION test.try(bytes text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	value user_profile.timeline;
BEGIN
	BEGIN
		value := bytes::user_profile.timeline;
	EXCEPTION WHEN invalid_text_representation OR invalid_binary_representation THEN
		RETURN 'refused';
	END;
	IF value::text <> lower(bytes) THEN
		RETURN 'changed';
	END IF;
	-- Whatever it is, it must be readable
	PERFORM count(*) FROM user_profile.timeline_events(value);
	PERFORM user_profile.timeline_stats(value, '(,)');
	PERFORM user_profile.timeline_agg(v) FROM (VALUES (value), (value)) x (v);
	RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
-- Small ones of each kind
CREATE TABLE test.attacked AS
SELECT 'one' AS what, timeline::text AS digits FROM test.timelines WHERE g = 1
UNION ALL SELECT 'few', timeline::text FROM test.small
UNION ALL SELECT 'ends', timeline::text FROM test.timelines WHERE g = 9
UNION ALL SELECT 'seconds', user_profile.timeline_agg('2024-01-01'::timestamptz + i * i * interval '7 s', i % 5 * 16, nullif(i % 4, 0), i)::text
	FROM generate_series(1, 20) i
UNION ALL SELECT 'two blocks', user_profile.timeline_agg(t)::text
	FROM (SELECT user_profile.timeline_agg('2024-01-01'::timestamptz + i * interval '1 day', i, i, i) FROM generate_series(1, 3) i
		UNION ALL SELECT user_profile.timeline_agg('2025-01-01'::timestamptz + i * interval '1 day', i, i, i) FROM generate_series(1, 3) i) x (t);

SELECT is((SELECT string_agg(DISTINCT outcome, ', ') FROM (
		SELECT test.try(encode(set_byte(b, i, get_byte(b, i) # (1 << bit)), 'hex')) AS outcome
		FROM (SELECT decode(digits, 'hex') AS b) b, generate_series(0, length(b) - 1) i, generate_series(0, 7) bit) o
		WHERE outcome NOT IN ('refused', 'accepted')),
	NULL, format('every bit of every byte flipped: %s', what))
FROM test.attacked;
SELECT is((SELECT string_agg(DISTINCT outcome, ', ') FROM (
		SELECT test.try(encode(set_byte(b, i, v), 'hex')) AS outcome
		FROM (SELECT decode(digits, 'hex') AS b) b, generate_series(0, least(40, length(b) - 1)) i, unnest('{0,1,127,128,255}'::int[]) v) o
		WHERE outcome NOT IN ('refused', 'accepted')),
	NULL, format('each of the first bytes 00, 01, 7f, 80 and ff: %s', what))
FROM test.attacked;
-- A timeline ends with a block, so that it may be cut between two
SELECT is((SELECT count(*) FROM generate_series(1, length(digits) / 2 - 1) n
		WHERE test.try(left(digits, 2 * n)) = 'accepted'),
	CASE what WHEN 'two blocks' THEN 2 ELSE 1 END::bigint,
	format('cut at every length, it is refused but between blocks: %s', what))
FROM test.attacked;
SELECT is((SELECT string_agg(DISTINCT o, ', ') FROM generate_series(0, length(digits)) n, test.try(left(digits, n)) o
		WHERE o NOT IN ('refused', 'accepted')), NULL, format('cut at every digit: %s', what))
FROM test.attacked;
SELECT is(test.try(digits || tail), 'refused', format('followed by %s: %s', tail, what))
FROM test.attacked, unnest('{00,ff,0000,ffffffffffffffffffffffffffffffff}'::text[]) tail;
-- Blocks that run back in time
SELECT is(test.try(digits || substr(digits, 3)), 'refused', format('twice: %s', what))
FROM test.attacked WHERE what NOT IN ('one');
SELECT is(test.try(digits), 'refused', format('hostile: %s', what))
FROM (VALUES ('nothing', ''), ('half a byte', '0'), ('no digits', 'zz'), ('a blank', ' 01'), ('a newline', E'01\n'),
	('version 0', '00'), ('version 2', '02'), ('version 255', 'ff'),
	('a block of no bytes', '010000'), ('a block longer than all', '01ffff'),
	('a huge block', '01' || repeat('ff', 65537)), ('zeros', '01' || repeat('00', 100)),
	('1,024 events in 12 bytes', '010c00ff030000000000000000' || '00' || '0000'),
	('a span past the end of time', '011b000000ffffffffffffff7fff' || repeat('00', 16)),
	('as many pauses as events', '011d0000000060e80a47ea0200' || '000000' || '0101' || '0101' || '0101' || repeat('00', 12)),
	('types by the thousand', '011b0000000060e80a47ea0200' || '000000' || '0000' || 'ffff03' || 'ffff03' || '0101' || repeat('00', 10)),
	('an endless varint', '011b0000000060e80a47ea0200' || repeat('ff', 18))) v (what, digits);
SELECT throws_ok(format('SELECT %L::user_profile.timeline', digits), state, NULL, format('%s: %s', state, digits))
FROM (VALUES ('', '22P02'), ('0', '22P02'), ('0g', '22P02'), ('00', '22P03'), ('0100', '22P03')) v (digits, state);
SELECT is(pg_backend_pid(), :pid, 'all this in one backend');
SELECT is(pg_postmaster_start_time(), :'started'::timestamptz, 'and without a restart of the server');

SELECT * FROM finish();
