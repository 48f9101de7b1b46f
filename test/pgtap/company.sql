-- Every tab of companies and of the workspace against plain SQL over the log, the memberships
-- and the exclusions.
--
-- The plain side (schema plain) follows the definitions word by word. It treats the workspace as
-- one more company, of all users that are not excluded. Both sides are compared as whole result
-- sets, by EXCEPT ALL both ways: with everything pending, refreshed, half pending, and with
-- users excluded and included again.

\ir begin.psql

-- What is no period is an error, also where there is nothing to count
SELECT throws_ok(format('SELECT * FROM user_profile.%s(%L)', f, p), code, NULL, format('%s() of period %s', f, COALESCE(p, 'NULL')))
FROM unnest('{users_overview,users_top_events,users_top_pages,users_daily,users_sessions,users_sentiment,users_engagement,
	users_engagement_events,companies_overview,companies_top_events,companies_top_pages,companies_daily,companies_sentiment,
	companies_nps,companies_engagement,workspace_overview,workspace_top_events,workspace_top_pages,workspace_daily,
	workspace_sentiment,workspace_nps,workspace_engagement}'::text[]) f
CROSS JOIN (VALUES (NULL, '22004'), ('empty', '22023')) periods (p, code);

CREATE SCHEMA plain;

--
-- The plain side. plain.observe() fills the tables.
--
CREATE TABLE plain.events (
	user_id text COLLATE "C", session_number bigint, event_id bigint, occurred_at timestamptz,
	kind user_profile.event_kind, name text COLLATE "C", action text COLLATE "C",
	page text COLLATE "C", properties jsonb);
CREATE TABLE plain.sessions (
	user_id text COLLATE "C", session_number bigint, started_at timestamptz, duration interval);
CREATE TABLE plain.excluded (user_id text COLLATE "C");
-- Members that count; company_id '' is the workspace
CREATE TABLE plain.members (company_id text COLLATE "C", user_id text COLLATE "C");
CREATE TABLE plain.companies (company_id text COLLATE "C");

CREATE FUNCTION plain.observe() RETURNS void
LANGUAGE sql AS $$
	TRUNCATE plain.events, plain.sessions, plain.excluded, plain.members, plain.companies;
	INSERT INTO plain.events
	SELECT user_id, sum(starts) OVER w, event_id, occurred_at, kind, name, action, page, properties
	FROM (
		SELECT user_id, event_id, occurred_at, kind, name, action,
			CASE WHEN page <> '' THEN page WHEN kind = 'page_view' THEN name END AS page, properties,
			CASE WHEN occurred_at - lag(occurred_at) OVER w <= '30 minutes' THEN 0 ELSE 1 END AS starts
		FROM user_profile.events
		WINDOW w AS (PARTITION BY user_id ORDER BY occurred_at, event_id)) e
	WINDOW w AS (PARTITION BY user_id ORDER BY occurred_at, event_id);
	INSERT INTO plain.sessions
	SELECT user_id, session_number, min(occurred_at), max(occurred_at) - min(occurred_at)
	FROM plain.events GROUP BY user_id, session_number;
	INSERT INTO plain.excluded
	SELECT a.user_id
	FROM (SELECT user_id FROM user_profile.users
		UNION SELECT user_id FROM plain.events
		UNION SELECT user_id FROM user_profile.memberships) a
	LEFT JOIN user_profile.users u USING (user_id)
	WHERE u.excluded_at IS NOT NULL
		OR EXISTS (SELECT FROM user_profile.exclusion_rules r
			WHERE (r.expires_at > now() OR r.expires_at IS NULL) AND (
				r.kind = 'user' AND a.user_id ~ ('^' || replace(r.pattern, '*', '.*') || '$')
				OR r.kind = 'email_domain' AND lower(u.email) ~ ('@' || replace(r.pattern, '.', '[.]') || '$')
				OR r.kind = 'company' AND EXISTS (SELECT FROM user_profile.memberships m
					WHERE m.user_id = a.user_id AND m.company_id = r.pattern
						AND now() >= m.joined_at AND now() < COALESCE(m.left_at, 'infinity'))));
	INSERT INTO plain.members
	SELECT DISTINCT m.company_id, m.user_id
	FROM user_profile.memberships m
	WHERE now() >= m.joined_at AND now() < COALESCE(m.left_at, 'infinity')
		AND m.user_id NOT IN (TABLE plain.excluded)
	UNION ALL
	SELECT '', user_id
	FROM (SELECT user_id FROM user_profile.users UNION SELECT user_id FROM plain.events) u
	WHERE user_id NOT IN (TABLE plain.excluded);
	INSERT INTO plain.companies
	SELECT company_id FROM user_profile.companies UNION SELECT company_id FROM user_profile.memberships
	UNION SELECT '';
	ANALYZE plain.events, plain.sessions, plain.members;
$$;

CREATE FUNCTION plain.usecs(length interval) RETURNS numeric
LANGUAGE sql IMMUTABLE AS $$ SELECT extract(epoch FROM length) * 1000000 $$;

-- A number of microseconds, the nearest whole one; of two that are as near, the even one
CREATE FUNCTION plain.length(usecs numeric) RETURNS interval
LANGUAGE sql IMMUTABLE AS $$
	SELECT ((CASE WHEN abs(usecs - trunc(usecs)) = 0.5 THEN 2 * round(usecs / 2)
		ELSE round(usecs) END)::bigint || ' microseconds')::interval
