-- Every tab of the profile against plain window SQL, over random logs.
--
-- The plain side (schema plain) reads the table events only, and follows the definitions word
-- by word. Both sides are compared as whole result sets, by EXCEPT ALL both ways: with
-- everything pending, after a refresh, after many refreshes with loads in between, and half
-- pending. The log and the periods are random, by a fixed seed.

\ir begin.psql

CREATE SCHEMA plain;

--
-- The plain side
--

-- The log with the page and the session of each event. Filled by plain.observe().
CREATE TABLE plain.events (
	user_id text COLLATE "C", session_number bigint, event_id bigint, occurred_at timestamptz,
	kind user_profile.event_kind, name text COLLATE "C", action text COLLATE "C",
	page text COLLATE "C", properties jsonb);
CREATE TABLE plain.sessions (
	user_id text COLLATE "C", session_number bigint, started_at timestamptz, ended_at timestamptz,
	duration interval, events bigint, entry_page text COLLATE "C", exit_page text COLLATE "C");
CREATE TABLE plain.users (user_id text COLLATE "C", first_at timestamptz, last_at timestamptz);

-- A gap strictly greater than the timeout starts a session; ties go by event id
CREATE FUNCTION plain.observe(timeout interval DEFAULT '30 minutes') RETURNS void
LANGUAGE sql AS $$
	TRUNCATE plain.events, plain.sessions, plain.users;
	INSERT INTO plain.events
	SELECT user_id, sum(starts) OVER w, event_id, occurred_at, kind, name, action, page, properties
	FROM (
		SELECT user_id, event_id, occurred_at, kind, name, NULLIF(action, '') AS action,
			CASE WHEN page <> '' THEN page WHEN kind = 'page_view' THEN name END AS page,
			properties,
			CASE WHEN occurred_at - lag(occurred_at) OVER w <= timeout THEN 0 ELSE 1 END AS starts
		FROM user_profile.events
		WINDOW w AS (PARTITION BY user_id ORDER BY occurred_at, event_id)) e
	WINDOW w AS (PARTITION BY user_id ORDER BY occurred_at, event_id);
	INSERT INTO plain.sessions
	SELECT user_id, session_number, min(occurred_at), max(occurred_at),
		max(occurred_at) - min(occurred_at), count(*),
		(array_agg(page ORDER BY occurred_at, event_id) FILTER (WHERE page IS NOT NULL))[1],
		(array_agg(page ORDER BY occurred_at DESC, event_id DESC) FILTER (WHERE page IS NOT NULL))[1]
	FROM plain.events
	GROUP BY user_id, session_number;
	INSERT INTO plain.users
	SELECT user_id, min(occurred_at), max(occurred_at) FROM user_profile.events GROUP BY user_id;
	ANALYZE plain.events, plain.sessions, plain.users;
$$;

CREATE FUNCTION plain.usecs(length interval) RETURNS numeric
LANGUAGE sql IMMUTABLE AS $$ SELECT extract(epoch FROM length) * 1000000 $$;

-- A number of microseconds, the nearest whole one; of two that are as near, the even one
CREATE FUNCTION plain.length(usecs numeric) RETURNS interval
LANGUAGE sql IMMUTABLE AS $$
	SELECT ((CASE WHEN abs(usecs - trunc(usecs)) = 0.5 THEN 2 * round(usecs / 2)
		ELSE round(usecs) END)::bigint || ' microseconds')::interval
$$;

-- First and last instant of a period; times are whole microseconds
CREATE FUNCTION plain.first_instant(period tstzrange) RETURNS timestamptz
LANGUAGE sql IMMUTABLE AS $$
	SELECT lower(period) + CASE WHEN lower_inc(period) THEN '0' ELSE '1 microsecond' END::interval
$$;
CREATE FUNCTION plain.last_instant(period tstzrange) RETURNS timestamptz
LANGUAGE sql IMMUTABLE AS $$
	SELECT upper(period) - CASE WHEN upper_inc(period) THEN '0' ELSE '1 microsecond' END::interval
$$;

-- As many instants, just before; NULL for an unbounded period
CREATE FUNCTION plain.previous(period tstzrange) RETURNS tstzrange
LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN NOT lower_inf(period) AND NOT upper_inf(period) THEN
		tstzrange(plain.first_instant(period) - plain.length(1 +
				plain.usecs(plain.last_instant(period) - plain.first_instant(period))),
			plain.first_instant(period)) END
$$;

CREATE FUNCTION plain.overview_of(period tstzrange, OUT user_id text, OUT total_events bigint,
	OUT tracked_events bigint, OUT labeled_events bigint, OUT feature_tag_events bigint,
	OUT page_views bigint, OUT content_interactions bigint, OUT sessions bigint,
	OUT session_time interval, OUT avg_session interval, OUT median_session interval,
	OUT active_days bigint) RETURNS SETOF record
