-- Exports: every figure and property against the log and the tables, everything about one user
-- and nothing about another, CSV there and back, and cells that a spreadsheet would run.

\ir begin.psql

-- Texts that try a format: separators, quotes, line ends, markup of CSV and COPY, UTF-8
CREATE TABLE test.nasty (id integer, value text);
INSERT INTO test.nasty VALUES
	(1, 'a,b;c' || chr(9) || 'd'), (2, '"quoted" ''single'' ""'), (3, E'line\nline\r\nline\r'), (4, '\.'),
	(5, '\N'), (6, 'Ünïcödé – 日本語 🙂 العربية'), (7, ''), (8, ' '), (9, 'NULL'), (10, '=1+1'), (11, '+49 30 1234'),
	(12, '-5'), (13, '@SUM(A1)'), (14, E'\t=1'), (15, ' =1'), (16, '{"a":1}'), (17, '"'), (18, '\'), (19, E'\r=1');

INSERT INTO user_profile.users (user_id, name, email, country, signed_up_at, properties)
SELECT 'u' || id || value, value, value, value, timestamptz '2024-01-01' + id * interval '1 day',
	jsonb_build_object('hostname', value, 'browser', value, 'operating_system', value, 'device_type', value,
		'browser_language', value, 'plan', value, value, value)
FROM test.nasty;
UPDATE user_profile.users SET excluded_at = '2024-01-01', exclusion_reason = '=internal' WHERE name = '-5';
INSERT INTO user_profile.companies (company_id, name, signed_up_at, properties)
SELECT 'c' || id || value, value, timestamptz '2023-01-01',
	jsonb_build_object('domain', value, 'industry', value, 'country', value, 'plan', value, 'employees', id, value, value)
FROM test.nasty;
INSERT INTO user_profile.memberships (user_id, company_id, joined_at)
SELECT 'u' || id || value, 'c' || id || value, timestamptz '2024-01-02' FROM test.nasty;
INSERT INTO user_profile.memberships (user_id, company_id, joined_at, left_at)
VALUES ('u16{"a":1}', 'c17"', '2023-01-02', '2023-02-02');
INSERT INTO user_profile.events (user_id, occurred_at, kind, name, action, page, properties, message_id)
SELECT 'u' || n.id || n.value, timestamptz '2024-03-01' + n.id * interval '1 hour' + i * interval '7 minutes',
	(enum_range(NULL::user_profile.event_kind))[1 + i % 8], 'e' || i || n.value,
	CASE WHEN i % 3 = 0 THEN 'x' || n.value END, CASE WHEN i % 2 = 0 THEN 'p' || n.value END,
	CASE WHEN i % 4 <> 0 THEN jsonb_build_object('i', i, 'none', NULL, 'text', n.value) END,
	CASE WHEN i % 5 = 0 THEN 'm' || i END
FROM test.nasty n, generate_series(1, 20) i
WHERE n.id <> 18;
INSERT INTO user_profile.events (user_id, occurred_at, kind, name, page, properties)
SELECT 'u' || id || value, timestamptz '2024-03-02', 'nps', 'NPS', 'p', jsonb_build_object('score', id % 11, 'comment', value)
FROM test.nasty WHERE id <> 18;
INSERT INTO user_profile.session_replays (user_id, started_at, url)
SELECT 'u' || id || value, timestamptz '2024-03-01 00:10' + id * interval '1 hour', 'https://replay.example/' || id FROM test.nasty;
CALL user_profile.refresh();
-- Some pending, one of a user without a row
INSERT INTO user_profile.events (user_id, occurred_at, name, page, properties) VALUES
	('u1' || (SELECT value FROM test.nasty WHERE id = 1), '2024-03-01 01:05', '=late', '@late', '{"late": true}'),
	('new', '2024-03-05', 'first', NULL, NULL);
SELECT user_profile.alias('anon', 'u6' || (SELECT value FROM test.nasty WHERE id = 6))
FROM (SELECT user_profile.track('anon', 'before', occurred_at => '2024-02-01')) t;

--
-- csv_safe
--
SELECT is(user_profile.csv_safe(v), e, 'csv_safe: ' || coalesce(to_json(v)::text, 'NULL'))
FROM (VALUES ('=1', '''=1'), ('+1', '''+1'), ('-1', '''-1'), ('@a', '''@a'), (E'\t1', E'''\t1'), (E'\r1', E'''\r1'),
	(E'\n1', E'''\n1'), (' =1', ''' =1'), (E'\u00201-1', E'\u00201-1'), (E'\u00a0=1', E'''\u00a0=1'), (E'\u3000+1', E'''\u3000+1'),
	(E'\u200b@1', E'''\u200b@1'), (E'\ufeff\u2060 -1', E'''\ufeff\u2060 -1'), (E'\u00e9=1', E'\u00e9=1'), (E'\uff1d1', E'''\uff1d1'), (E'\uff0b1', E'''\uff0b1'),
	(E'\uff0d1', E'''\uff0d1'), (E'\uff201', E'''\uff201'), ('1=1', '1=1'), ('a', 'a'), ('', ''), ('''=1', '''=1'), (NULL, NULL)) c (v, e);
SELECT is(user_profile.csv_safe('=1', false), '=1', 'csv_safe(..., false) leaves all as it is');

--
-- user_export: against the tables and plain SQL on the log
--
CREATE VIEW test.log AS
SELECT coalesce(a.user_id, e.user_id) AS user_id, e.event_id, occurred_at, kind, name, action, page, properties, message_id
FROM user_profile.events e LEFT JOIN user_profile.aliases a ON a.previous_id = e.user_id;
CREATE VIEW test.sessions AS
SELECT user_id, session, min(occurred_at) AS started_at, max(occurred_at) - min(occurred_at) AS duration, count(*) AS events
FROM (SELECT *, count(*) FILTER (WHERE starts) OVER (PARTITION BY user_id ORDER BY occurred_at, event_id) AS session
	FROM (SELECT *, (occurred_at - lag(occurred_at) OVER (PARTITION BY user_id ORDER BY occurred_at, event_id)
			<= interval '30 min') IS NOT TRUE AS starts FROM test.log) l) s
GROUP BY user_id, session;

CREATE VIEW test.plain_users (user_id, name, email, country, company_id, company_name, sign_up_date, sign_up_source,
	first_seen_at, last_seen_at, total_sessions, total_events, tracked_events, labeled_events, feature_tag_events, page_views,
	content_interactions, session_time, avg_session, median_session, active_days, excluded, exclusion_reason, hostname,
	browser, operating_system, device_type, browser_language, properties) AS
SELECT u.user_id, u.name, u.email, u.country, c.company_id, c.name,
	coalesce(u.signed_up_at, l.first_at), CASE WHEN u.signed_up_at IS NOT NULL THEN 'signed_up' ELSE 'first_seen' END,
	l.first_at, l.last_at, coalesce(s.sessions, 0), coalesce(l.tracked + l.labeled + l.tags, 0),
	coalesce(l.tracked, 0), coalesce(l.labeled, 0), coalesce(l.tags, 0), coalesce(l.views, 0), coalesce(l.content, 0),
	s.session_time, s.session_time / s.sessions, s.median, coalesce(l.days, 0),
	u.excluded_at IS NOT NULL, u.exclusion_reason,
	u.properties ->> 'hostname', u.properties ->> 'browser', u.properties ->> 'operating_system',
	u.properties ->> 'device_type', u.properties ->> 'browser_language',
	u.properties - 'hostname' - 'browser' - 'operating_system' - 'device_type' - 'browser_language'
FROM (SELECT * FROM user_profile.users
	UNION ALL SELECT 'new', NULL, NULL, NULL, NULL, '{}', NULL, NULL, NULL) u
LEFT JOIN user_profile.memberships m ON m.user_id = u.user_id AND m.left_at IS NULL
LEFT JOIN user_profile.companies c ON c.company_id = m.company_id
LEFT JOIN (SELECT user_id, min(occurred_at) AS first_at, max(occurred_at) AS last_at,
		count(*) FILTER (WHERE kind = 'tracked') AS tracked, count(*) FILTER (WHERE kind = 'labeled') AS labeled,
		count(*) FILTER (WHERE kind = 'feature_tag') AS tags, count(*) FILTER (WHERE kind = 'page_view') AS views,
		count(*) FILTER (WHERE kind >= 'flow') AS content, count(DISTINCT occurred_at::date) AS days
	FROM test.log GROUP BY user_id) l ON l.user_id = u.user_id
LEFT JOIN (SELECT user_id, count(*) AS sessions, sum(duration) AS session_time,
		percentile_cont(0.5) WITHIN GROUP (ORDER BY duration) AS median
	FROM test.sessions GROUP BY user_id) s ON s.user_id = u.user_id;
SELECT bag_eq('SELECT * FROM user_profile.user_export', 'SELECT * FROM test.plain_users', 'user_export');
SELECT is((SELECT count(*) FROM user_profile.user_export), 20::bigint, 'one row a user');
SELECT results_eq($$SELECT * FROM user_profile.user_export WHERE user_id = 'u5\N'$$,
	$$SELECT * FROM user_profile.users_export(false) WHERE user_id = 'u5\N'$$, 'the view is the function');

--
-- company_export
--
CREATE VIEW test.plain_companies (company_id, name, sign_up_date, sign_up_source, first_seen_at, last_seen_at, users,
	active_users, total_sessions, total_events, tracked_events, labeled_events, feature_tag_events, page_views,
	content_interactions, session_time, avg_session, median_session, active_days, nps_responses, nps_score, domain, industry,
	country, plan, properties) AS
WITH e AS MATERIALIZED (SELECT * FROM test.plain_users)
SELECT c.company_id, c.name, c.signed_up_at, 'signed_up', f.first_at, f.last_at, f.users, f.active, f.sessions,
	f.tracked + f.labeled + f.tags, f.tracked, f.labeled, f.tags, f.views, f.content,
	f.session_time, f.session_time / nullif(f.sessions, 0), f.median, f.days, f.responses, f.score,
	c.properties ->> 'domain', c.properties ->> 'industry', c.properties ->> 'country', c.properties ->> 'plan',
	c.properties - 'domain' - 'industry' - 'country' - 'plan'
FROM user_profile.companies c, LATERAL (
	SELECT count(*) AS users, count(*) FILTER (WHERE total_sessions > 0) AS active, coalesce(sum(total_sessions), 0)::bigint AS sessions,
		min(first_seen_at) AS first_at, max(last_seen_at) AS last_at,
		coalesce(sum(tracked_events), 0)::bigint AS tracked, coalesce(sum(labeled_events), 0)::bigint AS labeled,
		coalesce(sum(feature_tag_events), 0)::bigint AS tags, coalesce(sum(page_views), 0)::bigint AS views,
		coalesce(sum(content_interactions), 0)::bigint AS content, sum(session_time) AS session_time,
		-- each company has one included member here, or none
		min(median_session) AS median, coalesce(sum(active_days), 0)::bigint AS days,
		(SELECT count(*) FROM test.log l JOIN user_profile.memberships m USING (user_id) JOIN user_profile.users u USING (user_id)
			WHERE m.company_id = c.company_id AND m.left_at IS NULL AND l.kind = 'nps' AND l.properties ? 'score' AND u.excluded_at IS NULL) AS responses,
		(SELECT round(avg(CASE WHEN (l.properties ->> 'score')::int >= 9 THEN 100 WHEN (l.properties ->> 'score')::int <= 6 THEN -100 ELSE 0 END), 1)
			FROM test.log l JOIN user_profile.memberships m USING (user_id) JOIN user_profile.users u USING (user_id)
			WHERE m.company_id = c.company_id AND m.left_at IS NULL AND l.kind = 'nps' AND l.properties ? 'score' AND u.excluded_at IS NULL) AS score
	FROM e WHERE e.company_id = c.company_id AND NOT e.excluded) f;
SELECT bag_eq('SELECT * FROM user_profile.company_export', 'SELECT * FROM test.plain_companies', 'company_export');
SELECT is((SELECT count(*) FROM user_profile.company_export), 19::bigint, 'one row a company');

--
-- export_user
--
CREATE TEMP TABLE everything AS
SELECT u.user_id AS of, x.* FROM user_profile.live_users u, user_profile.export_user(u.user_id) x;
SELECT bag_eq(
	$$SELECT (of, occurred_at, name, value, page, details -> 'event_id', coalesce(details ->> 'action', ''),
		details -> 'properties', details ->> 'message_id')::text FROM everything WHERE section = 'event'$$,
	$$SELECT (user_id, occurred_at, name, kind::text, coalesce(page, CASE WHEN kind = 'page_view' THEN name END), to_jsonb(event_id),
		coalesce(action, ''), properties, message_id)::text FROM test.log$$,
	'export_user: every event, of its user, with its properties as they are');
SELECT bag_eq(
	$$SELECT (of, occurred_at, value::interval, details -> 'events')::text FROM everything WHERE section = 'session'$$,
	$$SELECT (user_id, started_at, duration, to_jsonb(events))::text FROM test.sessions$$, 'every session');
SELECT bag_eq($$SELECT (of, name, value)::text FROM everything WHERE section = 'trait'$$,
	$$SELECT (user_id, t.key, t.value)::text FROM user_profile.users, jsonb_each_text(properties) t$$, 'every trait');
SELECT bag_eq($$SELECT (of, occurred_at, name, value, details)::text FROM everything WHERE section = 'company'$$,
	$$SELECT (m.user_id, joined_at, company_id, c.name, CASE WHEN left_at IS NULL THEN '{"current": true}'::jsonb
		ELSE jsonb_build_object('current', false, 'left_at', left_at) END)::text FROM user_profile.memberships m JOIN user_profile.companies c USING (company_id)$$, 'every company, left ones too');
SELECT bag_eq($$SELECT (of, occurred_at, value)::text FROM everything WHERE section = 'replay'$$,
	'SELECT (user_id, started_at, url)::text FROM user_profile.session_replays', 'every recording');
SELECT bag_eq($$SELECT (of, name)::text FROM everything WHERE section = 'alias'$$,
	$$SELECT (user_id, previous_id)::text FROM user_profile.aliases$$, 'every id that was the user''s before');
SELECT bag_eq($$SELECT (of, occurred_at, value, page, details ->> 'comment')::text FROM everything WHERE section = 'answer' AND name = 'NPS'$$,
	$$SELECT (user_id, occurred_at, properties ->> 'score', page, nullif(properties ->> 'comment', ''))::text FROM test.log WHERE name = 'NPS'$$, 'every answer');
SELECT bag_eq($$SELECT (of, name, (details -> 'interactions')::int)::text FROM everything WHERE section = 'engagement'$$,
	$$SELECT (user_id, name, count(*)::int)::text FROM test.log WHERE kind BETWEEN 'flow' AND 'checklist' GROUP BY user_id, kind, name$$,
	'every content');
SELECT bag_eq($$SELECT (of, name, value)::text FROM everything WHERE section = 'profile' AND name IN ('user_id', 'name', 'email', 'excluded', 'exclusion_reason')$$,
	$$SELECT (user_id, k, v)::text FROM user_profile.user_export e, LATERAL (VALUES ('user_id', e.user_id), ('name', e.name), ('email', e.email),
		('excluded', e.excluded::text), ('exclusion_reason', e.exclusion_reason)) c (k, v) WHERE v IS NOT NULL$$, 'the profile');
SELECT is(array_agg(DISTINCT section ORDER BY section),
	'{alias,answer,company,engagement,event,profile,replay,session,trait}', 'these are all sections') FROM everything;
SELECT is((SELECT count(*) FROM user_profile.export_user('nobody')), 0::bigint, 'no row of an unknown user');
SELECT is((SELECT count(*) FROM user_profile.export_user('anon')), 0::bigint, 'nor of an id that is another''s');
SELECT throws_ok($$SELECT user_profile.export_user('')$$, '22023', 'user_id must not be empty', 'an empty id');
SELECT throws_ok($$SELECT user_profile.export_user(NULL)$$, '22004', 'user_id must not be null', 'no id');
SELECT throws_ok($$SELECT user_profile.export_user('a', NULL)$$, '22004', 'safe must not be null', 'safe or not?');

--
-- CSV there and back
--
CREATE FUNCTION test.round_trip(query text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
	file text := format('%s/export_%s.csv', current_setting('data_directory'), pg_backend_pid());
	differences bigint;
BEGIN
	EXECUTE format('CREATE TEMP TABLE before ON COMMIT DROP AS %s', query);
	CREATE TEMP TABLE after ON COMMIT DROP AS TABLE before WITH NO DATA;
	EXECUTE format('COPY (%s) TO %L (FORMAT csv, HEADER)', query, file);
	EXECUTE format('COPY after FROM %L (FORMAT csv, HEADER MATCH)', file);
	SELECT count(*) INTO differences FROM (
		(TABLE before EXCEPT ALL TABLE after) UNION ALL (TABLE after EXCEPT ALL TABLE before)) d;
	IF NOT EXISTS (TABLE before) THEN
		RAISE 'nothing to export';
	END IF;
	DROP TABLE before, after;
	RETURN differences;
END $$;
-- All of the log, in the views of a period
SELECT set_config('user_profile.period', now()::date - date '2024-01-01' || ' days', false) \g /dev/null

SELECT is(test.round_trip(format('SELECT * FROM user_profile.%I', c.relname)), 0::bigint, 'COPY of view ' || c.relname)
FROM pg_class c
WHERE c.relnamespace = 'user_profile'::regnamespace AND c.relkind = 'v'
	-- types without equality, and what is empty here
	AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.atttypid = 'user_profile.timeline'::regtype)
	AND has_table_privilege(c.oid, 'SELECT')
ORDER BY c.relname;
SELECT is(test.round_trip('SELECT * FROM user_profile.users_export(true)'), 0::bigint, 'COPY of users_export(safe)');
SELECT is(test.round_trip(format('SELECT * FROM user_profile.export_user(%L)', user_id)), 0::bigint, 'COPY of export_user, of user ' || to_json(name))
FROM user_profile.users WHERE name <> '' ORDER BY user_id;

--
-- safe: no text begins as a formula does, and nothing else is changed
--
CREATE FUNCTION test.cells(query text) RETURNS TABLE (cell text)
LANGUAGE plpgsql AS $$
BEGIN
	-- A number is what it says, be it less than 0
	RETURN QUERY EXECUTE format($q$SELECT c.value #>> '{}' FROM (%s) q, jsonb_each(to_jsonb(q)) c
		WHERE jsonb_typeof(c.value) = 'string'$q$, query);
END $$;
SELECT is((SELECT count(*) FROM test.cells(q) WHERE cell ~ '^\s*[-=+@]' OR cell ~ E'^[\t\r\n]'), 0::bigint, 'no formula in ' || q)
FROM (VALUES ('SELECT * FROM user_profile.users_export(true)'), ('SELECT * FROM user_profile.companies_export(safe => true)'),
	('SELECT x.* FROM user_profile.users u, user_profile.export_user(u.user_id, safe => true) x')) v (q);
SELECT cmp_ok((SELECT count(*) FROM test.cells(q) WHERE cell ~ '^\s*[-=+@]' OR cell ~ E'^[\t\r\n]'), '>', 6::bigint, 'but there are in ' || q)
FROM (VALUES ('SELECT * FROM user_profile.users_export(false)'), ('SELECT * FROM user_profile.companies_export()'),
	('SELECT x.* FROM user_profile.users u, user_profile.export_user(u.user_id) x')) v (q);
SELECT bag_eq($$SELECT regexp_replace(cell, '^''(?=\s*[-=+@]|[\t\r\n])', '') FROM test.cells('SELECT * FROM user_profile.users_export(true)')$$,
	$$SELECT cell FROM test.cells('SELECT * FROM user_profile.users_export(false)')$$, 'safe adds an apostrophe, and changes nothing else');

SELECT * FROM finish();