$$;

CREATE FUNCTION plain.overview_of(period tstzrange, OUT company_id text, OUT active_users bigint,
	OUT total_events bigint, OUT tracked_events bigint, OUT labeled_events bigint,
	OUT feature_tag_events bigint, OUT page_views bigint, OUT content_interactions bigint,
	OUT sessions bigint, OUT session_time interval, OUT avg_session interval,
	OUT median_session interval, OUT active_days bigint) RETURNS SETOF record
LANGUAGE sql AS $$
	SELECT c.company_id, e.active_users, e.total, e.tracked, e.labeled, e.feature_tag, e.page_views,
		e.content, s.sessions, s.session_time, s.avg_session, s.median_session, e.active_days
	FROM plain.companies c
	CROSS JOIN LATERAL (
		SELECT count(DISTINCT user_id) AS active_users,
			count(*) FILTER (WHERE kind IN ('tracked', 'labeled', 'feature_tag')) AS total,
			count(*) FILTER (WHERE kind = 'tracked') AS tracked,
			count(*) FILTER (WHERE kind = 'labeled') AS labeled,
			count(*) FILTER (WHERE kind = 'feature_tag') AS feature_tag,
			count(*) FILTER (WHERE kind = 'page_view') AS page_views,
			count(*) FILTER (WHERE kind IN
				('flow', 'spotlight', 'banner', 'checklist', 'nps', 'survey')) AS content,
			count(DISTINCT (occurred_at AT TIME ZONE 'UTC')::date) AS active_days
		FROM plain.events JOIN plain.members m USING (user_id)
		WHERE m.company_id = c.company_id AND occurred_at <@ period) e
	CROSS JOIN LATERAL (
		SELECT count(*) AS sessions, sum(duration) AS session_time,
			plain.length(sum(plain.usecs(duration)) / NULLIF(count(*), 0)) AS avg_session,
			percentile_cont(0.5) WITHIN GROUP (ORDER BY duration) AS median_session
		FROM plain.sessions JOIN plain.members m USING (user_id)
		WHERE m.company_id = c.company_id AND started_at <@ period) s
$$;

-- Periods here are of the form [)
CREATE FUNCTION plain.previous(period tstzrange) RETURNS tstzrange
LANGUAGE sql AS $$
	SELECT CASE WHEN NOT lower_inf(period) AND NOT upper_inf(period) THEN
		tstzrange(lower(period) - plain.length(plain.usecs(upper(period) - lower(period))), lower(period)) END
$$;

CREATE FUNCTION plain.overview(period tstzrange, OUT company_id text, OUT users bigint,
	OUT active_users bigint, OUT total_events bigint, OUT tracked_events bigint,
	OUT labeled_events bigint, OUT feature_tag_events bigint, OUT page_views bigint,
	OUT content_interactions bigint, OUT sessions bigint, OUT session_time interval,
	OUT avg_session interval, OUT median_session interval, OUT active_days bigint,
	OUT previous_total_events bigint, OUT previous_sessions bigint,
	OUT previous_avg_session interval) RETURNS SETOF record
LANGUAGE sql AS $$
	SELECT o.company_id, (SELECT count(*) FROM plain.members m
			WHERE m.company_id = o.company_id),
		o.active_users, o.total_events, o.tracked_events, o.labeled_events, o.feature_tag_events,
		o.page_views, o.content_interactions, o.sessions, o.session_time, o.avg_session,
		o.median_session, o.active_days, p.total_events, p.sessions, p.avg_session
	FROM plain.overview_of(period) o
	LEFT JOIN plain.overview_of(plain.previous(period)) p
		ON p.company_id = o.company_id AND plain.previous(period) IS NOT NULL
$$;

CREATE FUNCTION plain.top_events(period tstzrange, OUT company_id text,
	OUT kind user_profile.event_kind, OUT name text, OUT occurrences bigint,
	OUT last_at timestamptz) RETURNS SETOF record
LANGUAGE sql AS $$
	SELECT company_id, kind, name, count(*), max(occurred_at)
	FROM plain.events JOIN plain.members USING (user_id)
	WHERE occurred_at <@ period AND kind IN ('tracked', 'labeled', 'feature_tag')
	GROUP BY company_id, kind, name
$$;

CREATE FUNCTION plain.top_pages(period tstzrange, OUT company_id text, OUT page text,
	OUT visits bigint, OUT events bigint, OUT last_at timestamptz) RETURNS SETOF record
LANGUAGE sql AS $$
	SELECT company_id, page, count(*) FILTER (WHERE kind = 'page_view'), count(*), max(occurred_at)
	FROM plain.events JOIN plain.members USING (user_id)
	WHERE occurred_at <@ period AND page IS NOT NULL
	GROUP BY company_id, page
$$;

-- Every local day of the period; where it is unbounded, from the first or to the last event of
-- anybody, if that is within the period
CREATE FUNCTION plain.daily(period tstzrange, timezone text, OUT company_id text, OUT day date,
	OUT total_events bigint, OUT page_views bigint, OUT sessions bigint,
	OUT session_time interval, OUT active_users bigint) RETURNS SETOF record
