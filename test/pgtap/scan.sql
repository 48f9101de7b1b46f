-- Scans: timeline_sessions(), timeline_events(), timeline_answers() and timeline_interaction_events() in
-- FROM give by a custom scan, whatever the shape of the plan, the rows that the functions give. WITH
-- ORDINALITY keeps PostgreSQL from scanning.

\ir begin.psql

SELECT setseed(0.4321) \g /dev/null
-- Past the inputs, for damage
CREATE CAST (bytea AS user_profile.timeline) WITHOUT FUNCTION;

-- Up to 3,000 events, so that some have several blocks, of each time unit; gaps of exactly 30 minutes and of
-- a microsecond more; a timeline without events, and no timeline
CREATE TABLE test.t AS
SELECT g AS id, user_profile.timeline_agg(at, (floor(random() * 30)::int << 4) + floor(random() * 10)::int,
	CASE WHEN random() < 0.5 THEN 1 + floor(random() * 20)::int END, (random() * 1000000)::bigint) AS timeline,
	CASE g % 4 WHEN 0 THEN '10 minutes'::interval WHEN 1 THEN '0' WHEN 2 THEN '1 day' END AS timeout
FROM (
	SELECT g, '2024-01-01'::timestamptz + sum(CASE WHEN random() < 0.1 THEN interval '30 minutes'
		WHEN random() < 0.1 THEN interval '30 minutes 1 microsecond' WHEN random() < 0.1 THEN random() * interval '2 days'
		ELSE floor(random() * 1000) * interval '1 second' END)
		OVER (PARTITION BY g ORDER BY i) AS at
	FROM generate_series(1, 200) g, generate_series(1, CASE WHEN g % 10 = 0 THEN 3000 ELSE g % 40 + 1 END) i) x
GROUP BY g
UNION ALL VALUES (1001, '01'::user_profile.timeline, NULL::interval), (1002, NULL, '10 minutes');
ALTER TABLE test.t ADD PRIMARY KEY (id);
ANALYZE test.t;
SELECT timeline AS one FROM test.t WHERE id = 10 \gset

-- How many nodes of a plan scan without the function
CREATE FUNCTION test.scans(query text) RETURNS bigint
LANGUAGE sql AS $$
	SELECT count(*) FROM test.nodes(test.explain(query)) n
	WHERE n ->> 'Custom Plan Provider' IN ('Timeline Sessions', 'Timeline Events', 'Timeline Answers', 'Timeline Interaction Events')
$$;
-- In a query for both, /*!*/ follows each function that is to be scanned
CREATE FUNCTION test.by_function(query text) RETURNS text
LANGUAGE sql AS $$ SELECT replace(query, '/*!*/', ' WITH ORDINALITY') $$;
-- Is a query scanned so often, and are its rows those of the functions?
CREATE FUNCTION test.both(query text, scans int, description text) RETURNS SETOF text
LANGUAGE plpgsql AS $$
BEGIN
	RETURN NEXT is(ARRAY[test.scans(query), test.scans(test.by_function(query))], ARRAY[scans, 0]::bigint[], description || ': scanned');
	RETURN NEXT test.same(query, test.by_function(query), description || ': the same rows');
END
$$;