LANGUAGE sql AS $$
	SELECT u.user_id,
		COALESCE(e.tracked + e.labeled + e.feature_tag, 0), COALESCE(e.tracked, 0),
		COALESCE(e.labeled, 0), COALESCE(e.feature_tag, 0), COALESCE(e.page_views, 0),
		COALESCE(e.content, 0), COALESCE(s.sessions, 0), s.session_time, s.avg_session,
		s.median_session, COALESCE(e.active_days, 0)
	FROM plain.users u
	LEFT JOIN (
		SELECT user_id,
			count(*) FILTER (WHERE kind = 'tracked') AS tracked,
			count(*) FILTER (WHERE kind = 'labeled') AS labeled,
			count(*) FILTER (WHERE kind = 'feature_tag') AS feature_tag,
			count(*) FILTER (WHERE kind = 'page_view') AS page_views,
			count(*) FILTER (WHERE kind IN
				('flow', 'spotlight', 'banner', 'checklist', 'nps', 'survey')) AS content,
			count(DISTINCT (occurred_at AT TIME ZONE current_setting('timezone'))::date) AS active_days
		FROM plain.events
		WHERE occurred_at <@ period
		GROUP BY user_id) e USING (user_id)
	LEFT JOIN (
		SELECT user_id, count(*) AS sessions, sum(duration) AS session_time,
			plain.length(sum(plain.usecs(duration)) / count(*)) AS avg_session,
			percentile_cont(0.5) WITHIN GROUP (ORDER BY duration) AS median_session
		FROM plain.sessions
		WHERE started_at <@ period
		GROUP BY user_id) s USING (user_id)
$$;

CREATE FUNCTION plain.overview(period tstzrange, OUT user_id text, OUT total_events bigint,
	OUT tracked_events bigint, OUT labeled_events bigint, OUT feature_tag_events bigint,
	OUT page_views bigint, OUT content_interactions bigint, OUT sessions bigint,
	OUT session_time interval, OUT avg_session interval, OUT median_session interval,
	OUT active_days bigint, OUT previous_total_events bigint, OUT previous_sessions bigint,
	OUT previous_avg_session interval) RETURNS SETOF record
LANGUAGE sql AS $$
	SELECT o.*, p.total_events, p.sessions, p.avg_session
	FROM plain.overview_of(period) o
	LEFT JOIN plain.overview_of(plain.previous(period)) p
		ON p.user_id = o.user_id AND plain.previous(period) IS NOT NULL
$$;

CREATE FUNCTION plain.top_events(period tstzrange, OUT user_id text,
	OUT kind user_profile.event_kind, OUT name text, OUT occurrences bigint,
	OUT last_at timestamptz) RETURNS SETOF record
LANGUAGE sql AS $$
	SELECT user_id, kind, name, count(*), max(occurred_at)
	FROM plain.events
	WHERE occurred_at <@ period AND kind IN ('tracked', 'labeled', 'feature_tag')
	GROUP BY user_id, kind, name
$$;

CREATE FUNCTION plain.top_pages(period tstzrange, OUT user_id text, OUT page text,
	OUT visits bigint, OUT events bigint, OUT last_at timestamptz) RETURNS SETOF record
LANGUAGE sql AS $$
	SELECT user_id, page, count(*) FILTER (WHERE kind = 'page_view'), count(*), max(occurred_at)
	FROM plain.events
	WHERE occurred_at <@ period AND page IS NOT NULL
	GROUP BY user_id, page
$$;

-- Every local day of the period; where it is unbounded, from the first or to the last event, if
-- that is within the period
CREATE FUNCTION plain.daily(period tstzrange, timezone text, OUT user_id text, OUT day date,
	OUT total_events bigint, OUT page_views bigint, OUT sessions bigint,
	OUT session_time interval) RETURNS SETOF record
LANGUAGE sql AS $$
	SELECT u.user_id, d.day, COALESCE(e.total_events, 0), COALESCE(e.page_views, 0),
		COALESCE(s.sessions, 0), COALESCE(s.session_time, '0')
	FROM (
		SELECT user_id,
			(COALESCE(plain.first_instant(period), first_at) AT TIME ZONE timezone)::date AS first_day,
			(COALESCE(plain.last_instant(period), last_at) AT TIME ZONE timezone)::date AS last_day
		FROM plain.users
		WHERE user_id < 'z' AND (NOT upper_inf(period) OR last_at >= COALESCE(plain.first_instant(period), last_at))
			AND (NOT lower_inf(period) OR first_at <= COALESCE(plain.last_instant(period), first_at))) u
	CROSS JOIN LATERAL (SELECT first_day + i AS day
		FROM generate_series(0, last_day - first_day) i) d
	LEFT JOIN (
		SELECT user_id, (occurred_at AT TIME ZONE timezone)::date AS day,
			count(*) FILTER (WHERE kind IN ('tracked', 'labeled', 'feature_tag')) AS total_events,
			count(*) FILTER (WHERE kind = 'page_view') AS page_views
		FROM plain.events
		WHERE occurred_at <@ period
		GROUP BY 1, 2) e USING (user_id, day)
	LEFT JOIN (
		SELECT user_id, (started_at AT TIME ZONE timezone)::date AS day,
			count(*) AS sessions, sum(duration) AS session_time
		FROM plain.sessions
		WHERE started_at <@ period
		GROUP BY 1, 2) s USING (user_id, day)
$$;

--
-- The log
--
SELECT setseed(0.20260214) \g /dev/null

-- Users of the sorts that matter: where their first event is, how many there are
CREATE TABLE test.users AS
SELECT format('u%s', to_char(i, 'FM000')) AS user_id, i,
	CASE
		WHEN i % 10 = 0 THEN '1950-01-01'::timestamptz + random() * interval '30 years'
		WHEN i % 10 = 1 THEN '2095-01-01'::timestamptz + random() * interval '60 years'
		WHEN i % 10 = 2 THEN '1890-01-01'::timestamptz + random() * interval '20 years'
		ELSE '2024-02-20'::timestamptz + random() * interval '60 days'
	END AS first_at,
	CASE WHEN i % 7 = 0 THEN 1 ELSE 1 + floor(random() ^ 2 * 110)::int END AS nevents,
	(ARRAY[1, 1000, 1000000])[1 + i % 3] AS unit
