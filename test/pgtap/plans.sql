-- Plans: what is asked about one user reaches the primary keys, and never reads the whole log
-- or all timelines; with and without statistics, and in the generic plans of the functions.

\ir begin.psql

-- 120,000 events of 4,000 users, one of whom has many; a thousand of them pending
ALTER TABLE user_profile.events SET (autovacuum_enabled = false);
ALTER TABLE user_profile.timelines SET (autovacuum_enabled = false);
INSERT INTO user_profile.events (user_id, occurred_at, kind, name, page)
SELECT CASE WHEN i % 10 = 0 THEN 'many' ELSE 'u' || hashint4(i)::bigint % 2000 END,
	now() - i * interval '17 seconds', (ARRAY['tracked', 'page_view', 'labeled'])[1 + i % 3]::user_profile.event_kind,
	'name ' || i % 200, '/page/' || i % 300
FROM generate_series(1, 119000) i;
CALL user_profile.refresh();
INSERT INTO user_profile.events (user_id, occurred_at, name)
SELECT 'u' || i, now() - i * interval '1 second', 'late' FROM generate_series(1, 1000) i;

-- Is the log and are timelines read by these indexes only, and really read where they should be?
-- The whole index is not allowed either: a scan needs a condition.
CREATE FUNCTION test.by_keys(query text, needed text[], description text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	plan json := test.explain(query);
	bad text;
	missing text;
BEGIN
	SELECT string_agg(format('%s on %s%s', n ->> 'Node Type', n ->> 'Relation Name', COALESCE(' by ' || (n ->> 'Index Name'), '')), ', ')
	INTO bad
	FROM test.nodes(plan) n
	WHERE n ->> 'Relation Name' IN ('events', 'timelines')
			AND n ->> 'Node Type' LIKE '%Seq Scan%'
		OR n ->> 'Index Name' IN ('timelines_pkey', 'events_pkey')
			AND n ->> 'Index Cond' IS NULL
		OR n ->> 'Index Name' = 'timelines_pkey'
			AND n ->> 'Index Cond' NOT LIKE '%user_id%'
		OR n ->> 'Relation Name' IN ('events', 'timelines') AND n ->> 'Node Type' LIKE 'Index%'
			AND n ->> 'Index Name' NOT IN ('timelines_pkey', 'events_pkey');
	SELECT string_agg(i, ', ') INTO missing
	FROM unnest(needed) i
	WHERE NOT EXISTS (SELECT FROM test.nodes(plan) n WHERE n ->> 'Index Name' = i);
	RETURN ok(bad IS NULL AND missing IS NULL, description)
		|| COALESCE(E'\n' || diag('not by keys: ' || bad), '')
		|| COALESCE(E'\n' || diag('not used: ' || missing), '');
END
$$;

-- What each asks: the views by a condition, the functions' queries (src/user.c) by a parameter
CREATE TABLE test.queries (what text, query text, needed text[]);
INSERT INTO test.queries
SELECT v, format('SELECT * FROM user_profile.%s WHERE user_id = $1', v),
	'{timelines_pkey,events_pkey}'::text[]
FROM unnest('{user_profiles,user_overviews,user_top_events,user_top_pages,user_daily,user_sessions,user_events,live_timelines}'::text[]) v
UNION ALL VALUES
	('pending_events', 'SELECT * FROM user_profile.pending_events WHERE user_id = $1', '{events_pkey}'::text[]),
	('users_overview()', 'SELECT * FROM user_profile.users_overview(''[2024-01-01,2024-02-01)'') WHERE user_id = $1', '{timelines_pkey,events_pkey}'),
	('users_overview(all)', 'SELECT * FROM user_profile.users_overview(''(,)'') WHERE user_id = $1', '{timelines_pkey,events_pkey}'),
	('users_top_events()', 'SELECT * FROM user_profile.users_top_events(''[2024-01-01,2024-02-01)'') WHERE user_id = $1', '{timelines_pkey,events_pkey}'),
	('users_top_pages()', 'SELECT * FROM user_profile.users_top_pages(''[2024-01-01,2024-02-01)'') WHERE user_id = $1', '{timelines_pkey,events_pkey}'),
	('users_daily()', 'SELECT * FROM user_profile.users_daily(''[2024-01-01,2024-02-01)'', ''UTC'') WHERE user_id = $1', '{timelines_pkey,events_pkey}'),
	('users_sessions()', 'SELECT * FROM user_profile.users_sessions(''[2024-01-01,2024-02-01)'') WHERE user_id = $1', '{timelines_pkey,events_pkey}'),
	('some of user_profiles', 'SELECT * FROM user_profile.user_profiles WHERE user_id IN ($1, ''u8'')', '{timelines_pkey,events_pkey}'),
	('some of user_daily', 'SELECT * FROM user_profile.user_daily WHERE user_id IN ($1, ''u8'')', '{timelines_pkey,events_pkey}'),
	('some of user_overviews', 'SELECT * FROM user_profile.user_overviews WHERE user_id IN ($1, ''u8'')', '{timelines_pkey,events_pkey}');

CREATE FUNCTION test.all(state text) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
	q record;
	who text;
BEGIN
	FOR q IN SELECT * FROM test.queries
	LOOP
		FOREACH who IN ARRAY '{u7,many,nobody}'::text[]
		LOOP
			RETURN NEXT test.by_keys(replace(q.query, '$1', quote_literal(who)), q.needed,
				format('%s: %s of %s', state, q.what, who));
		END LOOP;
		EXECUTE format('PREPARE by_user (text) AS %s', q.query);
		PERFORM set_config('plan_cache_mode', 'force_generic_plan', false);
		RETURN NEXT test.by_keys('EXECUTE by_user (''u7'')', q.needed, format('%s: %s, generic plan', state, q.what));
		PERFORM set_config('plan_cache_mode', 'auto', false);
		DEALLOCATE by_user;
	END LOOP;
END
$$;

-- The functions themselves: what they scan is seen in the statistics of the transaction
CREATE TABLE test.calls (call text);
INSERT INTO test.calls VALUES ('user_profile(%L)'), ('user_overview(%L)'), ('user_top_events(%L)'), ('user_top_pages(%L)'),
	('user_daily(%L)'), ('user_sessions(%L)'), ('session_events(%L, now() - interval ''119 seconds'')'), ('user_companies(%L)');
-- Sequential scans of the two tables in this transaction
CREATE FUNCTION test.read_in_sequence() RETURNS bigint
LANGUAGE sql AS $$
	SELECT pg_stat_get_xact_numscans('user_profile.events'::regclass) + pg_stat_get_xact_numscans('user_profile.timelines'::regclass)
$$;
CREATE FUNCTION test.functions(state text) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
	c record;
	who text;
	before bigint;
BEGIN
	FOR c IN SELECT * FROM test.calls
	LOOP
		FOREACH who IN ARRAY '{u7,many,nobody}'::text[]
		LOOP
			before := test.read_in_sequence();
			EXECUTE format('SELECT count(*) FROM user_profile.' || c.call, who);
			RETURN NEXT is(test.read_in_sequence() - before, 0::bigint,
				format('%s: no sequential scan for %s', state, format(c.call, who)));
		END LOOP;
	END LOOP;
	before := test.read_in_sequence();
	EXECUTE 'SELECT count(*) FROM user_profile.timelines WHERE part + 1 > 0';
	RETURN NEXT is(test.read_in_sequence() - before, 1::bigint, 'a sequential scan would be seen');
END
$$;

-- Without statistics, as they are where the first refresh could not leave any
SET allow_system_table_mods = on;
DELETE FROM pg_statistic WHERE starelid IN ('user_profile.events'::regclass, 'user_profile.timelines'::regclass, 'user_profile.users'::regclass);
UPDATE pg_class SET reltuples = -1 WHERE oid IN ('user_profile.events'::regclass, 'user_profile.timelines'::regclass, 'user_profile.users'::regclass);
RESET allow_system_table_mods;
SELECT is(count(*), 0::bigint, 'no statistics yet') FROM pg_stats WHERE schemaname = 'user_profile' AND tablename IN ('events', 'timelines');
SELECT test.all('not analyzed');
SELECT test.functions('not analyzed');
-- The plans of the functions stand, but the others are made anew
ANALYZE user_profile.events, user_profile.timelines, user_profile.users, user_profile.event_types, user_profile.pages, user_profile.refresh_state;
SELECT test.all('analyzed');
SELECT test.functions('analyzed');

-- How many users there are the planner knows, so that a page of a list is not a loop over all pairs
SELECT cmp_ok(((test.explain('SELECT * FROM user_profile.' || v)) ->> 'Plan Rows')::numeric, '<=',
	(SELECT 4 * count(*) FROM user_profile.live_users)::numeric, 'rows expected of ' || v)
FROM unnest('{user_profiles,user_overviews,user_export}'::text[]) v;

-- Whole-base figures read each table once, and no row of the log that is folded
SELECT is((SELECT count(*) FROM test.nodes(test.explain('SELECT * FROM user_profile.live_timelines')) n
		WHERE n ->> 'Relation Name' = 'events' AND n ->> 'Node Type' LIKE '%Seq Scan%'), 0::bigint,
	'all timelines are read without a scan of the log');

-- Of a user's sessions the planner expects most in a period, as timeline_sessions() has it expect of
-- a user. Were it one, as for a range that it knows nothing of, each session would be compared with each page.
SELECT cmp_ok((SELECT min((n ->> 'Plan Rows')::numeric) FROM test.nodes(test.explain(
			'SELECT * FROM user_profile.users_sessions(''[2024-01-01,2024-02-01)'') WHERE user_id = ''u7''')) n
		WHERE n ->> 'Custom Plan Provider' = 'Timeline Sessions'), '>=',
	(SELECT prorows::numeric / 2 FROM pg_proc WHERE oid = 'user_profile.timeline_sessions(user_profile.timeline,interval)'::regprocedure),
	'most sessions of a user are expected in a period');

-- Figures about everybody are made by all processes together, not by the one that gathers, and
-- are the same as by one
SET max_parallel_workers_per_gather = 2;
SET min_parallel_table_scan_size = 0;
CREATE TABLE test.everybody (query text);
INSERT INTO test.everybody VALUES
	('SELECT user_profile.timelines_sessions(timeline) FROM user_profile.live_timelines'),
	('SELECT user_profile.timelines_stats(timeline, ''(,)'') FROM user_profile.live_timelines'),
	('SELECT sum(sessions), sum(total_events) FROM user_profile.users_overview(''(,)'')'),
	('SELECT * FROM user_profile.workspace_overview(''(,)'')');
CREATE FUNCTION test.in_parallel(state text) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
	q record;
	alone text;
	together text;
BEGIN
	FOR q IN SELECT e.query FROM test.everybody e
	LOOP
		PERFORM set_config('parallel_setup_cost', '0', true);
		PERFORM set_config('parallel_tuple_cost', '1', true);
		RETURN NEXT ok((SELECT count(*) > 0 FROM test.nodes(test.explain(q.query)) n
			WHERE n ->> 'Partial Mode' = 'Partial'), format('%s, in parallel: %s', state, q.query));
		EXECUTE format('SELECT x::text FROM (%s) x', q.query) INTO together;
		PERFORM set_config('max_parallel_workers_per_gather', '0', true);
		EXECUTE format('SELECT x::text FROM (%s) x', q.query) INTO alone;
		PERFORM set_config('max_parallel_workers_per_gather', '2', true);
		RETURN NEXT is(together, alone, format('%s, as by one process: %s', state, q.query));
	END LOOP;
END
$$;
SELECT test.in_parallel('some pending');
SELECT user_profile.exclude_user('u7') \g /dev/null
SELECT user_profile.add_exclusion_rule('user', 'u1*') \g /dev/null
SELECT test.in_parallel('some excluded');
CALL user_profile.refresh();
SELECT test.in_parallel('all folded');

SELECT * FROM finish();