-- Columns: all, some, in another order, twice, none
SELECT test.both('SELECT id, session_number, started_at, ended_at, duration, events, entry_page_id, exit_page_id, entry_event_id, exit_event_id
	FROM test.t, user_profile.timeline_sessions(timeline)/*!*/', 1, 'all columns of sessions');
SELECT test.both(format('SELECT id, %s FROM test.t, user_profile.timeline_sessions(timeline)/*!*/', c), 1, c || ' of sessions')
FROM unnest('{session_number,started_at,ended_at,duration,events,entry_page_id,exit_page_id,entry_event_id,exit_event_id,
	"exit_event_id, duration, session_number, duration",1}'::text[]) c;
SELECT test.both('SELECT id, event_id, occurred_at, event_type_id, page_id, session_number
	FROM test.t, user_profile.timeline_events(timeline)/*!*/', 1, 'all columns of events');
SELECT test.both(format('SELECT id, %s FROM test.t, user_profile.timeline_events(timeline, ''[2024-01-01 05:00,2024-01-09)'')/*!*/', c), 1, c || ' of events in a period')
FROM unnest('{event_id,occurred_at,event_type_id,page_id,session_number,"page_id, occurred_at",1}'::text[]) c;
SELECT test.both(format('SELECT id, %s FROM test.t, user_profile.timeline_%s(timeline, %L, timeout)/*!*/', c, f, p), 1, c || ' of ' || f || ' in ' || p)
FROM unnest('{answers,interaction_events}'::text[]) f, unnest('{"(,)","[2024-01-01 05:00,2024-01-09)"}'::text[]) p,
	unnest('{"event_id, occurred_at, event_type_id, session_started_at, page_id, page_event_id","page_id, id",1}'::text[]) c;

-- Arguments
SELECT test.both('SELECT id, s.session_number, s.events, s.exit_page_id
	FROM test.t, user_profile.timeline_sessions(timeline, timeout)/*!*/ s', 1, 'a timeout of each row');
SELECT test.both(format('SELECT id, s.session_number, s.events FROM test.t, user_profile.timeline_sessions(timeline, %L)/*!*/ s', w), 1, 'a timeout of ' || w)
FROM unnest('{0,00:30:00,00:30:00.000001,36600 days}'::text[]) w;
SET user_profile.session_timeout = '5 minutes';
SELECT test.both('SELECT id, s.session_number, s.events FROM test.t, user_profile.timeline_sessions(timeline)/*!*/ s', 1, 'the timeout of the setting');
RESET user_profile.session_timeout;
SELECT test.both('SELECT id, x.event_id, x.session_number
	FROM test.t, user_profile.timeline_events(timeline, tstzrange(''2024-01-02'', NULL), timeout)/*!*/ x', 1, 'events from a time on');
SELECT test.both(format('SELECT s.started_at, s.duration FROM user_profile.timeline_sessions(%L)/*!*/ s', :'one'), 1, 'a constant timeline');
SELECT test.both(format('SELECT id, s.started_at FROM test.t, user_profile.timeline_sessions(%L, timeout)/*!*/ s', :'one'), 1, 'one timeline, a timeout of each row');
SELECT test.both('SELECT s.started_at FROM user_profile.timeline_sessions((SELECT timeline FROM test.t WHERE id = 10))/*!*/ s', 1, 'a timeline from a sub-select');
SELECT test.both('SELECT o.id, s.started_at FROM test.t o,
	user_profile.timeline_sessions((SELECT i.timeline FROM test.t i WHERE i.id = o.id + 1))/*!*/ s', 1, 'a timeline from a correlated one');
SELECT is_empty('SELECT s.events FROM user_profile.timeline_sessions(NULL) s', 'no timeline: no sessions');
SELECT is_empty($$SELECT s.events FROM user_profile.timeline_sessions('01') s$$, 'an empty one has no sessions');
SELECT is_empty('SELECT x.event_id FROM user_profile.timeline_events(NULL) x', 'no timeline: no events');

-- Conditions, outer joins, further joins, aggregates
SELECT test.both('SELECT id, s.started_at FROM test.t, user_profile.timeline_sessions(timeline)/*!*/ s
	WHERE s.duration > ''20 min'' AND s.exit_event_id % 2 = id % 2', 1, 'conditions on columns that are not returned');
SELECT test.both('SELECT id, s.session_number, s.duration FROM test.t LEFT JOIN LATERAL user_profile.timeline_sessions(timeline)/*!*/ s
	ON s.duration > id * interval ''1 s''', 1, 'an outer join');
SELECT test.both('SELECT id, s.session_number, x.event_id, x.occurred_at - s.started_at AS since
	FROM test.t, user_profile.timeline_sessions(timeline)/*!*/ s,
		user_profile.timeline_events(timeline, tstzrange(s.started_at, s.ended_at, ''[]''))/*!*/ x WHERE id < 50', 2, 'one within another');
SELECT test.both('SELECT s.duration, count(*), max(s.entry_page_id) FROM test.t, user_profile.timeline_sessions(timeline)/*!*/ s GROUP BY 1', 1, 'grouped by length');
SELECT test.both('SELECT id, duration, lag(duration) OVER (PARTITION BY id ORDER BY session_number) AS before
	FROM test.t, user_profile.timeline_sessions(timeline)/*!*/ s', 1, 'a window');
SELECT test.both('SELECT DISTINCT ON (id) id, duration FROM test.t, user_profile.timeline_sessions(timeline)/*!*/ s ORDER BY id, duration DESC', 1, 'sorted by length');
SELECT test.both('SELECT a.session_number, b.duration
	FROM (SELECT s.session_number FROM test.t, user_profile.timeline_sessions(timeline)/*!*/ s WHERE id = 7) a
	FULL JOIN (SELECT s.session_number, s.duration FROM test.t, user_profile.timeline_sessions(timeline)/*!*/ s WHERE id = 30) b USING (session_number)', 2, 'a full join');
SELECT test.both('SELECT id, (SELECT max(s.duration) FROM user_profile.timeline_sessions(o.timeline)/*!*/ s WHERE s.events > o.id % 3) AS longest FROM test.t o', 1, 'a correlated sub-select');
SELECT test.both('SELECT id FROM test.t o WHERE EXISTS (SELECT FROM user_profile.timeline_sessions(o.timeline)/*!*/ s WHERE s.events = 5)', 1, 'EXISTS');
SELECT test.both('SELECT id, x.n, x.page FROM test.t, LATERAL (
		SELECT s.session_number + 0 AS n, s.exit_page_id AS page FROM user_profile.timeline_sessions(timeline)/*!*/ s
		UNION ALL SELECT -e.session_number, e.page_id FROM user_profile.timeline_events(timeline)/*!*/ e
		UNION ALL SELECT 0, 0) x', 2, 'UNION ALL');
SELECT test.both('WITH RECURSIVE r (id, n) AS (SELECT id, s.session_number FROM test.t, user_profile.timeline_sessions(timeline)/*!*/ s WHERE id = 10 AND s.session_number = 1
	UNION ALL SELECT r.id, s.session_number FROM r JOIN test.t USING (id), user_profile.timeline_sessions(t.timeline)/*!*/ s WHERE s.session_number = r.n + 1 AND r.n < 50)
	SELECT * FROM r', 2, 'recursion');

-- Read in part, and again
SELECT test.both('SELECT id, x.* FROM test.t, LATERAL (SELECT s.session_number, s.duration FROM user_profile.timeline_sessions(timeline)/*!*/ s LIMIT 2) x', 1, 'LIMIT within');
SELECT test.both('SELECT id, s.session_number, s.exit_event_id FROM test.t, user_profile.timeline_sessions(timeline)/*!*/ s ORDER BY id LIMIT 1234', 1, 'LIMIT');
SET enable_material = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SELECT test.both(format('SELECT a.session_number, b.exit_page_id FROM user_profile.timeline_sessions(%L)/*!*/ a LEFT JOIN user_profile.timeline_sessions(%1$L)/*!*/ b
	ON b.session_number < a.session_number AND b.session_number < 4', :'one'), 2, 'the inner side of a nested loop');
SELECT is((SELECT count(*) FROM test.nodes(test.explain(format('SELECT * FROM user_profile.timeline_sessions(%L) a LEFT JOIN user_profile.timeline_sessions(%1$L) b
	ON b.session_number < a.session_number', :'one'))) n WHERE n ->> 'Node Type' IN ('Materialize', 'Memoize')), 0::bigint, 'it is read again');
RESET enable_material;
RESET enable_hashjoin;
RESET enable_mergejoin;

-- Cursors
CREATE FUNCTION test.scrolled(query text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	r refcursor;
	rec record;
	seen text[] := '{}';
BEGIN
	OPEN r SCROLL FOR EXECUTE query;
	FETCH NEXT FROM r INTO rec; seen := seen || rec::text;
	FETCH RELATIVE 5 FROM r INTO rec; seen := seen || rec::text;
	FETCH PRIOR FROM r INTO rec; seen := seen || rec::text;
	FETCH LAST FROM r INTO rec; seen := seen || rec::text;
	FETCH ABSOLUTE 3 FROM r INTO rec; seen := seen || rec::text;
	FETCH ABSOLUTE -4 FROM r INTO rec; seen := seen || rec::text;
	FETCH FIRST FROM r INTO rec; seen := seen || rec::text;
	CLOSE r;
	RETURN seen::text;
END
$$;
SELECT is(test.scrolled(q), test.scrolled(test.by_function(q)), 'a cursor that scrolls over ' || left(q, 40))
FROM unnest(ARRAY[format('SELECT s.session_number, s.duration, s.exit_page_id FROM user_profile.timeline_sessions(%L)/*!*/ s', :'one'),
	'SELECT id, s.session_number, s.duration, s.exit_page_id FROM test.t, user_profile.timeline_sessions(timeline)/*!*/ s WHERE id = 20']) q;
SELECT is(test.scans(format('DECLARE c SCROLL CURSOR FOR SELECT * FROM user_profile.timeline_sessions(%L)', :'one')), 1::bigint, 'such a cursor is scanned');

-- Generic plans, functions and views that are inlined, compilation
SET plan_cache_mode = force_generic_plan;
PREPARE scanned (user_profile.timeline, interval) AS SELECT s.started_at, s.duration, s.exit_page_id FROM user_profile.timeline_sessions($1, $2) s;
SELECT is(test.scans(format('EXECUTE scanned (%L, NULL)', :'one')), 1::bigint, 'a generic plan is scanned');
CREATE TABLE test.prepared (started_at timestamptz, duration interval, exit_page_id int);
CREATE FUNCTION test.run_prepared(w text) RETURNS SETOF test.prepared
LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format('EXECUTE scanned (%L, %L)', (SELECT timeline FROM test.t WHERE id = 10), w);
END
$$;
SELECT test.same(format('SELECT * FROM test.run_prepared(%L)', w),
	format('SELECT s.started_at, s.duration, s.exit_page_id FROM test.t, user_profile.timeline_sessions(timeline, %L) WITH ORDINALITY s WHERE id = 10', w),
	format('a generic plan with %s', COALESCE(w, 'NULL')))
FROM unnest('{NULL,00:10:00,36600 days}'::text[]) w;
RESET plan_cache_mode;
CREATE FUNCTION test.inlined(user_profile.timeline, interval) RETURNS TABLE (n bigint, d interval)
LANGUAGE sql STABLE AS $$ SELECT s.session_number, s.duration FROM user_profile.timeline_sessions($1, $2) s WHERE s.events > 1 $$;
SELECT is(test.scans('SELECT * FROM test.t, test.inlined(timeline, timeout)'), 1::bigint, 'an inlined function is scanned');
SELECT test.same('SELECT id, x.* FROM test.t, test.inlined(timeline, timeout) x',
	'SELECT id, s.session_number, s.duration FROM test.t, user_profile.timeline_sessions(timeline, timeout) WITH ORDINALITY s WHERE s.events > 1',
	'an inlined function: the same rows');
SET jit = on;
SET jit_above_cost = 0;
SET jit_optimize_above_cost = 0;
SELECT test.both('SELECT id, s.started_at, s.duration FROM test.t, user_profile.timeline_sessions(COALESCE(timeline, ''01''), timeout)/*!*/ s WHERE s.events > id % 3', 1, 'compiled');
RESET jit;

-- In parallel
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SELECT is((SELECT count(*) FROM test.nodes(test.explain('SELECT * FROM test.t, user_profile.timeline_sessions(timeline, timeout)')) n,
	test.nodes(n) below WHERE n ->> 'Node Type' = 'Gather' AND below ->> 'Custom Plan Provider' = 'Timeline Sessions'), 1::bigint, 'workers scan');
SET parallel_leader_participation = off;
SELECT test.both('SELECT id, s.started_at, s.duration, s.exit_event_id FROM test.t, user_profile.timeline_sessions(timeline, timeout)/*!*/ s WHERE s.events > 1', 1, 'in parallel');
SELECT test.both('SELECT id, sum(s.duration), max(x.page_id) FROM test.t, user_profile.timeline_sessions(timeline, timeout)/*!*/ s,
	user_profile.timeline_events(timeline, tstzrange(s.started_at, s.ended_at, ''[]''))/*!*/ x WHERE id % 10 <> 0 GROUP BY id', 2, 'grouped in parallel');
RESET parallel_leader_participation;
RESET max_parallel_workers_per_gather;

-- Conditions of a view that is a barrier come first
CREATE FUNCTION test.leak(bigint) RETURNS boolean
LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN IF $1 <> 1 THEN RAISE 'leaked %', $1; END IF; RETURN true; END $$;
CREATE VIEW test.first_sessions WITH (security_barrier = true) AS
SELECT id, s.session_number, s.started_at FROM test.t, user_profile.timeline_sessions(timeline) s WHERE s.session_number = 1;
SELECT is(test.scans('SELECT * FROM test.first_sessions WHERE test.leak(session_number)'), 1::bigint, 'a barrier is scanned');
SELECT lives_ok('SELECT * FROM test.first_sessions WHERE test.leak(session_number)', 'a condition from outside sees what is within');

-- What is left to the function
SELECT is(test.scans(q), 0::bigint, 'no scan: ' || q)
FROM unnest(ARRAY['SELECT s FROM test.t, user_profile.timeline_sessions(timeline) s',
	'SELECT id FROM test.t, user_profile.timeline_sessions(timeline) s WHERE s IS NOT NULL',
	'SELECT t.* FROM test.t, user_profile.timeline_sessions(timeline) s FOR UPDATE OF t',
	'SELECT * FROM ROWS FROM (user_profile.timeline_sessions(''01''), generate_series(1, 3)) s',
	'SELECT user_profile.timeline_sessions(timeline) FROM test.t',
	'SELECT * FROM user_profile.timeline_sessions(CASE WHEN random() < 0.5 THEN ''01''::user_profile.timeline END)']) q;
SELECT lives_ok('SELECT t.id, s.events FROM test.t, user_profile.timeline_sessions(timeline) s FOR UPDATE OF t', 'rows are locked');
ALTER FUNCTION user_profile.timeline_sessions SET work_mem = '1MB';
SELECT is(test.scans('SELECT s.events FROM test.t, user_profile.timeline_sessions(timeline) s'), 0::bigint, 'no scan of a function with a setting');
ALTER FUNCTION user_profile.timeline_sessions RESET work_mem;
SELECT is((SELECT n ->> 'Function Call' FROM test.nodes(test.explain('SELECT s.events FROM test.t, user_profile.timeline_sessions(t.timeline, t.timeout) s')) n
	WHERE n ->> 'Custom Plan Provider' = 'Timeline Sessions'), 'user_profile.timeline_sessions(t.timeline, t.timeout)', 'EXPLAIN shows the call');

-- Errors: rows up to there and the error, as text
CREATE FUNCTION test.outcome(query text, value user_profile.timeline) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	digest text;
BEGIN
	EXECUTE format('SELECT count(*) || md5(string_agg(x::text, '','' ORDER BY x::text)) FROM (%s) x', query) INTO digest USING value;
	RETURN digest;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
SELECT is(test.outcome(q, :'one'), test.outcome(test.by_function(q), :'one'), 'the error of ' || q)
FROM unnest(ARRAY['SELECT s.events FROM user_profile.timeline_sessions($1, ''-1 s'')/*!*/ s',
	'SELECT s.events FROM user_profile.timeline_sessions(NULL, ''1 month'')/*!*/ s',
	'SELECT x.event_id FROM user_profile.timeline_events($1, ''empty'')/*!*/ x',
	'SELECT x.event_id FROM user_profile.timeline_events(NULL, NULL, ''-1 s'')/*!*/ x',
	'SELECT x.event_id FROM user_profile.timeline_answers($1, NULL)/*!*/ x',
	'SELECT x.event_id FROM user_profile.timeline_interaction_events($1, ''(,)'', ''1 month'')/*!*/ x']) q;
SELECT throws_ok('SELECT s.events FROM user_profile.timeline_sessions(''01'', ''-1 s'') s', '22023', NULL, 'a wrong timeout');
SELECT throws_ok($$SELECT s.events FROM user_profile.timeline_sessions('\x02'::bytea::user_profile.timeline) s$$, 'XX001', NULL, 'an unknown version');

-- Damage is met as by the function where all is asked for, and is never worse than an error
CREATE TABLE test.damaged AS
SELECT set_bit(b, bit, 1 - get_bit(b, bit)) AS bytes
FROM (SELECT id, user_profile.timeline_send(timeline) AS b FROM test.t WHERE id IN (1, 10, 40, 45, 79)) t,
	LATERAL (SELECT DISTINCT floor(random() * 8 * length(b))::int AS bit FROM generate_series(1, 400)) x
UNION ALL
SELECT substr(b, 1, floor(random() * length(b))::int)
FROM (SELECT user_profile.timeline_send(timeline) AS b FROM test.t WHERE id IN (1, 10, 40, 45, 79)) t, generate_series(1, 40);
SET jit = off;
CREATE TABLE test.outcomes AS
SELECT q, bytes, test.outcome(q, bytes::user_profile.timeline) AS scanned, test.outcome(test.by_function(q), bytes::user_profile.timeline) AS called
FROM test.damaged, unnest(ARRAY['SELECT session_number, started_at, ended_at, duration, events, entry_page_id, exit_page_id, entry_event_id, exit_event_id
	FROM user_profile.timeline_sessions($1)/*!*/', 'SELECT event_id, occurred_at, event_type_id, page_id, session_number FROM user_profile.timeline_events($1)/*!*/',
	'SELECT event_id, occurred_at, event_type_id, session_started_at, page_id, page_event_id FROM user_profile.timeline_answers($1, ''(,)'')/*!*/',
	'SELECT event_id, occurred_at, event_type_id, session_started_at, page_id, page_event_id FROM user_profile.timeline_interaction_events($1, ''(,)'')/*!*/']) q;
SELECT is_empty('SELECT * FROM test.outcomes WHERE scanned IS DISTINCT FROM called', 'a damaged timeline is read as by the function');
SELECT ok(count(*) FILTER (WHERE called LIKE 'XX001 %') > 100 AND count(*) FILTER (WHERE called NOT LIKE 'XX001 %') > 100, 'some are damaged so that it is seen, some are not')
FROM test.outcomes;
SELECT is_empty($$SELECT q, bytes, scanned FROM (SELECT q, bytes, test.outcome(q, bytes::user_profile.timeline) AS scanned
	FROM test.damaged, unnest('{"SELECT s.events FROM user_profile.timeline_sessions($1) s", "SELECT s.exit_page_id FROM user_profile.timeline_sessions($1) s",
		"SELECT 1 FROM user_profile.timeline_events($1) x", "SELECT x.page_id FROM user_profile.timeline_events($1) x"}'::text[]) q) o
	WHERE scanned !~ '^[0-9]+[0-9a-f]{32}$' AND scanned !~ '^(XX001|22015) '$$, 'of some columns, too, it is read or reported');

-- The right to run the function is asked for
CREATE ROLE scan_nobody;
GRANT USAGE ON SCHEMA user_profile TO scan_nobody;
GRANT USAGE ON TYPE user_profile.timeline TO scan_nobody;
SET ROLE scan_nobody;
SELECT throws_ok($$SELECT s.events FROM user_profile.timeline_sessions('01') s$$, '42501',
	'permission denied for function timeline_sessions', 'a scan needs the right to run the function');
RESET ROLE;
REVOKE ALL ON SCHEMA user_profile FROM scan_nobody;
REVOKE ALL ON TYPE user_profile.timeline FROM scan_nobody;
DROP ROLE scan_nobody;

-- The extension made anew: other OIDs
PREPARE kept AS SELECT count(s.events) FROM user_profile.timeline_sessions('01') s;
SELECT is(test.scans('EXECUTE kept'), 1::bigint, 'a kept plan is scanned');
DROP EXTENSION user_profile CASCADE;
SELECT throws_ok('EXECUTE kept', '3F000', NULL, 'without the extension there is no such plan');
CREATE EXTENSION user_profile;
SELECT is(test.scans('EXECUTE kept'), 1::bigint, 'and with a new one there is another');

SELECT * FROM finish();