FROM generate_series(1, 120) i
UNION ALL
-- Clocks that go back over midnight, forth at midnight, and over a whole day
SELECT 'dst-' || n, 1000 + n, t::timestamptz - interval '20 hours', 150, 1000
FROM unnest('{2007-03-11 03:31+00, 2007-11-04 02:31+00, 2008-11-02 02:31+00, 2009-11-01 02:31+00,
	2010-11-07 02:31+00, 2011-03-13 03:31+00, 2024-03-10 05:00+00, 2024-11-03 05:00+00,
	2011-12-30 10:00+00, 2024-03-31 01:00+00, 2024-10-27 01:00+00, 2500-10-31 01:00+00}'::text[])
	WITH ORDINALITY x (t, n)
UNION ALL
-- Far away; sorted behind all others
SELECT 'z-far-' || n, 2000 + n, t::timestamptz, 40, 1
FROM unnest('{4713-01-01 00:00+00 BC, 0044-03-15 12:00+00 BC, 0001-12-31 23:50+00 BC,
	200000-02-29 23:00+00, 294270-12-31 00:00+00}'::text[]) WITH ORDINALITY x (t, n);

-- Gaps: ties, one microsecond, exactly the timeout and one microsecond to either side of it,
-- minutes, hours, days, years
CREATE TABLE test.log AS
SELECT u.user_id, u.first_at + (sum(g.gap) OVER (PARTITION BY u.user_id ORDER BY n)
		/ u.unit * u.unit) * interval '1 microsecond' AS occurred_at,
	k.kind, x.name, x.action, x.page,
	CASE WHEN k.kind = 'nps' THEN jsonb_build_object('score', floor(random() * 11)::int)
		WHEN random() < 0.3 THEN jsonb_build_object('n', n) END AS properties,
	row_number() OVER (ORDER BY random()) AS arrival,
	row_number() OVER (ORDER BY u.user_id, n) AS line
FROM test.users u
CROSS JOIN LATERAL generate_series(1, u.nevents) n
CROSS JOIN LATERAL (SELECT random() AS r, random() AS s, random() AS t, random() AS v, n AS "of") r
CROSS JOIN LATERAL (SELECT CASE
	WHEN n = 1 THEN 0
	WHEN r.r < 0.10 THEN 0
	WHEN r.r < 0.13 THEN 1
	WHEN r.r < 0.20 THEN 1800000000
	WHEN r.r < 0.27 THEN 1800000001
	WHEN r.r < 0.30 THEN 1799999999
	WHEN r.r < 0.33 THEN 300000000
	WHEN r.r < 0.36 THEN 300000001
	WHEN u.user_id LIKE 'dst%' THEN floor(r.s * 1200000000)
	WHEN r.r < 0.80 THEN floor(r.s * 600000000)
	WHEN r.r < 0.92 THEN floor(r.s * 10000000000)
	WHEN r.r < 0.97 THEN floor(r.s * 400000000000)
	WHEN r.r < 0.98 THEN 86400000000
	WHEN r.r < 0.985 AND u.user_id <> 'z-far-5' THEN floor(r.s * 100000000000000)
	ELSE 1000 END::bigint AS gap) g
CROSS JOIN LATERAL (SELECT (CASE WHEN r.s < 0.55 THEN 'tracked' WHEN r.s < 0.8 THEN 'page_view'
	ELSE ('{labeled,feature_tag,flow,spotlight,banner,checklist,nps,survey}'::text[])
		[1 + floor(r.t * 8)::int] END)::user_profile.event_kind AS kind) k
CROSS JOIN LATERAL (SELECT
	(ARRAY['Report created', 'report CREATED', 'Érable', 'ÉTÉ', '100%', 'under_score', 'a\b',
		'tab' || chr(9) || 'bed', 'x', '/home', '/settings?tab=1', E'two\nlines'])
		[1 + floor(r.t * r.v * 12)::int] AS name,
	CASE WHEN k.kind NOT IN ('tracked', 'labeled', 'feature_tag', 'page_view') THEN
			(ARRAY['seen', 'completed', 'dismissed', NULL, ''])[1 + floor(r.v * 5)::int]
		WHEN r.v < 0.05 THEN 'odd' END AS action,
	CASE WHEN r.v < 0.4 THEN NULL WHEN r.v < 0.43 THEN ''
		ELSE (ARRAY['/home', '/settings', '/a_b', '/100%', '/Über', '/x'])
			[1 + floor(r.t * 6)::int] END AS page) x;
-- Some come twice
INSERT INTO test.log
SELECT user_id, occurred_at, kind, name, action, page, properties,
	1000000 + row_number() OVER (ORDER BY random()), line
FROM test.log WHERE line % 31 = 0;
-- A user of many names and pages, each met a few times
INSERT INTO test.log
SELECT 'u-wide', '2024-03-01'::timestamptz + i * interval '997 seconds',
	(ARRAY['tracked', 'page_view', 'labeled']::user_profile.event_kind[])[1 + i % 3],
	'name ' || i % 1200, NULL, '/page/' || i % 1300, NULL, 2000000 + i * 7919 % 2500, 3000000 + i
FROM generate_series(1, 2500) i;
-- From here to the end of the universe: gaps of a hundred thousand years
INSERT INTO test.log
SELECT 'z-far-6', t, 'tracked', 'far', NULL, '/far', NULL, 3000000 - n, 4000000 + n
FROM unnest('{4713-01-01 00:00+00 BC, 1999-12-31 23:59:59.999999+00, 2000-01-01 00:00+00,
	200000-01-01 00:00+00, 200000-01-01 00:30+00}'::timestamptz[]) WITH ORDINALITY x (t, n);