LANGUAGE sql AS $$
	SELECT c.company_id, d.day, COALESCE(e.total_events, 0), COALESCE(e.page_views, 0),
		COALESCE(s.sessions, 0), COALESCE(s.session_time, '0'), COALESCE(e.active_users, 0)
	FROM (
		SELECT c.company_id,
			(COALESCE(lower(period), min(e.occurred_at)) AT TIME ZONE timezone)::date AS first_day,
			(COALESCE(upper(period) - interval '1 microsecond', max(e.occurred_at))
				AT TIME ZONE timezone)::date AS last_day
		FROM plain.companies c
		LEFT JOIN plain.members m ON m.company_id = c.company_id
		LEFT JOIN plain.events e USING (user_id)
		GROUP BY c.company_id
		HAVING (NOT upper_inf(period) OR lower_inf(period) OR max(e.occurred_at) >= lower(period))
			AND (NOT lower_inf(period) OR upper_inf(period) OR min(e.occurred_at) < upper(period))) c
	CROSS JOIN LATERAL (SELECT first_day + i AS day
		FROM generate_series(0, last_day - first_day) i) d
	LEFT JOIN (
		SELECT company_id, (occurred_at AT TIME ZONE timezone)::date AS day,
			count(*) FILTER (WHERE kind IN ('tracked', 'labeled', 'feature_tag')) AS total_events,
			count(*) FILTER (WHERE kind = 'page_view') AS page_views,
			count(DISTINCT user_id) AS active_users
		FROM plain.events JOIN plain.members USING (user_id)
		WHERE occurred_at <@ period
		GROUP BY 1, 2) e ON e.company_id = c.company_id AND e.day = d.day
	LEFT JOIN (
		SELECT company_id, (started_at AT TIME ZONE timezone)::date AS day,
			count(*) AS sessions, sum(duration) AS session_time
		FROM plain.sessions JOIN plain.members USING (user_id)
		WHERE started_at <@ period
		GROUP BY 1, 2) s ON s.company_id = c.company_id AND s.day = d.day
$$;

CREATE FUNCTION plain.nps(period tstzrange, OUT company_id text, OUT responses bigint,
	OUT promoters bigint, OUT passives bigint, OUT detractors bigint, OUT score numeric)
	RETURNS SETOF record
LANGUAGE sql AS $$
	SELECT c.company_id, count(e.score), count(*) FILTER (WHERE e.score IN (9, 10)),
		count(*) FILTER (WHERE e.score IN (7, 8)), count(*) FILTER (WHERE e.score <= 6),
		round(avg(CASE WHEN e.score >= 9 THEN 100.0 WHEN e.score <= 6 THEN -100.0
			WHEN e.score IS NOT NULL THEN 0.0 END), 1)
	FROM plain.companies c
	LEFT JOIN plain.members m ON m.company_id = c.company_id
	LEFT JOIN (SELECT user_id, (properties ->> 'score')::int AS score FROM plain.events
		WHERE kind = 'nps' AND occurred_at <@ period) e USING (user_id)
	GROUP BY c.company_id
$$;

-- The page on which the user was: the event's own, else that of the last page view before it in
-- the session
CREATE FUNCTION plain.sentiment(period tstzrange, OUT company_id text, OUT user_id text,
	OUT event_id bigint, OUT answered_at timestamptz, OUT kind user_profile.event_kind,
	OUT score integer, OUT page text, OUT session_started_at timestamptz) RETURNS SETOF record
LANGUAGE sql AS $$
	SELECT m.company_id, e.user_id, e.event_id, e.occurred_at, e.kind, (e.properties ->> 'score')::int,
		COALESCE(e.page, (SELECT v.page FROM plain.events v
			WHERE v.user_id = e.user_id AND v.session_number = e.session_number
				AND v.kind = 'page_view' AND (v.occurred_at, v.event_id) < (e.occurred_at, e.event_id)
			ORDER BY v.occurred_at DESC, v.event_id DESC LIMIT 1)),
		s.started_at
	FROM plain.events e
	JOIN plain.sessions s USING (user_id, session_number)
	JOIN plain.members m USING (user_id)
	WHERE e.kind IN ('nps', 'survey') AND e.occurred_at <@ period
		AND (e.properties ? 'score' OR e.properties ? 'answer')
$$;

CREATE FUNCTION plain.engagement(period tstzrange, OUT company_id text,
	OUT kind user_profile.event_kind, OUT name text, OUT users bigint, OUT interactions bigint,
	OUT completed_users bigint) RETURNS SETOF record
LANGUAGE sql AS $$
	SELECT company_id, kind, name, count(DISTINCT user_id), count(*),
		count(DISTINCT user_id) FILTER (WHERE action = 'completed')
	FROM plain.events JOIN plain.members USING (user_id)
	WHERE kind IN ('flow', 'spotlight', 'banner', 'checklist') AND occurred_at <@ period
	GROUP BY company_id, kind, name
$$;

--
-- The log: users of 1 to some hundred events, and two of thousands, who have several parts
--
SELECT setseed(0.20261124) \g /dev/null

CREATE TABLE test.log AS
SELECT u.user_id, u.first_at + (sum(g.gap) OVER (PARTITION BY u.user_id ORDER BY n)) * interval '1 microsecond' AS occurred_at,
	k.kind,
	(ARRAY['Report created', 'report CREATED', 'ÉTÉ', '100%', 'under_score', 'x', '/home'])
		[1 + floor(r.t * r.v * 7)::int] AS name,
	CASE WHEN k.kind IN ('flow', 'spotlight', 'banner', 'checklist') THEN
		(ARRAY['seen', 'completed', 'dismissed', NULL])[1 + floor(r.v * 4)::int] END AS action,
	CASE WHEN r.v < 0.4 THEN NULL WHEN r.v < 0.43 THEN ''
		ELSE (ARRAY['/home', '/settings', '/a_b', '/100%', '/Über'])[1 + floor(r.t * 5)::int] END AS page,
	CASE k.kind WHEN 'nps' THEN CASE WHEN r.t > 0.1 THEN jsonb_build_object('score', floor(r.v * 11)::int) END
		WHEN 'survey' THEN jsonb_build_object('question', 'Why?', 'answer', 'Because ' || n) END AS properties,
	row_number() OVER (ORDER BY random()) AS arrival
