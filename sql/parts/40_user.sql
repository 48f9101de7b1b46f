-- Layer 2: the tabs of a user's profile, each defined once, for all users.
-- users_...(period) are inlined into the views and into the queries of the
-- functions for one user (src/user.c).

-- The header with all figures, for the view and for the export: joined once, as the planner knows
-- nothing of how many rows two unions of users have in common.
CREATE FUNCTION user_profile.users_headers()
RETURNS TABLE (
	user_id text, name text, email text, country text, company_id text, company_name text,
	first_seen_at timestamptz, last_seen_at timestamptz, sign_up_date timestamptz, sign_up_source text,
	total_sessions bigint, total_events bigint, tracked_events bigint, labeled_events bigint,
	feature_tag_events bigint, page_views bigint, content_interactions bigint,
	session_time interval, avg_session interval, median_session interval, active_days bigint,
	excluded boolean, exclusion_reason text, properties jsonb)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10000
BEGIN ATOMIC
SELECT u.user_id, u.name, u.email, u.country, m.company_id, m.name, s.first_at, s.last_at,
	COALESCE(u.signed_up_at, s.first_at),
	CASE WHEN u.signed_up_at IS NOT NULL THEN 'signed_up'
		WHEN s.first_at IS NOT NULL THEN 'first_seen' END,
	s.sessions, s.total_events, s.tracked_events, s.labeled_events,
	s.feature_tag_events, s.page_views, s.content_interactions,
	s.session_time, s.avg_session, s.median_session, s.active_days,
	x.user_id IS NOT NULL, x.reason, u.properties
FROM user_profile.users_timelines('-infinity') u
CROSS JOIN LATERAL user_profile.timeline_stats(u.timeline, '(,)') s
LEFT JOIN (
	SELECT DISTINCT ON (c.user_id) c.user_id, c.company_id, c.name
	FROM user_profile.users_companies c
	WHERE c.current
	ORDER BY c.user_id, c.joined_at DESC, c.company_id
) m ON m.user_id OPERATOR(pg_catalog.=) u.user_id
LEFT JOIN user_profile.excluded_users x ON x.user_id OPERATOR(pg_catalog.=) u.user_id;
END;
COMMENT ON FUNCTION user_profile.users_headers() IS
'Header of the profile of each user, with the figures of all time';

CREATE VIEW user_profile.user_profiles WITH (security_invoker = true) AS
SELECT h.user_id, h.name, h.email, h.country, h.company_id, h.company_name,
	h.total_sessions, h.total_events, h.first_seen_at, h.last_seen_at,
	h.sign_up_date, h.sign_up_source, h.excluded, h.exclusion_reason, h.properties
FROM user_profile.users_headers() h;
COMMENT ON VIEW user_profile.user_profiles IS
'Header of the profile of each user. company: the latest membership that has not ended. sign_up_source says whether sign_up_date is signed_up_at (signed_up) or the first event (first_seen)';

CREATE FUNCTION user_profile.users_overview(period tstzrange)
RETURNS TABLE (
	user_id text, total_events bigint, tracked_events bigint, labeled_events bigint,
	feature_tag_events bigint, page_views bigint, content_interactions bigint,
	sessions bigint, session_time interval, avg_session interval, median_session interval,
	active_days bigint, previous_total_events bigint, previous_sessions bigint,
	previous_avg_session interval)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10000
BEGIN ATOMIC
SELECT u.user_id, s.total_events, s.tracked_events, s.labeled_events,
	s.feature_tag_events, s.page_views, s.content_interactions,
	s.sessions, s.session_time, s.avg_session, s.median_session, s.active_days,
	p.total_events, p.sessions, p.avg_session
FROM user_profile.users_timelines(user_profile.first_needed_at(
	COALESCE(user_profile.previous_period(period), period))) u
CROSS JOIN LATERAL user_profile.timeline_stats(u.timeline, period) s
CROSS JOIN LATERAL user_profile.timeline_stats(u.timeline, user_profile.previous_period(period)) p
WHERE user_profile.check_period(period);
END;
COMMENT ON FUNCTION user_profile.users_overview(tstzrange) IS
'Overview of a period for each user. previous_...: the same for the period of equal length just before, NULL for an unbounded one';

CREATE VIEW user_profile.user_overviews WITH (security_invoker = true) AS
SELECT * FROM user_profile.users_overview(user_profile.default_period());
COMMENT ON VIEW user_profile.user_overviews IS
'Overview for each user of the period in the setting user_profile.period';