CREATE TABLE test.chunks AS
SELECT l.*, ntile(13) OVER (ORDER BY arrival, line) AS chunk FROM test.log l;

SELECT ok(count(*) > 7000 AND count(DISTINCT user_id) > 130
		AND count(*) FILTER (WHERE gap = 1800000000) > 100
		AND count(*) FILTER (WHERE gap = 1800000001) > 100
		AND count(*) FILTER (WHERE gap = 0) > 100
		AND count(*) FILTER (WHERE gap = 1) > 10
		AND count(*) FILTER (WHERE gap > 31557600000000) > 10,
	'the log has what it is made for')
FROM (SELECT user_id, plain.usecs(occurred_at - lag(occurred_at) OVER
		(PARTITION BY user_id ORDER BY occurred_at, line)) AS gap
	FROM test.log) g;

--
-- The periods: their ends are times of events and one microsecond beside, so that they cut
-- through sessions
--
CREATE TABLE test.periods (n int GENERATED ALWAYS AS IDENTITY, period tstzrange);
INSERT INTO test.periods (period)
VALUES ('(,)'), ('[2024-03-10 12:00+00,)'), ('(,2024-03-10 12:00+00)'),
	('[0044-01-01+00 BC, 2024-04-01+00)'), ('(199990-01-01+00, 200000-03-01+00]');
INSERT INTO test.periods (period)
SELECT tstzrange(least(a, b), greatest(a, b),
	(ARRAY['[)', '(]', '[]', '()'])[1 + (row_number() OVER ())::int % 4])
FROM (
	SELECT occurred_at + (floor(random() * 3) - 1) * interval '1 microsecond' AS a,
		CASE WHEN random() < 0.5 THEN occurred_at + random() * interval '3 days'
			ELSE lead(occurred_at) OVER (ORDER BY random()) END AS b
	FROM test.log
	WHERE user_id LIKE 'u%' AND occurred_at BETWEEN '1900-01-01' AND '2150-01-01'
	ORDER BY random() LIMIT 9) x
WHERE a <> b;
-- A period of one instant; one that begins with a session, and one that begins just behind it
INSERT INTO test.periods (period)
SELECT tstzrange(occurred_at, occurred_at, '[]') FROM test.log WHERE line = 400
UNION ALL
SELECT tstzrange(occurred_at, occurred_at + interval '2 days') FROM test.log WHERE line = 900
UNION ALL
SELECT tstzrange(occurred_at, occurred_at + interval '2 days', '(]') FROM test.log WHERE line = 900;

CREATE TABLE test.days AS
SELECT (ARRAY['UTC', 'America/St_Johns', 'America/Havana', 'Pacific/Apia', 'Asia/Kathmandu',
	'Europe/Berlin'])[1 + (row_number() OVER (ORDER BY first_at))::int % 6] AS timezone,
	tstzrange(first_at + random() * interval '1 hour', first_at + random() * interval '9 days',
		(ARRAY['[)', '(]', '[]', '()'])[1 + (row_number() OVER ())::int % 4]) AS period
FROM (SELECT first_at FROM test.users WHERE user_id LIKE 'u%' ORDER BY random() LIMIT 6) u
UNION ALL
SELECT z, tstzrange(first_at, first_at + interval '3 days')
FROM test.users, unnest('{America/St_Johns,America/Havana,Pacific/Apia,Europe/Berlin}'::text[]) z
WHERE user_id LIKE 'dst%';

-- A sample for the functions for one user
CREATE TABLE test.sample AS
SELECT user_id FROM test.users
WHERE user_id IN ('u001', 'u007', 'u020', 'u052', 'dst-2', 'z-far-1', 'z-far-4')
UNION ALL VALUES ('u-wide'), ('z-far-6');

--
-- All tabs
--
CREATE FUNCTION test.compare(state text) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
	p record;