FROM (
	SELECT format('u%s', to_char(i, 'FM000')) AS user_id, i,
		'2024-02-20'::timestamptz + random() * interval '60 days' AS first_at,
		CASE WHEN i IN (7, 11) THEN 4000 ELSE 1 + floor(random() ^ 2 * 120)::int END AS nevents
	FROM generate_series(1, 80) i) u
CROSS JOIN LATERAL generate_series(1, u.nevents) n
CROSS JOIN LATERAL (SELECT random() AS r, random() AS s, random() AS t, random() AS v, n AS "of") r
CROSS JOIN LATERAL (SELECT CASE
	WHEN n = 1 OR r.r < 0.10 THEN 0
	WHEN r.r < 0.20 THEN 1800000000
	WHEN r.r < 0.27 THEN 1800000001
	WHEN r.r < 0.85 THEN floor(r.s * 600000000)
	WHEN r.r < 0.97 OR u.i IN (7, 11) THEN floor(r.s * 10000000000)
	ELSE floor(r.s * 400000000000) END::bigint AS gap) g
CROSS JOIN LATERAL (SELECT (CASE WHEN r.s < 0.45 THEN 'tracked' WHEN r.s < 0.7 THEN 'page_view'
	ELSE ('{labeled,feature_tag,flow,spotlight,banner,checklist,nps,survey}'::text[])
		[1 + floor(r.t * 8)::int] END)::user_profile.event_kind AS kind) k;

-- Half of the users are known beside their events, some without any
INSERT INTO user_profile.users (user_id, name, email)
SELECT format('u%s', to_char(i, 'FM000')), format('User %s', i),
	format('user%s@%s', i, (ARRAY['example.com', 'INTERNAL.example', 'sub.internal.example'])[1 + i % 3])
FROM generate_series(1, 90, 2) i;

INSERT INTO user_profile.companies (company_id, name, signed_up_at, properties)
SELECT 'c' || i, CASE WHEN i <> 2 THEN 'Company ' || i END,
	CASE WHEN i % 2 = 0 THEN '2024-01-01'::timestamptz + i * interval '1 day' END,
	jsonb_build_object('i', i)
FROM generate_series(1, 9) i;	-- c9 has no members, c10 to c12 no row

-- A user is in up to three companies; some left, some left and came back, some are yet to come
INSERT INTO user_profile.memberships (user_id, company_id, joined_at, left_at)
SELECT user_id, company_id, joined_at, CASE WHEN r < 0.2 THEN joined_at + interval '3 days' END
FROM (
	SELECT DISTINCT ON (user_id, company_id) user_id, company_id, random() AS r,
		CASE WHEN random() < 0.1 THEN now() + interval '10 days'
			ELSE '2024-01-01'::timestamptz + random() * interval '90 days' END AS joined_at
	FROM (
		SELECT format('u%s', to_char(i, 'FM000')) AS user_id,
			'c' || (ARRAY[1, 1, 1, 2, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12])[1 + floor(random() * 14)::int] AS company_id
		FROM generate_series(1, 95) i, generate_series(1, 3) n) x
	ORDER BY user_id, company_id) m;
INSERT INTO user_profile.memberships (user_id, company_id, joined_at)
SELECT user_id, company_id, left_at + interval '1 day' FROM user_profile.memberships
WHERE left_at IS NOT NULL AND hashtext(user_id) % 2 = 0;
INSERT INTO user_profile.memberships (user_id, company_id, joined_at, left_at)
VALUES ('u003', 'c1', '2023-01-01', now()), ('u001', 'c13', '2023-01-01', now() + interval '1 day'),
	('u002', 'c14', '2023-01-01', '2024-01-01');
-- Memberships overlap: one that ends in the future beside one without end; a member is one all the same
INSERT INTO user_profile.memberships (user_id, company_id, joined_at, left_at)
SELECT user_id, company_id, joined_at - n * interval '1 day', now() + interval '10 days'
FROM user_profile.memberships, generate_series(1, 2) n
WHERE hashtext(user_id || company_id) % 4 = 0 AND joined_at < now() AND left_at IS NULL;
SELECT cmp_ok((SELECT count(*) FROM (SELECT FROM user_profile.users_companies WHERE current
		GROUP BY user_id, company_id HAVING count(*) = 3) o), '>', 10::bigint, 'there are overlapping memberships');

CREATE TABLE test.periods (n int GENERATED ALWAYS AS IDENTITY, period tstzrange, timezone text);
INSERT INTO test.periods (period, timezone)
VALUES ('(,)', 'UTC'), ('[2024-03-10 12:00+00,)', 'America/Havana'), ('(,2024-03-10 12:00+00)', 'Asia/Kathmandu'),
	('[2024-03-01+00,2024-04-01+00)', 'Europe/Berlin'), ('[2030-01-01+00,2030-01-03+00)', 'UTC');