CREATE FUNCTION user_profile.users_top_events(period tstzrange)
RETURNS TABLE (user_id text, kind user_profile.event_kind, name text, occurrences bigint, last_at timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 100000
BEGIN ATOMIC
SELECT e.user_id, e.kind, e.name, pg_catalog.sum(e.occurrences)::bigint, pg_catalog.max(e.last_at)
FROM (
	SELECT t.user_id, y.kind, y.name, c.occurrences, c.last_at
	FROM user_profile.parts t
	CROSS JOIN LATERAL user_profile.timeline_event_counts(t.timeline, period) c
	JOIN user_profile.event_types y ON y.event_type_id OPERATOR(pg_catalog.=) c.event_type_id
	WHERE pg_catalog.tstzrange(t.first_at, t.last_at, '[]') OPERATOR(pg_catalog.&&) period
		AND y.kind IN ('tracked', 'labeled', 'feature_tag')
	UNION ALL
	SELECT p.user_id, p.kind, p.name, 1, p.occurred_at
	FROM user_profile.pending_events p
	WHERE user_profile.in_period(p.occurred_at, period)
		AND p.kind IN ('tracked', 'labeled', 'feature_tag')
) e
WHERE user_profile.check_period(period)
GROUP BY e.user_id, e.kind, e.name;
END;
COMMENT ON FUNCTION user_profile.users_top_events(tstzrange) IS
'For each user, how often each tracked, labeled or feature_tag event occurred in a period';

CREATE VIEW user_profile.user_top_events WITH (security_invoker = true) AS
SELECT * FROM user_profile.users_top_events(user_profile.default_period());
COMMENT ON VIEW user_profile.user_top_events IS
'How often each event occurred, for each user, in the period in the setting user_profile.period';

CREATE FUNCTION user_profile.users_top_pages(period tstzrange)
RETURNS TABLE (user_id text, page text, visits bigint, events bigint, last_at timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 100000
BEGIN ATOMIC
SELECT e.user_id, e.page, pg_catalog.sum(e.visits)::bigint, pg_catalog.sum(e.events)::bigint, pg_catalog.max(e.last_at)
FROM (
	SELECT t.user_id, g.page, c.visits, c.events, c.last_at
	FROM user_profile.parts t
	CROSS JOIN LATERAL user_profile.timeline_page_counts(t.timeline, period) c
	JOIN user_profile.pages g ON g.page_id OPERATOR(pg_catalog.=) c.page_id
	WHERE pg_catalog.tstzrange(t.first_at, t.last_at, '[]') OPERATOR(pg_catalog.&&) period
	UNION ALL
	SELECT p.user_id, p.page, (p.kind OPERATOR(pg_catalog.=) 'page_view')::integer, 1, p.occurred_at
	FROM user_profile.pending_events p
	WHERE user_profile.in_period(p.occurred_at, period) AND p.page IS NOT NULL
) e
WHERE user_profile.check_period(period)
GROUP BY e.user_id, e.page;
END;
COMMENT ON FUNCTION user_profile.users_top_pages(tstzrange) IS
'For each user, visits (page views) of each page in a period, and events of any kind on it';

CREATE VIEW user_profile.user_top_pages WITH (security_invoker = true) AS
SELECT * FROM user_profile.users_top_pages(user_profile.default_period());
COMMENT ON VIEW user_profile.user_top_pages IS
'Visits of each page, for each user, in the period in the setting user_profile.period';

CREATE FUNCTION user_profile.users_daily(period tstzrange, timezone text DEFAULT NULL)
RETURNS TABLE (user_id text, day date, total_events bigint, page_views bigint, sessions bigint, session_time interval)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 100000
BEGIN ATOMIC
SELECT u.user_id, d.day, d.total_events, d.page_views, d.sessions, d.session_time
FROM user_profile.users_timelines(user_profile.first_needed_at(period)) u
CROSS JOIN LATERAL user_profile.timeline_daily(u.timeline, period, timezone) d
WHERE user_profile.check_period(period);
END;
COMMENT ON FUNCTION user_profile.users_daily(tstzrange, text) IS
'For each user, figures of each local day of a period, zeros too; sessions by the day on which they start. timezone: NULL is the session''s';

CREATE VIEW user_profile.user_daily WITH (security_invoker = true) AS
SELECT * FROM user_profile.users_daily(user_profile.default_period());
COMMENT ON VIEW user_profile.user_daily IS
'Figures of each day, for each user, in the period in the setting user_profile.period, by the session time zone';

-- The page of a pending event stands with the event
CREATE FUNCTION user_profile.users_sessions(period tstzrange)
RETURNS TABLE (
	user_id text, session_number bigint, started_at timestamptz, ended_at timestamptz,
	duration interval, events bigint, entry_page text, exit_page text, replay_url text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 100000
BEGIN ATOMIC
SELECT t.user_id, s.session_number, s.started_at, s.ended_at, s.duration, s.events,
	CASE s.entry_page_id WHEN 2147483647 THEN (
		SELECT user_profile.event_page(e.kind, e.name, e.page) FROM user_profile.events e
		WHERE e.event_id OPERATOR(pg_catalog.=) s.entry_event_id)
	ELSE entry.page END,
	CASE s.exit_page_id WHEN 2147483647 THEN (
		SELECT user_profile.event_page(e.kind, e.name, e.page) FROM user_profile.events e
		WHERE e.event_id OPERATOR(pg_catalog.=) s.exit_event_id)
	ELSE exit.page END,
	(SELECT r.url FROM user_profile.session_replays r
		WHERE r.user_id OPERATOR(pg_catalog.=) t.user_id
			AND r.started_at OPERATOR(pg_catalog.>=) s.started_at
			AND r.started_at OPERATOR(pg_catalog.<=) s.ended_at
		ORDER BY r.started_at LIMIT 1)
FROM user_profile.live_timelines t
CROSS JOIN LATERAL user_profile.timeline_sessions(t.timeline) s
LEFT JOIN user_profile.pages entry ON entry.page_id OPERATOR(pg_catalog.=) s.entry_page_id
LEFT JOIN user_profile.pages exit ON exit.page_id OPERATOR(pg_catalog.=) s.exit_page_id
WHERE user_profile.check_period(period) AND user_profile.in_period(s.started_at, period);
END;
COMMENT ON FUNCTION user_profile.users_sessions(tstzrange) IS
'Sessions of each user that start in a period. session_number: 1 is the user''s first ever';

CREATE VIEW user_profile.user_sessions WITH (security_invoker = true) AS
SELECT * FROM user_profile.users_sessions('(,)');
COMMENT ON VIEW user_profile.user_sessions IS
'All sessions of each user. session_number: 1 is the user''s first ever';

-- Names come from the dictionaries, but for pending events, whose types are bare kinds, below 16.
-- The log has the properties, of which a sub-select asks only where they are wanted, and of the
-- rows that are left. OFFSET 0 makes look-ups by primary key at every size: the planner would
-- rather read some millions of events than look up a thousand.
CREATE FUNCTION user_profile.timeline_event_details(timeline user_profile.timeline, period tstzrange)
RETURNS TABLE (
	session_number bigint, event_id bigint, occurred_at timestamptz,
	kind user_profile.event_kind, name text, action text, page text, properties jsonb)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 200
BEGIN ATOMIC
SELECT x.session_number, x.event_id, x.occurred_at,
	COALESCE(y.kind, e.kind),
	COALESCE(NULLIF(y.name, ''), e.name, g.page),
	NULLIF(COALESCE(y.action, e.action), ''),
	COALESCE(g.page, user_profile.event_page(e.kind, e.name, e.page)),
	(SELECT d.properties FROM user_profile.events d WHERE d.event_id OPERATOR(pg_catalog.=) x.event_id)
FROM user_profile.timeline_events(timeline, period) x
LEFT JOIN LATERAL (
	SELECT e.kind, e.name, e.action, e.page
	FROM user_profile.events e
	WHERE e.event_id OPERATOR(pg_catalog.=) x.event_id
		AND x.event_type_id OPERATOR(pg_catalog.<) 16
	OFFSET 0
) e ON true
LEFT JOIN user_profile.event_types y ON y.event_type_id OPERATOR(pg_catalog.=) x.event_type_id
LEFT JOIN user_profile.pages g ON g.page_id OPERATOR(pg_catalog.=) x.page_id;
END;
COMMENT ON FUNCTION user_profile.timeline_event_details(user_profile.timeline, tstzrange) IS
'Events of a timeline in a period with their details: from the dictionaries, those of pending events and all properties from the log, where they may have been expired';

CREATE VIEW user_profile.user_events WITH (security_invoker = true) AS
SELECT t.user_id, d.session_number, d.event_id, d.occurred_at, d.kind, d.name, d.action, d.page, d.properties
FROM user_profile.live_timelines t
CROSS JOIN LATERAL user_profile.timeline_event_details(t.timeline, NULL) d;
COMMENT ON VIEW user_profile.user_events IS
'Every event of each user, with the number of its session';

-- Layer 3: the tabs of one user

CREATE FUNCTION user_profile.user_profile(user_id text)
RETURNS SETOF user_profile.user_profiles
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 1 COST 1000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.user_profile(text) IS
'Header of the profile of one user; no row for an unknown one. Columns as of the view user_profiles. Errors: null_value_not_allowed, invalid_parameter_value for an empty user_id';

CREATE FUNCTION user_profile.user_overview(
	user_id text, period tstzrange DEFAULT user_profile.last_days(30)
)
RETURNS TABLE (
	total_events bigint, tracked_events bigint, labeled_events bigint, feature_tag_events bigint,
	page_views bigint, content_interactions bigint, sessions bigint, session_time interval,
	avg_session interval, median_session interval, active_days bigint,
	previous_total_events bigint, previous_sessions bigint, previous_avg_session interval)
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 1 COST 1000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.user_overview(text, tstzrange) IS
'Overview of a period for one user; no row for an unknown one. total_events = tracked + labeled + feature_tag. Sessions that start in the period, with their whole lengths; average and median are NULL where there are none. active_days by the session time zone. previous_...: the same for the period of equal length just before, NULL for an unbounded one';

CREATE FUNCTION user_profile.user_top_events(
	user_id text, period tstzrange DEFAULT user_profile.last_days(30),
	search text DEFAULT NULL, max_rows integer DEFAULT 10
)
RETURNS TABLE (
	kind user_profile.event_kind, name text, occurrences bigint, last_at timestamptz)
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 10 COST 1000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.user_top_events(text, tstzrange, text, integer) IS
'The tracked, labeled and feature_tag events of one user in a period, most frequent first. search: a literal substring of the name, without regard to case; max_rows: NULL is no limit';

CREATE FUNCTION user_profile.user_top_pages(
	user_id text, period tstzrange DEFAULT user_profile.last_days(30),
	search text DEFAULT NULL, max_rows integer DEFAULT 10
)
RETURNS TABLE (
	page text, visits bigint, events bigint, last_at timestamptz)
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 10 COST 1000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.user_top_pages(text, tstzrange, text, integer) IS
'The pages of one user in a period, most visited first: visits are page views, events those of any kind on the page. search: a literal substring of the page, without regard to case; max_rows: NULL is no limit';

CREATE FUNCTION user_profile.user_daily(
	user_id text, period tstzrange DEFAULT user_profile.last_days(30), timezone text DEFAULT NULL
)
RETURNS TABLE (
	day date, total_events bigint, page_views bigint, sessions bigint, session_time interval)
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 31 COST 1000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.user_daily(text, tstzrange, text) IS
'Figures of each local day of a period for one user, zeros too; where the period is unbounded, from the first or to the last event of it. timezone: NULL is the session''s';

CREATE FUNCTION user_profile.user_sessions(
	user_id text, period tstzrange DEFAULT user_profile.last_days(30)
)
RETURNS TABLE (
	session_number bigint, started_at timestamptz, ended_at timestamptz, duration interval,
	events bigint, entry_page text, exit_page text, replay_url text)
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 20 COST 1000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.user_sessions(text, tstzrange) IS
'Sessions of one user that start in a period. session_number: 1 is the user''s first ever. entry_page and exit_page: of the first and the last event that has a page. replay_url: of the first recording that starts within the session';

CREATE FUNCTION user_profile.session_events(user_id text, started_at timestamptz)
RETURNS TABLE (
	event_id bigint, occurred_at timestamptz, kind user_profile.event_kind, name text,
	action text, page text, properties jsonb)
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 20 COST 1000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.session_events(text, timestamptz) IS
'Events of the session of one user that spans started_at, such as its own start or that of a recording';

CREATE FUNCTION user_profile.user_companies(user_id text)
RETURNS TABLE (
	company_id text, name text, joined_at timestamptz, left_at timestamptz, current boolean)
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 2 COST 1000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.user_companies(text) IS
'Companies of one user, current ones first';