BEGIN
	PERFORM plain.observe(current_setting('user_profile.session_timeout')::interval);
	RETURN NEXT is((SELECT count(*) FROM user_profile.check_timelines()), 0::bigint,
		state || ': timelines are sound');

	RETURN NEXT test.same('SELECT user_id, session_number, started_at, ended_at, duration, events,
			entry_page, exit_page FROM user_profile.user_sessions',
		'SELECT * FROM plain.sessions', state || ': sessions');
	RETURN NEXT test.same('TABLE user_profile.user_events', 'TABLE plain.events', state || ': events');
	RETURN NEXT test.same('SELECT user_id, name, email, country, company_id, company_name,
			total_sessions, total_events, first_seen_at, last_seen_at, sign_up_date, sign_up_source,
			excluded, exclusion_reason, properties FROM user_profile.user_profiles',
		$want$SELECT u.user_id, NULL::text, NULL::text, NULL::text, NULL::text, NULL::text,
			max(session_number), count(*) FILTER (WHERE kind IN ('tracked', 'labeled', 'feature_tag')),
			first_at, last_at, first_at, 'first_seen', false, NULL::text, '{}'::jsonb
			FROM plain.users u JOIN plain.events USING (user_id)
			GROUP BY u.user_id, first_at, last_at$want$, state || ': headers');
	RETURN NEXT test.same('SELECT h.* FROM test.sample s, user_profile.user_profile(s.user_id) h',
		'SELECT * FROM user_profile.user_profiles WHERE user_id IN (TABLE test.sample)',
		state || ': header of one user');
	RETURN NEXT test.same('SELECT t.user_id, user_profile.num_events(t.timeline) FROM user_profile.live_timelines t',
		'SELECT user_id, count(*) FROM plain.events GROUP BY user_id', state || ': number of events');

	FOR p IN SELECT n, quote_literal(period) AS period FROM test.periods ORDER BY n
	LOOP
		RETURN NEXT test.same(format('SELECT * FROM user_profile.users_overview(%s)', p.period),
			format('SELECT * FROM plain.overview(%s)', p.period),
			format('%s: overviews, period %s', state, p.n));
		RETURN NEXT test.same(format('SELECT s.user_id, o.* FROM test.sample s,
				user_profile.user_overview(s.user_id, %s) o', p.period),
			format('SELECT * FROM plain.overview(%s) WHERE user_id IN (TABLE test.sample)', p.period),
			format('%s: overview of one user, period %s', state, p.n));
		RETURN NEXT test.same(format('SELECT 0 UNION ALL SELECT hashtext(x::text) FROM (
				SELECT * FROM user_profile.users_top_events(%s)) x', p.period),
			format('SELECT 0 UNION ALL SELECT hashtext(x::text) FROM plain.top_events(%s) x', p.period),
			format('%s: top events, period %s', state, p.n));
		RETURN NEXT test.same(format('SELECT 0 UNION ALL SELECT hashtext(x::text) FROM (
				SELECT * FROM user_profile.users_top_pages(%s)) x', p.period),
			format('SELECT 0 UNION ALL SELECT hashtext(x::text) FROM plain.top_pages(%s) x', p.period),
			format('%s: top pages, period %s', state, p.n));
		RETURN NEXT test.same(format('SELECT NULL AS user_id, NULL::bigint AS session_number,
				NULL::timestamptz, NULL::timestamptz, NULL::interval, NULL::bigint, NULL, NULL
				UNION ALL SELECT user_id, session_number, started_at, ended_at, duration, events,
				entry_page, exit_page FROM user_profile.users_sessions(%s)', p.period),
			format('SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
				UNION ALL SELECT * FROM plain.sessions WHERE started_at <@ %s::tstzrange', p.period),
			format('%s: sessions, period %s', state, p.n));
	END LOOP;

	-- Rows of one user come in order, and the longest list is cut
	FOR p IN SELECT n, quote_literal(period) AS period,
			(ARRAY['NULL', '''rEPort''', '''é''', '''%''', '''_''', '''\'''])[1 + n % 6] AS search,
			CASE n % 3 WHEN 0 THEN 'NULL' WHEN 1 THEN '10' ELSE '3' END AS max_rows
		FROM test.periods WHERE n < 7 ORDER BY n
	LOOP
		RETURN NEXT test.same(format('SELECT ''-'' AS user_id, NULL::user_profile.event_kind, NULL, NULL, NULL, 0
				UNION ALL SELECT s.user_id, o.* FROM test.sample s,
				user_profile.user_top_events(s.user_id, %s, %s, %s) WITH ORDINALITY o',
				p.period, p.search, p.max_rows),
			format('SELECT ''-'', NULL, NULL, NULL, NULL, 0 UNION ALL SELECT * FROM (
				SELECT o.*, row_number() OVER (PARTITION BY user_id
					ORDER BY occurrences DESC, last_at DESC, kind, name) AS n
				FROM plain.top_events(%s) o WHERE user_id IN (TABLE test.sample)
				AND (%2$s IS NULL OR position(lower(%2$s) IN lower(name COLLATE "default")) > 0)) o
				WHERE n <= COALESCE(%3$s, n)', p.period, p.search, p.max_rows),
			format('%s: top events of one user, period %s, search %s, max_rows %s',
				state, p.n, p.search, p.max_rows));
		RETURN NEXT test.same(format('SELECT ''-'' AS user_id, NULL, NULL::bigint, NULL::bigint, NULL::timestamptz, 0
				UNION ALL SELECT s.user_id, o.* FROM test.sample s,
				user_profile.user_top_pages(s.user_id, %s, %s, %s) WITH ORDINALITY o',
				p.period, CASE p.search WHEN '''é''' THEN '''ÜB''' WHEN '''rEPort''' THEN '''SETT''' ELSE p.search END,
				p.max_rows),
			format('SELECT ''-'', NULL, NULL, NULL, NULL, 0 UNION ALL SELECT * FROM (
				SELECT o.*, row_number() OVER (PARTITION BY user_id
					ORDER BY visits DESC, events DESC, last_at DESC, page) AS n
				FROM plain.top_pages(%s) o WHERE user_id IN (TABLE test.sample)
				AND (%2$s IS NULL OR position(lower(%2$s) IN lower(page COLLATE "default")) > 0)) o
				WHERE n <= COALESCE(%3$s, n)', p.period,
				CASE p.search WHEN '''é''' THEN '''ÜB''' WHEN '''rEPort''' THEN '''SETT''' ELSE p.search END,
				p.max_rows),
			format('%s: top pages of one user, period %s, search %s, max_rows %s',
				state, p.n, p.search, p.max_rows));
		RETURN NEXT test.same(format('SELECT ''-'' AS user_id, NULL::bigint AS session_number, NULL::timestamptz, NULL::timestamptz,
				NULL::interval, NULL::bigint, NULL, NULL, 0 UNION ALL
				SELECT s.user_id, o.session_number, o.started_at, o.ended_at, o.duration,
				o.events, o.entry_page, o.exit_page, o.n
				FROM test.sample s, user_profile.user_sessions(s.user_id, %s)
				WITH ORDINALITY o (session_number, started_at, ended_at, duration, events,
				entry_page, exit_page, replay_url, n)', p.period),
			format('SELECT ''-'', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0 UNION ALL
				SELECT s.*, row_number() OVER (PARTITION BY user_id ORDER BY session_number)
				FROM plain.sessions s
				WHERE started_at <@ %s::tstzrange AND user_id IN (TABLE test.sample)', p.period),
			format('%s: sessions of one user, period %s', state, p.n));
	END LOOP;

	-- Series that are open at an end: of users whose days are not too many to compare
	FOR p IN SELECT quote_literal(period) AS period, timezone, '' AS users FROM test.days
		UNION ALL SELECT quote_literal('(,)'), 'America/St_Johns', '5$|^dst-[1-9]$'
		UNION ALL SELECT quote_literal('[2007-11-04 03:00+00,)'), 'America/Havana', '5$|^dst-[1-9]$'
		UNION ALL SELECT quote_literal('(,2024-03-10 05:00+00]'), 'America/Havana', '5$|^dst-[1-9]$'
	LOOP
		RETURN NEXT test.same(format('SELECT * FROM user_profile.users_daily(%s, %L)
				WHERE user_id < ''z'' AND user_id ~ %L', p.period, p.timezone, p.users),
			format('SELECT * FROM plain.daily(%s, %L) WHERE user_id ~ %L', p.period, p.timezone, p.users),
			format('%s: days of %s, %s', state, p.timezone, p.period));
	END LOOP;
	RETURN NEXT test.same(format('SELECT s.user_id, d.* FROM test.sample s,
			user_profile.user_daily(s.user_id, %L, %L) d WHERE s.user_id < ''z''', period, timezone),
		format('SELECT * FROM plain.daily(%L, %L) WHERE user_id IN (TABLE test.sample)', period, timezone),
		format('%s: days of one user, %s', state, timezone))
	FROM test.days WHERE timezone LIKE 'America%' LIMIT 1;

	-- By the start of a session, and by a time within it
	RETURN NEXT test.same('SELECT s.user_id, s.session_number, e.* FROM plain.sessions s,
			user_profile.session_events(s.user_id, s.started_at) e
			WHERE s.user_id IN (TABLE test.sample) AND s.session_number <= 5',
		'SELECT * FROM plain.events WHERE user_id IN (TABLE test.sample) AND session_number <= 5',
		state || ': events of a session');
	RETURN NEXT test.same('SELECT s.user_id, s.session_number, e.* FROM plain.sessions s,
			user_profile.session_events(s.user_id, s.started_at + s.duration / 2) e
			WHERE s.user_id IN (TABLE test.sample) AND s.session_number <= 5',
		'SELECT * FROM plain.events WHERE user_id IN (TABLE test.sample) AND session_number <= 5',
		state || ': events of the session at a time');
END
$$;

-- Zones, timeouts and what else is a setting; without the long list of periods
CREATE FUNCTION test.compare_settings(state text) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
	value text;
	p record;
BEGIN
	FOREACH value IN ARRAY '{America/St_Johns,America/Havana,Pacific/Apia,Europe/Berlin}'::text[]
	LOOP
		PERFORM set_config('timezone', value, false);
		FOR p IN SELECT n, quote_literal(period) AS period FROM test.periods
			WHERE n % 4 = 1 ORDER BY n
		LOOP
			RETURN NEXT test.same(format('SELECT * FROM user_profile.users_overview(%s)', p.period),
				format('SELECT * FROM plain.overview(%s)', p.period),
				format('%s: active days of %s, period %s', state, value, p.n));
		END LOOP;
		RETURN NEXT test.same($got$SELECT * FROM user_profile.users_daily('[2007-11-01+00,2007-11-06+00)')$got$,
			format('SELECT * FROM plain.daily(''[2007-11-01+00,2007-11-06+00)'', %L)
				UNION ALL SELECT f.user_id, d.day, 0, 0, 0, ''0''
				FROM plain.users f, plain.daily(''[2007-11-01+00,2007-11-06+00)'', %1$L) d
				WHERE f.user_id >= ''z'' AND d.user_id = ''dst-1''', value),
			format('%s: days of the session time zone %s', state, value));
	END LOOP;
	PERFORM set_config('timezone', 'UTC', false);

	FOREACH value IN ARRAY '{0,00:00:00.000001,299.999999,5 minutes,300.000001,1 day,36500 days}'::text[]
	LOOP
		PERFORM set_config('user_profile.session_timeout', value, false);
		PERFORM plain.observe(value::interval);
		RETURN NEXT test.same('SELECT user_id, session_number, started_at, ended_at, duration, events,
				entry_page, exit_page FROM user_profile.user_sessions',
			'SELECT * FROM plain.sessions', format('%s: sessions of timeout %s', state, value));
		FOR p IN SELECT n, quote_literal(period) AS period FROM test.periods
			WHERE n % 5 = 1 ORDER BY n
		LOOP
			RETURN NEXT test.same(format('SELECT * FROM user_profile.users_overview(%s)', p.period),
				format('SELECT * FROM plain.overview(%s)', p.period),
				format('%s: overviews of timeout %s, period %s', state, value, p.n));
		END LOOP;
		RETURN NEXT test.same($got$SELECT * FROM user_profile.users_daily('[2024-03-09 17:20+00,2024-03-21+00)', 'Asia/Kathmandu')
				WHERE user_id < 'z'$got$,
			$want$SELECT * FROM plain.daily('[2024-03-09 17:20+00,2024-03-21+00)', 'Asia/Kathmandu')$want$,
			format('%s: days of timeout %s', state, value));
	END LOOP;
	PERFORM set_config('user_profile.session_timeout', '30 minutes', false);
	PERFORM plain.observe();

	-- The views show the period of the setting, up to now
	PERFORM set_config('user_profile.period', '150 years', false);
	RETURN NEXT test.same('TABLE user_profile.user_overviews',
		'SELECT * FROM plain.overview(tstzrange(now() - interval ''150 years'', now(), ''[]''))',
		state || ': view of overviews');
	RETURN NEXT test.same('TABLE user_profile.user_top_events',
		'SELECT * FROM plain.top_events(tstzrange(now() - interval ''150 years'', now(), ''[]''))',
		state || ': view of top events');
	RETURN NEXT test.same('TABLE user_profile.user_top_pages',
		'SELECT * FROM plain.top_pages(tstzrange(now() - interval ''150 years'', now(), ''[]''))',
		state || ': view of top pages');
	RETURN NEXT test.same('SELECT * FROM user_profile.user_daily WHERE user_id = ''u004''',
		'SELECT * FROM plain.daily(tstzrange(now() - interval ''150 years'', now(), ''[]''), ''UTC'')
			WHERE user_id = ''u004''',
		state || ': view of days');
	PERFORM set_config('user_profile.period', '30 days', false);
END
$$;

-- Figures of adjacent periods add up to those of all time
CREATE FUNCTION test.adjacent(state text, bounds text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	p record;
BEGIN
	CREATE TEMP TABLE sums (user_id text, total_events bigint, page_views bigint,
		content_interactions bigint, sessions bigint, session_time interval);
	-- Cut at events, where it may go wrong
	FOR p IN
		SELECT tstzrange(lag(cut) OVER (ORDER BY cut), cut, bounds) AS period
		FROM (SELECT DISTINCT occurred_at AS cut FROM test.log WHERE line % 379 = 7
			UNION ALL SELECT NULL) c
	LOOP
		INSERT INTO sums
		SELECT user_id, total_events, page_views, content_interactions, sessions, session_time
		FROM user_profile.users_overview(p.period);
	END LOOP;
	RETURN test.same('SELECT user_id, sum(total_events), sum(page_views), sum(content_interactions),
			sum(sessions), sum(session_time) FROM sums GROUP BY user_id',
		'SELECT user_id, total_events, page_views, content_interactions, sessions, session_time
			FROM user_profile.users_overview(''(,)'')',
		format('%s: adjacent periods %s add up', state, bounds));
END
$$;

--
-- Load it, in the order of arrival: all pending, then folded at once
--
INSERT INTO user_profile.events (user_id, occurred_at, kind, name, action, page, properties)
SELECT user_id, occurred_at, kind, name, action, page, properties FROM test.log ORDER BY arrival, line;
SELECT test.compare('pending');
SELECT test.adjacent('pending', '[)');
DROP TABLE sums;

CALL user_profile.refresh();
SELECT is(pending_events, 0::bigint, 'a refresh leaves nothing pending') FROM user_profile.status;
ANALYZE;
SELECT test.compare('refreshed');
SELECT test.compare_settings('refreshed');
SELECT test.adjacent('refreshed', '[)');
DROP TABLE sums;
SELECT test.adjacent('refreshed', '(]');
DROP TABLE sums;

--
-- The same in small loads, in an order that is shuffled again, with refreshes in between in
-- batches of one event to some hundreds
--
TRUNCATE user_profile.events, user_profile.users, user_profile.timelines, user_profile.event_types,
	user_profile.pages, user_profile.refresh_state;
ALTER SEQUENCE user_profile.events_event_id_seq RESTART;

SELECT format('INSERT INTO user_profile.events (user_id, occurred_at, kind, name, action, page, properties)
		SELECT user_id, occurred_at, kind, name, action, page, properties FROM test.chunks
		WHERE chunk = %s ORDER BY hashint8(line)', chunk),
	format('SET user_profile.batch_size = %s', (ARRAY[50, 1, 1000, 333, 7, 100000])[1 + n % 6]),
	CASE WHEN n <= 6 THEN 'CALL user_profile.refresh()' END
FROM (SELECT DISTINCT chunk, (chunk * 5) % 13 AS n FROM test.chunks) c ORDER BY n \gexec

SELECT ok(pending_events > 3000 AND events - pending_events > 3000, 'half of it is folded, half pending')
FROM user_profile.status;
SELECT test.compare('half pending');
SELECT test.compare_settings('half pending');

SET user_profile.batch_size = 97;
CALL user_profile.refresh();
SELECT is(pending_events, 0::bigint, 'further refreshes leave nothing pending') FROM user_profile.status;
SELECT test.compare('folded in pieces');
SELECT test.adjacent('folded in pieces', '[)');
DROP TABLE sums;

-- A late event joins two sessions, at the exact timeout from both; one more splits nothing
INSERT INTO user_profile.events (user_id, occurred_at, name) VALUES
	('late', '2024-05-01 10:00', 'first'), ('late', '2024-05-01 11:00', 'last');
CALL user_profile.refresh();
SELECT is(array_agg((started_at, ended_at, events)::text ORDER BY session_number),
	ARRAY['("2024-05-01 10:00:00+00","2024-05-01 10:00:00+00",1)',
		'("2024-05-01 11:00:00+00","2024-05-01 11:00:00+00",1)'], 'two sessions, an hour apart')
FROM user_profile.user_sessions('late', '(,)');
INSERT INTO user_profile.events (user_id, occurred_at, name) VALUES ('late', '2024-05-01 10:30', 'between');
SELECT is(array_agg((started_at, ended_at, events)::text),
	ARRAY['("2024-05-01 10:00:00+00","2024-05-01 11:00:00+00",3)'],
	'joined by a late event that is pending')
FROM user_profile.user_sessions('late', '(,)');
CALL user_profile.refresh();
SELECT is(array_agg((started_at, ended_at, events)::text),
	ARRAY['("2024-05-01 10:00:00+00","2024-05-01 11:00:00+00",3)'],
	'and by one that is folded')
FROM user_profile.user_sessions('late', '(,)');
SELECT test.compare('after a late event');

--
-- A user of 200,000 events beside all these
--
SET user_profile.batch_size = 30000;
INSERT INTO user_profile.events (user_id, occurred_at, kind, name, page)
SELECT 'huge', '2020-01-01'::timestamptz + (i * 7919 % 200000) * interval '650.5 seconds'
		+ (i % 9) * interval '290 seconds',
	CASE WHEN i % 3 = 0 THEN 'page_view' ELSE 'tracked' END::user_profile.event_kind,
	'name ' || i % 50, '/page/' || i % 40
FROM generate_series(1, 200000) i;

CREATE FUNCTION test.compare_huge(state text) RETURNS SETOF text
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM plain.observe();
	RETURN NEXT test.same('SELECT ''huge'' AS user_id, session_number, started_at, ended_at, duration, events,
			entry_page, exit_page FROM user_profile.user_sessions(''huge'', ''(,)'')',
		'SELECT * FROM plain.sessions WHERE user_id = ''huge''', state || ': sessions of the huge user');
	RETURN NEXT test.same('SELECT ''huge'' AS user_id, o.* FROM user_profile.user_overview(''huge'', ''[2021-02-03 04:05+00,2022-03-04 05:06+00]'') o',
		'SELECT * FROM plain.overview(''[2021-02-03 04:05+00,2022-03-04 05:06+00]'') WHERE user_id = ''huge''',
		state || ': overview of the huge user');
	RETURN NEXT test.same('SELECT * FROM user_profile.users_top_events(''(,)'')',
		'SELECT * FROM plain.top_events(''(,)'')', state || ': top events of all and the huge user');
	RETURN NEXT test.same('SELECT * FROM user_profile.users_daily(''(,)'', ''Europe/Berlin'') WHERE user_id = ''huge''',
		'SELECT * FROM plain.daily(''(,)'', ''Europe/Berlin'') WHERE user_id = ''huge''',
		state || ': days of the huge user');
	RETURN NEXT is((SELECT count(*) FROM user_profile.check_timelines('huge')), 0::bigint,
		state || ': timelines are sound');
END
$$;
SELECT test.compare_huge('pending');
CALL user_profile.refresh();
SELECT test.compare_huge('refreshed');
INSERT INTO user_profile.events (user_id, occurred_at, name)
SELECT 'huge', '2020-01-01'::timestamptz + i * interval '1 day 3 minutes', 'late' FROM generate_series(0, 1500) i;
SELECT test.compare_huge('with late events pending');
CALL user_profile.refresh();
SELECT test.compare_huge('with late events folded');

--
-- Said by hand, where plain SQL has its own limits
--

-- The longest gap that there can be: plain subtraction overflows on it
INSERT INTO user_profile.events (user_id, occurred_at, name) VALUES
	('ends', '4713-01-01 00:00+00 BC', 'first'), ('ends', '294276-12-31 23:59:59.999999+00', 'last');
CREATE FUNCTION test.ends(state text) RETURNS SETOF text
LANGUAGE sql AS $$
	SELECT is(array_agg((session_number, started_at, events)::text ORDER BY session_number),
		ARRAY['(1,"4713-01-01 00:00:00+00 BC",1)', '(2,"294276-12-31 23:59:59.999999+00",1)'],
		state || ': first and last instant are two sessions')
	FROM user_profile.user_sessions('ends', '(,)')
	UNION ALL
	SELECT is((total_events, sessions, session_time, avg_session, active_days)::text,
		'(2,2,00:00:00,00:00:00,2)', state || ': and their figures')
	FROM user_profile.user_overview('ends', '(,)')
	UNION ALL
	SELECT is((total_events, sessions)::text, '(1,1)', state || ': the last instant by itself')
	FROM user_profile.user_overview('ends', '[294276-12-31 23:59:59.999999+00,]')
	UNION ALL
	SELECT throws_ok($t$SELECT * FROM user_profile.user_daily('ends', '(,)')$t$, '54000', NULL,
		state || ': a series of more days than anybody reads is refused')
$$;
SELECT test.ends('pending');
CALL user_profile.refresh();
SELECT test.ends('refreshed');
SELECT is((SELECT count(*) FROM user_profile.check_timelines()), 0::bigint, 'all timelines are sound');

-- Where the clock goes back over midnight, the later local day comes first and is left again:
-- in St. John's on 2007-11-04 at 00:01, to 23:01 of the third
INSERT INTO user_profile.events (user_id, occurred_at, name) VALUES
	('midnight', '2007-11-04 02:30:30+00', 'on the fourth, for the first time'),
	('midnight', '2007-11-04 02:40+00', 'on the third, again');
SELECT is(array_agg((day, total_events)::text ORDER BY day),
	ARRAY['(2007-11-03,1)', '(2007-11-04,1)'],
	'a period that ends while the clock repeats an hour has both days')
FROM user_profile.user_daily('midnight', '[2007-11-04 02:00+00,2007-11-04 03:00+00)', 'America/St_Johns');
SELECT is(array_agg((day, total_events)::text ORDER BY day),
	ARRAY['(2007-11-03,1)', '(2007-11-04,1)'],
	'and one that begins while it does')
FROM user_profile.user_daily('midnight', '[2007-11-04 02:30:15+00,2007-11-05 00:00+00)', 'America/St_Johns');

SELECT * FROM finish();