INSERT INTO test.periods (period, timezone)
SELECT tstzrange(occurred_at, occurred_at + n * interval '2 days 1 hour'), 'America/St_Johns'
FROM (SELECT occurred_at, row_number() OVER () AS n FROM test.log ORDER BY random() LIMIT 2) x;

-- In all periods, or in every third one
CREATE FUNCTION test.compare(state text, every int DEFAULT 3) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
	p record;
	tab text;
BEGIN
	PERFORM plain.observe();
	RETURN NEXT test.same('SELECT company_id, user_id FROM user_profile.included_members',
		'SELECT * FROM plain.members WHERE company_id <> ''''', state || ': members');
	RETURN NEXT test.same('SELECT company_id, name, users, total_sessions, first_seen_at, last_seen_at,
			sign_up_date, sign_up_source, properties, total_events FROM user_profile.company_profiles',
		$want$SELECT company_id, c.name, o.users, o.sessions, e.first_at, e.last_at,
			COALESCE(c.signed_up_at, e.first_at),
			CASE WHEN c.signed_up_at IS NOT NULL THEN 'signed_up' WHEN e.first_at IS NOT NULL THEN 'first_seen' END,
			COALESCE(c.properties, '{}'), o.total_events
			FROM plain.overview('(,)') o
			LEFT JOIN user_profile.companies c USING (company_id)
			LEFT JOIN (SELECT company_id, min(occurred_at) AS first_at, max(occurred_at) AS last_at
				FROM plain.members JOIN plain.events USING (user_id) GROUP BY company_id) e USING (company_id)
			WHERE company_id <> ''$want$, state || ': headers');
	RETURN NEXT test.same('SELECT p.* FROM plain.companies c, user_profile.company_profile(c.company_id) p
			WHERE c.company_id <> ''''',
		'TABLE user_profile.company_profiles', state || ': header of one company');
	RETURN NEXT test.same('SELECT * FROM user_profile.company_users',
		$want$SELECT m.company_id, m.user_id, u.name, u.email, m.joined_at, e.last_at, COALESCE(s.sessions, 0),
			m.user_id IN (TABLE plain.excluded)
			FROM (SELECT company_id, user_id, max(joined_at) AS joined_at FROM user_profile.memberships
				WHERE now() >= joined_at AND now() < COALESCE(left_at, 'infinity')
				GROUP BY company_id, user_id) m
			LEFT JOIN user_profile.users u USING (user_id)
			LEFT JOIN (SELECT user_id, max(occurred_at) AS last_at FROM plain.events GROUP BY user_id) e USING (user_id)
			LEFT JOIN (SELECT user_id, count(*) AS sessions FROM plain.sessions GROUP BY user_id) s USING (user_id)$want$, state || ': users');

	FOR p IN SELECT n, quote_literal(period) AS period, quote_literal(timezone) AS timezone
		FROM test.periods WHERE n % every = 0 ORDER BY n
	LOOP
		RETURN NEXT test.same(format('SELECT * FROM user_profile.companies_overview(%s)
				UNION ALL SELECT '''', o.* FROM user_profile.workspace_overview(%1$s) o', p.period),
			format('SELECT * FROM plain.overview(%s)', p.period), format('%s: overviews, period %s', state, p.n));
		RETURN NEXT test.same(format('SELECT c.company_id, o.* FROM plain.companies c, user_profile.company_overview(c.company_id, %s) o
				WHERE c.company_id <> ''''', p.period),
			format('SELECT * FROM user_profile.companies_overview(%s)', p.period),
			format('%s: overview of one company, period %s', state, p.n));

		RETURN NEXT test.same(format('SELECT ''-'' UNION ALL SELECT x::text FROM (SELECT * FROM user_profile.companies_top_events(%s)
				UNION ALL SELECT '''', o.* FROM user_profile.workspace_top_events(%1$s, NULL, NULL) o) x', p.period),
			format('SELECT ''-'' UNION ALL SELECT x::text FROM plain.top_events(%s) x', p.period),
			format('%s: top events, period %s', state, p.n));
		RETURN NEXT test.same(format('SELECT ''-'' UNION ALL SELECT x::text FROM (SELECT * FROM user_profile.companies_top_pages(%s)
				UNION ALL SELECT '''', o.* FROM user_profile.workspace_top_pages(%1$s, NULL, NULL) o) x', p.period),
			format('SELECT ''-'' UNION ALL SELECT x::text FROM plain.top_pages(%s) x', p.period),
			format('%s: top pages, period %s', state, p.n));
		-- Rows of one company come in order, and the longest list is cut
		RETURN NEXT test.same(format('SELECT ''-'' UNION ALL SELECT x::text FROM (
				SELECT c.company_id, o.* FROM plain.companies c, user_profile.company_top_events(c.company_id, %s, ''rEPort'', 3)
				WITH ORDINALITY o WHERE c.company_id <> ''''
				UNION ALL SELECT '''', o.* FROM user_profile.workspace_top_events(%1$s, ''rEPort'', 3) WITH ORDINALITY o) x', p.period),
			format('SELECT ''-'' UNION ALL SELECT x::text FROM (SELECT o.*, row_number() OVER (PARTITION BY company_id
				ORDER BY occurrences DESC, last_at DESC, kind, name) AS n
				FROM plain.top_events(%s) o WHERE name ILIKE ''%%report%%'') x WHERE n <= 3', p.period),
			format('%s: top events of one company, period %s', state, p.n));
		RETURN NEXT test.same(format('SELECT ''-'' UNION ALL SELECT x::text FROM (
				SELECT c.company_id, o.* FROM plain.companies c, user_profile.company_top_pages(c.company_id, %s, ''%%'', 3)
				WITH ORDINALITY o WHERE c.company_id <> ''''
				UNION ALL SELECT '''', o.* FROM user_profile.workspace_top_pages(%1$s, ''%%'', 3) WITH ORDINALITY o) x', p.period),
			format('SELECT ''-'' UNION ALL SELECT x::text FROM (SELECT o.*, row_number() OVER (PARTITION BY company_id
				ORDER BY visits DESC, events DESC, last_at DESC, page) AS n
				FROM plain.top_pages(%s) o WHERE position(''%%'' IN page) > 0) x WHERE n <= 3', p.period),
			format('%s: top pages of one company, period %s', state, p.n));

		RETURN NEXT test.same(format('SELECT * FROM user_profile.companies_daily(%s, %s)
				UNION ALL SELECT '''', d.* FROM user_profile.workspace_daily(%1$s, %2$s) d', p.period, p.timezone),
			format('SELECT * FROM plain.daily(%s, %s)', p.period, p.timezone),
			format('%s: days of %s, period %s', state, p.timezone, p.n));
		RETURN NEXT test.same(format('SELECT c.company_id, d.* FROM plain.companies c, user_profile.company_daily(c.company_id, %s, %s) d
				WHERE c.company_id <> ''''', p.period, p.timezone),
			format('SELECT * FROM user_profile.companies_daily(%s, %s)', p.period, p.timezone),
			format('%s: days of one company, period %s', state, p.n));

		RETURN NEXT test.same(format('SELECT * FROM user_profile.companies_nps(%s)
				UNION ALL SELECT '''', s.* FROM user_profile.workspace_nps(%1$s) s', p.period),
			format('SELECT * FROM plain.nps(%s)', p.period), format('%s: NPS, period %s', state, p.n));
		RETURN NEXT test.same(format('SELECT c.company_id, s.* FROM plain.companies c, user_profile.company_nps(c.company_id, %s) s
				WHERE c.company_id <> ''''', p.period),
			format('SELECT * FROM user_profile.companies_nps(%s)', p.period),
			format('%s: NPS of one company, period %s', state, p.n));

		RETURN NEXT test.same(format('SELECT ''-'' UNION ALL SELECT x::text FROM (
				SELECT company_id, user_id, event_id, answered_at, kind, score, page, session_started_at
				FROM user_profile.companies_sentiment(%s)
				UNION ALL SELECT '''', user_id, event_id, answered_at, kind, score, page, session_started_at
				FROM user_profile.workspace_sentiment(%1$s)) x', p.period),
			format('SELECT ''-'' UNION ALL SELECT x::text FROM plain.sentiment(%s) x', p.period),
			format('%s: sentiment, period %s', state, p.n));
		RETURN NEXT test.same(format('SELECT ''-'' UNION ALL SELECT x::text FROM (SELECT c.company_id, s.* FROM plain.companies c,
				user_profile.company_sentiment(c.company_id, %s) s WHERE c.company_id <> '''') x', p.period),
			format('SELECT ''-'' UNION ALL SELECT x::text FROM user_profile.companies_sentiment(%s) x', p.period),
			format('%s: sentiment of one company, period %s', state, p.n));

		RETURN NEXT test.same(format('SELECT ''-'' UNION ALL SELECT x::text FROM (SELECT * FROM user_profile.companies_engagement(%s)
				UNION ALL SELECT '''', s.* FROM user_profile.workspace_engagement(%1$s) s) x', p.period),
			format('SELECT ''-'' UNION ALL SELECT x::text FROM plain.engagement(%s) x', p.period),
			format('%s: engagement, period %s', state, p.n));
		RETURN NEXT test.same(format('SELECT ''-'' UNION ALL SELECT x::text FROM (SELECT c.company_id, s.* FROM plain.companies c,
				user_profile.company_engagement(c.company_id, %s) s WHERE c.company_id <> '''') x', p.period),
			format('SELECT ''-'' UNION ALL SELECT x::text FROM user_profile.companies_engagement(%s) x', p.period),
			format('%s: engagement of one company, period %s', state, p.n));
	END LOOP;

	-- Latest seen first; found by id, name or e-mail
	FOREACH tab IN ARRAY '{c1,c2,c5,c13}'::text[]
	LOOP
		RETURN NEXT is((SELECT array_agg(u.user_id) FROM user_profile.company_users(tab) u),
			(SELECT array_agg(user_id) FROM (SELECT user_id FROM user_profile.company_users WHERE company_id = tab
				ORDER BY last_seen_at DESC NULLS LAST, user_id LIMIT 10) u), state || ': users of ' || tab || ' in order');
		RETURN NEXT is((SELECT array_agg(u.user_id) FROM user_profile.company_users(tab, 'ER1', NULL) u),
			(SELECT array_agg(user_id ORDER BY last_seen_at DESC NULLS LAST, user_id) FROM user_profile.company_users
				WHERE company_id = tab AND (user_id ILIKE '%er1%' OR name ILIKE '%er1%' OR email ILIKE '%er1%')),
			state || ': users of ' || tab || ' found');
	END LOOP;

	-- The views show the period of the setting, up to now
	PERFORM set_config('user_profile.period', '150 years', false);
	FOREACH tab IN ARRAY '{overview,top_events,top_pages,daily,nps}'::text[]
	LOOP
		RETURN NEXT test.same('TABLE user_profile.company_' || tab || CASE tab WHEN 'overview' THEN 's' ELSE '' END,
			format('SELECT * FROM user_profile.companies_%s(tstzrange(now() - interval ''150 years'', now(), ''[]''))', tab),
			state || ': view of ' || tab);
	END LOOP;
	PERFORM set_config('user_profile.period', '30 days', false);
END
$$;

-- Every figure of every company and of the workspace, for a comparison of two moments
CREATE FUNCTION test.figures() RETURNS text
LANGUAGE sql AS $$
	SELECT md5(string_agg(x, ';' ORDER BY x))
	FROM (
		SELECT o::text FROM user_profile.companies_overview('[2024-03-01,2024-04-01)') o
		UNION ALL SELECT o::text FROM user_profile.workspace_overview('[2024-03-01,2024-04-01)') o
		UNION ALL SELECT o::text FROM user_profile.company_profiles o
		UNION ALL SELECT o::text FROM user_profile.company_users o
		UNION ALL SELECT o::text FROM user_profile.companies_top_events('(,)') o
		UNION ALL SELECT o::text FROM user_profile.companies_top_pages('(,)') o
		UNION ALL SELECT o::text FROM user_profile.companies_daily('(,)') o
		UNION ALL SELECT o::text FROM user_profile.companies_nps('(,)') o
		UNION ALL SELECT o::text FROM user_profile.companies_sentiment('(,)') o
		UNION ALL SELECT o::text FROM user_profile.companies_engagement('(,)') o
		UNION ALL SELECT o::text FROM user_profile.workspace_top_events('(,)', NULL, NULL) o
		UNION ALL SELECT o::text FROM user_profile.workspace_daily('(,)') o) f (x)
$$;

INSERT INTO user_profile.events (user_id, occurred_at, kind, name, action, page, properties)
SELECT user_id, occurred_at, kind, name, action, page, properties FROM test.log WHERE arrival % 3 <> 0 ORDER BY arrival;
SELECT test.compare('pending');

CALL user_profile.refresh();
ANALYZE;
SELECT ok(count(*) FILTER (WHERE part > 0) > 1, 'some users have several parts') FROM user_profile.timelines;
SELECT test.compare('refreshed');

-- The rest is late, and pending for every user
INSERT INTO user_profile.events (user_id, occurred_at, kind, name, action, page, properties)
SELECT user_id, occurred_at, kind, name, action, page, properties FROM test.log WHERE arrival % 3 = 0 ORDER BY arrival;
SELECT test.compare('half pending', 1);

-- Excluded by hand, and by rules of each kind, one of which has expired
SELECT test.figures() AS before \gset
UPDATE user_profile.users SET excluded_at = now(), exclusion_reason = 'internal' WHERE user_id IN ('u007', 'u013', 'u081', 'u089');
SELECT test.compare('excluded by hand');
INSERT INTO user_profile.exclusion_rules (kind, pattern, expires_at) VALUES
	('user', 'u04*', NULL), ('company', 'c4', NULL), ('email_domain', 'internal.example', now() + interval '1 day'),
	('user', 'u00*', '2024-01-01');
SELECT ok(count(*) > 15 AND count(*) < 60, 'rules exclude some') FROM user_profile.excluded_users;
SELECT test.compare('excluded by rules');
CALL user_profile.refresh();
SELECT test.compare('excluded and refreshed');
SELECT isnt(test.figures(), :'before', 'exclusion changes figures');
UPDATE user_profile.users SET excluded_at = NULL, exclusion_reason = NULL WHERE excluded_at IS NOT NULL;
DELETE FROM user_profile.exclusion_rules;
SELECT is(test.figures(), :'before', 'included again, every figure is as it was');

-- A company of which all are excluded
INSERT INTO user_profile.exclusion_rules (kind, pattern) VALUES ('company', 'c5');
SELECT is((users, active_users, total_events, sessions, avg_session, previous_sessions)::text, '(0,0,0,0,,0)',
	'a company of which all are excluded')
FROM user_profile.company_overview('c5', '[2024-03-01,2024-04-01)');
SELECT ok(count(*) > 0 AND bool_and(excluded), 'its users are there, and flagged') FROM user_profile.company_users('c5');
DELETE FROM user_profile.exclusion_rules;

--
-- What is asked wrongly, and what there isn't
--
SELECT is_empty($$SELECT * FROM user_profile.company_profile('nobody')$$, 'an unknown company has no header');
SELECT is_empty($$SELECT * FROM user_profile.company_overview('nobody', '(,)')$$, 'no overview');
SELECT is_empty($$SELECT * FROM user_profile.company_daily('nobody', '[2024-03-01,2024-04-01)')$$, 'no days');
SELECT is_empty($$SELECT * FROM user_profile.company_nps('nobody', '(,)')$$, 'no NPS');
SELECT is_empty($$SELECT * FROM user_profile.company_users('nobody')$$, 'no users');
SELECT throws_ok(format('SELECT * FROM user_profile.%s(%s)', f, a), s, NULL, format('%s(%s): an error', f, a))
FROM unnest('{company_profile,company_overview,company_top_events,company_top_pages,company_daily,company_users,
	company_sentiment,company_nps,company_engagement}'::text[]) f,
	(VALUES ('NULL', '22004'), ('''''', '22023')) x (a, s);
SELECT throws_ok(format('SELECT * FROM user_profile.%s(''c1'', %s)', f, a), s, NULL, format('%s(%s): an error', f, a))
FROM unnest('{company_overview,company_top_events,company_top_pages,company_daily,
	company_sentiment,company_nps,company_engagement}'::text[]) f,
	(VALUES ('NULL', '22004'), ('''empty''', '22023')) x (a, s);
SELECT throws_ok(format('SELECT * FROM user_profile.%s(''empty'')', f), '22023', NULL, f || ': an empty period is an error')
FROM unnest('{workspace_overview,workspace_daily,workspace_top_events,workspace_top_pages}'::text[]) f;
SELECT throws_ok($$SELECT * FROM user_profile.company_users('c1', NULL, -1)$$, '2201W', NULL, 'max_rows must not be negative');
SELECT throws_ok($$SELECT * FROM user_profile.company_daily('c1', '(,)', 'Mars/Olympus')$$, '22023', NULL, 'an unknown time zone');

--
-- The aggregates by themselves: parallel workers give what one process gives
--
CREATE TABLE test.timelines AS
SELECT g.n, t.user_id, t.timeline FROM user_profile.live_timelines t, generate_series(1, 30) g (n);
ANALYZE test.timelines;
CREATE FUNCTION test.aggregates() RETURNS TABLE (value text) LANGUAGE sql AS $$
	SELECT (SELECT md5(string_agg(c::text, ';' ORDER BY c)) FROM unnest(user_profile.timelines_event_counts(timeline, '(,)')) c)
		|| (SELECT md5(string_agg(c::text, ';' ORDER BY c)) FROM unnest(user_profile.timelines_page_counts(timeline, '[2024-03-01,2024-04-01)')) c)
		|| (SELECT md5(string_agg(c::text, ';' ORDER BY c)) FROM unnest(user_profile.timelines_daily(timeline, '(,)', 'Europe/Berlin', NULL)) c)
	FROM test.timelines
$$;
SELECT value AS one_process FROM test.aggregates() \gset
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SELECT value AS parallel FROM test.aggregates() \gset
SELECT is(:'parallel'::text, :'one_process', 'parallel workers give what one process gives');
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET max_parallel_workers_per_gather;
SELECT is(user_profile.timelines_daily(NULL, '[2024-03-01 10:00+00,2024-03-03 10:00+00)', 'UTC', NULL)::text,
	'{"(2024-03-01,0,0,0,0,00:00:00,0)","(2024-03-02,0,0,0,0,00:00:00,0)","(2024-03-03,0,0,0,0,00:00:00,0)"}',
	'the days of a period without events');

--
-- One company is found by keys: nothing else is read, however much there is
--
CREATE FUNCTION test.plan(query text) RETURNS SETOF text
LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE 'EXPLAIN (COSTS off) ' || query;
END
$$;
INSERT INTO user_profile.companies (company_id) SELECT 'other' || i FROM generate_series(1, 5000) i;
INSERT INTO user_profile.users (user_id) SELECT 'other' || i FROM generate_series(1, 20000) i;
INSERT INTO user_profile.memberships (user_id, company_id, joined_at)
SELECT 'other' || i, 'other' || i % 400, '2024-01-01' FROM generate_series(1, 20000) i;
INSERT INTO user_profile.events (user_id, occurred_at, name)
SELECT 'other' || i, '2024-03-01'::timestamptz + i * interval '1 minute', 'x' FROM generate_series(1, 20000) i;
CALL user_profile.refresh();
VACUUM ANALYZE;
SET plan_cache_mode = force_generic_plan;
PREPARE overview (text, tstzrange) AS SELECT * FROM user_profile.companies_overview($2) WHERE company_id = $1;
PREPARE top_events (text, tstzrange) AS SELECT * FROM user_profile.companies_top_events($2) WHERE company_id = $1;
PREPARE top_pages (text, tstzrange) AS SELECT * FROM user_profile.companies_top_pages($2) WHERE company_id = $1;
PREPARE daily (text, tstzrange) AS SELECT * FROM user_profile.companies_daily($2) WHERE company_id = $1;
PREPARE nps (text, tstzrange) AS SELECT * FROM user_profile.companies_nps($2) WHERE company_id = $1;
PREPARE sentiment (text, tstzrange) AS SELECT * FROM user_profile.companies_sentiment($2) WHERE company_id = $1;
PREPARE engagement (text, tstzrange) AS SELECT * FROM user_profile.companies_engagement($2) WHERE company_id = $1;
PREPARE profiles (text, tstzrange) AS SELECT * FROM user_profile.company_profiles WHERE company_id = $1 AND $2 IS NOT NULL;
PREPARE users (text, tstzrange) AS SELECT * FROM user_profile.company_users WHERE company_id = $1 AND $2 IS NOT NULL;
SELECT is_empty(format($$SELECT line FROM test.plan('EXECUTE %s (''c1'', ''[2024-03-01,2024-04-01)'')') line
		WHERE line ~ 'Seq Scan on (timelines|memberships|companies|events)'$$, q),
	q || ' of one company reads no table as a whole')
FROM unnest('{overview,top_events,top_pages,daily,nps,sentiment,engagement,profiles,users}'::text[]) q;

SELECT * FROM finish();
