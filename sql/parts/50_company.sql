-- Layer 2: the tabs of a company's profile, each defined once, for all companies.
-- companies_...(period) are inlined into the views and into the queries of the
-- functions for one company (src/company.c).
--
-- A company's figures cover the members that it has now and that are not
-- excluded. Where pending events are concerned they are joined to members before
-- they are folded, and all else is joined to members by the keys of memberships
-- and timelines: so one company costs what its members cost, whatever else there is.

CREATE FUNCTION user_profile.companies_members(with_excluded boolean)
RETURNS TABLE (company_id text, user_id text, joined_at timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10000
BEGIN ATOMIC
SELECT m.company_id, m.user_id, m.joined_at
FROM user_profile.included_members m
WHERE NOT with_excluded
UNION ALL
SELECT m.company_id, m.user_id, m.joined_at
FROM user_profile.current_members m
WHERE with_excluded;
END;
COMMENT ON FUNCTION user_profile.companies_members(boolean) IS
'Users that are members of companies now, with or without those that are excluded';

-- Members with nothing pending, and with pending events: as timelines_since(),
-- whose comment says why. One row a member, so that members are counted by it.
CREATE FUNCTION user_profile.companies_timelines(since timestamptz, with_excluded boolean DEFAULT false)
RETURNS TABLE (company_id text, user_id text, timeline user_profile.timeline)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10000
BEGIN ATOMIC
SELECT m.company_id, m.user_id, CASE
	WHEN NOT t.open THEN user_profile.user_timeline(t.user_id, (SELECT since), t.timeline, NULL)
	WHEN t.last_at OPERATOR(pg_catalog.>=) (SELECT since) THEN t.timeline END
FROM user_profile.companies_members(with_excluded) m
LEFT JOIN user_profile.parts t ON t.user_id OPERATOR(pg_catalog.=) m.user_id
	AND t.part OPERATOR(pg_catalog.=) 0
WHERE user_profile.is_folded(m.user_id)
UNION ALL
SELECT p.company_id, p.user_id, user_profile.user_timeline(p.user_id, (SELECT since), NULL, p.timeline)
FROM (
	SELECT m.company_id, m.user_id, user_profile.timeline_agg(e.occurred_at,
		user_profile.event_kind_number(e.kind),
		CASE WHEN e.page IS NOT NULL THEN 2147483647 END, e.event_id) AS timeline
	FROM user_profile.pending_events e
	JOIN user_profile.companies_members(with_excluded) m ON m.user_id OPERATOR(pg_catalog.=) e.user_id
	GROUP BY m.company_id, m.user_id
) p;
END;
COMMENT ON FUNCTION user_profile.companies_timelines(timestamptz, boolean) IS
'One row per company and member, with the timeline: pending events included, without parts that end before since, NULL where there is no other; excluded members only where with_excluded';

CREATE VIEW user_profile.company_profiles WITH (security_invoker = true) AS
SELECT c.company_id, c.name, COALESCE(t.users, 0) AS users,
	COALESCE((t.stats).sessions, 0) AS total_sessions,
	(t.stats).first_at AS first_seen_at, (t.stats).last_at AS last_seen_at,
	COALESCE(c.signed_up_at, (t.stats).first_at) AS sign_up_date,
	CASE WHEN c.signed_up_at IS NOT NULL THEN 'signed_up'
		WHEN (t.stats).first_at IS NOT NULL THEN 'first_seen' END AS sign_up_source,
	c.properties, COALESCE((t.stats).total_events, 0) AS total_events
FROM user_profile.live_companies c
LEFT JOIN (
	SELECT i.company_id, pg_catalog.count(*) AS users,
		user_profile.timelines_stats(i.timeline, '(,)') AS stats
	FROM user_profile.companies_timelines('-infinity') i
	GROUP BY i.company_id
) t ON t.company_id OPERATOR(pg_catalog.=) c.company_id;
COMMENT ON VIEW user_profile.company_profiles IS
'Header of the profile of each company: its members now (users), without excluded ones, and what they ever did. sign_up_source says whether sign_up_date is signed_up_at (signed_up) or the first event of a member (first_seen)';

CREATE FUNCTION user_profile.companies_overview(period tstzrange)
RETURNS TABLE (
	company_id text, users bigint, active_users bigint,
	total_events bigint, tracked_events bigint, labeled_events bigint,
	feature_tag_events bigint, page_views bigint, content_interactions bigint,
	sessions bigint, session_time interval, avg_session interval, median_session interval,
	active_days bigint, previous_total_events bigint, previous_sessions bigint,
	previous_avg_session interval)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1000
BEGIN ATOMIC
SELECT c.company_id, COALESCE(s.users, 0), COALESCE((s.during).active_users, 0),
	COALESCE((s.during).total_events, 0), COALESCE((s.during).tracked_events, 0),
	COALESCE((s.during).labeled_events, 0), COALESCE((s.during).feature_tag_events, 0),
	COALESCE((s.during).page_views, 0), COALESCE((s.during).content_interactions, 0),
	COALESCE((s.during).sessions, 0), (s.during).session_time, (s.during).avg_session,
	(s.during).median_session, COALESCE((s.during).active_days, 0),
	CASE WHEN b.bounded THEN COALESCE((s.before).total_events, 0) END,
	CASE WHEN b.bounded THEN COALESCE((s.before).sessions, 0) END,
	(s.before).avg_session
FROM user_profile.live_companies c
CROSS JOIN (SELECT user_profile.previous_period(period) IS NOT NULL AS bounded) b
LEFT JOIN (
	SELECT t.company_id, pg_catalog.count(*) AS users,
		user_profile.timelines_stats(t.timeline, period) AS during,
		CASE WHEN (SELECT user_profile.previous_period(period)) IS NOT NULL THEN
			user_profile.timelines_stats(t.timeline, (SELECT user_profile.previous_period(period)))
				FILTER (WHERE (SELECT user_profile.previous_period(period)) IS NOT NULL) END AS before
	FROM user_profile.companies_timelines(user_profile.first_needed_at(
		COALESCE(user_profile.previous_period(period), period))) t
	GROUP BY t.company_id
) s ON s.company_id OPERATOR(pg_catalog.=) c.company_id
WHERE user_profile.check_period(period);
END;
COMMENT ON FUNCTION user_profile.companies_overview(tstzrange) IS
'Overview of a period for each company, over its members. users: the members; active_users: those with an event in the period. previous_...: the same for the period of equal length just before, NULL for an unbounded one';

CREATE VIEW user_profile.company_overviews WITH (security_invoker = true) AS
SELECT * FROM user_profile.companies_overview(user_profile.default_period());
COMMENT ON VIEW user_profile.company_overviews IS
'Overview for each company of the period in the setting user_profile.period';

-- Counting needs no whole timelines, so parts go into the aggregate as they are
CREATE FUNCTION user_profile.companies_top_events(period tstzrange)
RETURNS TABLE (company_id text, kind user_profile.event_kind, name text, occurrences bigint, last_at timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10000
BEGIN ATOMIC
SELECT e.company_id, e.kind, e.name, pg_catalog.sum(e.occurrences)::bigint, pg_catalog.max(e.last_at)
FROM (
	SELECT a.company_id, y.kind, y.name, c.occurrences, c.last_at
	FROM (
		SELECT m.company_id, user_profile.timelines_event_counts(t.timeline, period) AS counts
		FROM user_profile.included_members m
		JOIN user_profile.parts t ON t.user_id OPERATOR(pg_catalog.=) m.user_id
		WHERE t.last_at OPERATOR(pg_catalog.>=) (SELECT COALESCE(pg_catalog.lower(period), '-infinity'))
			AND t.first_at OPERATOR(pg_catalog.<=) (SELECT COALESCE(pg_catalog.upper(period), 'infinity'))
		GROUP BY m.company_id
	) a
	CROSS JOIN LATERAL pg_catalog.unnest(a.counts) c
	JOIN user_profile.event_types y ON y.event_type_id OPERATOR(pg_catalog.=) c.event_type_id
	WHERE y.kind IN ('tracked', 'labeled', 'feature_tag')
	UNION ALL
	SELECT m.company_id, p.kind, p.name, 1, p.occurred_at
	FROM user_profile.pending_events p
	JOIN user_profile.included_members m ON m.user_id OPERATOR(pg_catalog.=) p.user_id
	WHERE user_profile.in_period(p.occurred_at, period)
		AND p.kind IN ('tracked', 'labeled', 'feature_tag')
) e
WHERE user_profile.check_period(period)
GROUP BY e.company_id, e.kind, e.name;
END;
COMMENT ON FUNCTION user_profile.companies_top_events(tstzrange) IS
'For each company, how often each tracked, labeled or feature_tag event of its members occurred in a period';

CREATE VIEW user_profile.company_top_events WITH (security_invoker = true) AS
SELECT * FROM user_profile.companies_top_events(user_profile.default_period());
COMMENT ON VIEW user_profile.company_top_events IS
'How often each event occurred, for each company, in the period in the setting user_profile.period';

CREATE FUNCTION user_profile.companies_top_pages(period tstzrange)
RETURNS TABLE (company_id text, page text, visits bigint, events bigint, last_at timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10000
BEGIN ATOMIC
SELECT e.company_id, e.page, pg_catalog.sum(e.visits)::bigint, pg_catalog.sum(e.events)::bigint, pg_catalog.max(e.last_at)
FROM (
	SELECT a.company_id, g.page, c.visits, c.events, c.last_at
	FROM (
		SELECT m.company_id, user_profile.timelines_page_counts(t.timeline, period) AS counts
		FROM user_profile.included_members m
		JOIN user_profile.parts t ON t.user_id OPERATOR(pg_catalog.=) m.user_id
		WHERE t.last_at OPERATOR(pg_catalog.>=) (SELECT COALESCE(pg_catalog.lower(period), '-infinity'))
			AND t.first_at OPERATOR(pg_catalog.<=) (SELECT COALESCE(pg_catalog.upper(period), 'infinity'))
		GROUP BY m.company_id
	) a
	CROSS JOIN LATERAL pg_catalog.unnest(a.counts) c
	JOIN user_profile.pages g ON g.page_id OPERATOR(pg_catalog.=) c.page_id
	UNION ALL
	SELECT m.company_id, p.page, (p.kind OPERATOR(pg_catalog.=) 'page_view')::integer, 1, p.occurred_at
	FROM user_profile.pending_events p
	JOIN user_profile.included_members m ON m.user_id OPERATOR(pg_catalog.=) p.user_id
	WHERE user_profile.in_period(p.occurred_at, period) AND p.page IS NOT NULL
) e
WHERE user_profile.check_period(period)
GROUP BY e.company_id, e.page;
END;
COMMENT ON FUNCTION user_profile.companies_top_pages(tstzrange) IS
'For each company, visits (page views) of each page by its members in a period, and events of any kind on it';

CREATE VIEW user_profile.company_top_pages WITH (security_invoker = true) AS
SELECT * FROM user_profile.companies_top_pages(user_profile.default_period());
COMMENT ON VIEW user_profile.company_top_pages IS
'Visits of each page, for each company, in the period in the setting user_profile.period';

CREATE FUNCTION user_profile.companies_daily(period tstzrange, timezone text DEFAULT NULL)
RETURNS TABLE (
	company_id text, day date, total_events bigint, page_views bigint, sessions bigint,
	session_time interval, active_users bigint)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10000
BEGIN ATOMIC
SELECT a.company_id, d.day, d.total_events, d.page_views, d.sessions, d.session_time, d.active_users
FROM (
	SELECT c.company_id, user_profile.timelines_daily(t.timeline, period, timezone, NULL) AS days
	FROM user_profile.live_companies c
	LEFT JOIN user_profile.companies_timelines(user_profile.first_needed_at(period)) t
		ON t.company_id OPERATOR(pg_catalog.=) c.company_id
	GROUP BY c.company_id
) a
CROSS JOIN LATERAL pg_catalog.unnest(a.days) d
WHERE user_profile.check_period(period);
END;
COMMENT ON FUNCTION user_profile.companies_daily(tstzrange, text) IS
'For each company, figures of its members for each local day of a period, zeros too; sessions by the day on which they start. timezone: NULL is the session''s';

CREATE VIEW user_profile.company_daily WITH (security_invoker = true) AS
SELECT * FROM user_profile.companies_daily(user_profile.default_period());
COMMENT ON VIEW user_profile.company_daily IS
'Figures of each day, for each company, in the period in the setting user_profile.period, by the session time zone';

-- Grouped rather than joined: the planner takes a company for a small one, and
-- would compare each of its members with each timeline
CREATE VIEW user_profile.company_users WITH (security_invoker = true) AS
SELECT g.company_id, g.user_id, u.name, u.email, g.joined_at,
	(g.stats).last_at AS last_seen_at, (g.stats).sessions AS total_sessions,
	NOT g.included AS excluded
FROM (
	SELECT m.company_id, m.user_id, pg_catalog.max(m.joined_at) AS joined_at,
		pg_catalog.bool_or(m.included) AS included,
		user_profile.timelines_stats(m.timeline, '(,)') AS stats
	FROM (
		SELECT c.company_id, c.user_id, c.joined_at, false AS included, NULL::user_profile.timeline AS timeline
		FROM user_profile.companies_members(true) c
		UNION ALL
		SELECT i.company_id, i.user_id, NULL, true, NULL
		FROM user_profile.included_members i
		UNION ALL
		SELECT t.company_id, t.user_id, NULL, false, t.timeline
		FROM user_profile.companies_timelines('-infinity', true) t
	) m
	GROUP BY m.company_id, m.user_id
) g
LEFT JOIN user_profile.users u ON u.user_id OPERATOR(pg_catalog.=) g.user_id;
COMMENT ON VIEW user_profile.company_users IS
'The users that each company has now, with those that are excluded from its figures (excluded says so)';

CREATE FUNCTION user_profile.companies_sentiment(period tstzrange)
RETURNS TABLE (
	company_id text, user_id text, event_id bigint, answered_at timestamptz,
	kind user_profile.event_kind, name text, score integer, category text, question text,
	answer text, comment text, page text, session_started_at timestamptz, properties jsonb,
	answer_number bigint)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10000
BEGIN ATOMIC
SELECT t.company_id, t.user_id, d.event_id, d.answered_at, d.kind, d.name, d.score, d.category,
	d.question, d.answer, d.comment, d.page, d.session_started_at, d.properties, d.answer_number
FROM user_profile.companies_timelines('-infinity') t
CROSS JOIN LATERAL user_profile.timeline_answer_details(t.timeline, period) d
WHERE user_profile.check_period(period);
END;
COMMENT ON FUNCTION user_profile.companies_sentiment(tstzrange) IS
'For each company, what its members answered in a period; columns as of user_sentiment';

CREATE FUNCTION user_profile.nps_score(responses bigint, promoters bigint, detractors bigint) RETURNS numeric
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN pg_catalog.round(100
	OPERATOR(pg_catalog.*) (promoters OPERATOR(pg_catalog.-) detractors)::numeric
	OPERATOR(pg_catalog./) NULLIF(responses, 0)::numeric, 1);
COMMENT ON FUNCTION user_profile.nps_score(bigint, bigint, bigint) IS
'Percentage of promoters less that of detractors, to one decimal; NULL where there are no responses';

-- Answers are few: those that are folded have an index of their own, by user
CREATE FUNCTION user_profile.companies_nps(period tstzrange)
RETURNS TABLE (
	company_id text, responses bigint, promoters bigint, passives bigint, detractors bigint,
	score numeric)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1000
BEGIN ATOMIC
SELECT c.company_id, COALESCE(a.responses, 0), COALESCE(a.promoters, 0), COALESCE(a.passives, 0),
	COALESCE(a.detractors, 0), user_profile.nps_score(a.responses, a.promoters, a.detractors)
FROM user_profile.live_companies c
LEFT JOIN (
	SELECT r.company_id, pg_catalog.count(r.category) AS responses,
		pg_catalog.count(*) FILTER (WHERE r.category OPERATOR(pg_catalog.=) 'promoter') AS promoters,
		pg_catalog.count(*) FILTER (WHERE r.category OPERATOR(pg_catalog.=) 'passive') AS passives,
		pg_catalog.count(*) FILTER (WHERE r.category OPERATOR(pg_catalog.=) 'detractor') AS detractors
	FROM (
		SELECT m.company_id, user_profile.nps_category(user_profile.answer_score(e.properties)) AS category
		FROM user_profile.included_members m
		JOIN user_profile.folded_events e ON e.user_id OPERATOR(pg_catalog.=) m.user_id
		WHERE e.kind OPERATOR(pg_catalog.=) 'nps' AND e.occurred_at OPERATOR(pg_catalog.<@) period
		UNION ALL
		SELECT m.company_id, user_profile.nps_category(user_profile.answer_score(p.properties))
		FROM user_profile.pending_events p
		JOIN user_profile.included_members m ON m.user_id OPERATOR(pg_catalog.=) p.user_id
		WHERE p.kind OPERATOR(pg_catalog.=) 'nps' AND user_profile.in_period(p.occurred_at, period)
	) r
	GROUP BY r.company_id
) a ON a.company_id OPERATOR(pg_catalog.=) c.company_id
WHERE user_profile.check_period(period);
END;
COMMENT ON FUNCTION user_profile.companies_nps(tstzrange) IS
'NPS of each company: the scores that its members gave in a period (responses), by category, and score = % promoters - % detractors, to one decimal, NULL where there are no responses';

CREATE VIEW user_profile.company_nps WITH (security_invoker = true) AS
SELECT * FROM user_profile.companies_nps(user_profile.default_period());
COMMENT ON VIEW user_profile.company_nps IS
'NPS of each company in the period in the setting user_profile.period';

CREATE FUNCTION user_profile.companies_engagement(period tstzrange)
RETURNS TABLE (
	company_id text, kind user_profile.event_kind, name text, users bigint, interactions bigint,
	completed_users bigint)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1000
BEGIN ATOMIC
SELECT t.company_id, d.kind, d.name, pg_catalog.count(DISTINCT t.user_id),
	pg_catalog.sum(d.interactions)::bigint,
	pg_catalog.count(DISTINCT t.user_id) FILTER (WHERE d.action OPERATOR(pg_catalog.=) 'completed')
FROM user_profile.companies_timelines(user_profile.first_needed_at(period)) t
CROSS JOIN LATERAL user_profile.timeline_interaction_details(t.timeline, period) d
WHERE user_profile.check_period(period)
GROUP BY t.company_id, d.kind, d.name;
END;
COMMENT ON FUNCTION user_profile.companies_engagement(tstzrange) IS
'For each company, the in-app content that its members met in a period: how many of them, how often, and how many completed it';

-- The workspace: all users that are not excluded. Its functions are inlined into
-- the query that calls them, as planning is nothing beside the work, and as they
-- can have parallel workers then.

CREATE FUNCTION user_profile.workspace_timelines(since timestamptz)
RETURNS TABLE (user_id text, timeline user_profile.timeline)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10000
BEGIN ATOMIC
SELECT t.user_id, t.timeline
FROM user_profile.timelines_since(since) t
WHERE NOT EXISTS (SELECT FROM user_profile.excluded_user_ids() AS x (user_id)
	WHERE x.user_id OPERATOR(pg_catalog.=) t.user_id);
END;
COMMENT ON FUNCTION user_profile.workspace_timelines(timestamptz) IS
'One timeline per user that is not excluded, pending events included, without parts that end before since';

CREATE FUNCTION user_profile.workspace_overview(period tstzrange DEFAULT user_profile.last_days(30))
RETURNS TABLE (
	users bigint, active_users bigint,
	total_events bigint, tracked_events bigint, labeled_events bigint,
	feature_tag_events bigint, page_views bigint, content_interactions bigint,
	sessions bigint, session_time interval, avg_session interval, median_session interval,
	active_days bigint, previous_total_events bigint, previous_sessions bigint,
	previous_avg_session interval)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
BEGIN ATOMIC
SELECT u.users, (s.during).active_users,
	(s.during).total_events, (s.during).tracked_events, (s.during).labeled_events,
	(s.during).feature_tag_events, (s.during).page_views, (s.during).content_interactions,
	(s.during).sessions, (s.during).session_time, (s.during).avg_session, (s.during).median_session,
	(s.during).active_days, (s.before).total_events, (s.before).sessions, (s.before).avg_session
FROM (
	SELECT user_profile.timelines_stats(t.timeline, period) AS during,
		CASE WHEN (SELECT user_profile.previous_period(period)) IS NOT NULL THEN
			user_profile.timelines_stats(t.timeline, (SELECT user_profile.previous_period(period)))
				FILTER (WHERE (SELECT user_profile.previous_period(period)) IS NOT NULL) END AS before
	FROM user_profile.workspace_timelines(user_profile.first_needed_at(
		COALESCE(user_profile.previous_period(period), period))) t
) s
CROSS JOIN (
	SELECT pg_catalog.count(*) AS users
	FROM user_profile.live_users l
	WHERE NOT EXISTS (SELECT FROM user_profile.excluded_user_ids() AS x (user_id)
		WHERE x.user_id OPERATOR(pg_catalog.=) l.user_id)
) u
WHERE user_profile.check_period(period);
END;
COMMENT ON FUNCTION user_profile.workspace_overview(tstzrange) IS
'Overview of a period over all users that are not excluded; columns as of company_overview()';

CREATE FUNCTION user_profile.workspace_top_events(
	period tstzrange DEFAULT user_profile.last_days(30),
	search text DEFAULT NULL, max_rows integer DEFAULT 10
)
RETURNS TABLE (kind user_profile.event_kind, name text, occurrences bigint, last_at timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
BEGIN ATOMIC
SELECT e.kind, e.name, pg_catalog.sum(e.occurrences)::bigint AS occurrences, pg_catalog.max(e.last_at) AS last_at
FROM (
	SELECT y.kind, y.name, c.occurrences, c.last_at
	FROM (
		SELECT user_profile.timelines_event_counts(t.timeline, period) AS counts
		FROM user_profile.parts t
		WHERE t.last_at OPERATOR(pg_catalog.>=) (SELECT COALESCE(pg_catalog.lower(period), '-infinity'))
			AND t.first_at OPERATOR(pg_catalog.<=) (SELECT COALESCE(pg_catalog.upper(period), 'infinity'))
			AND NOT EXISTS (SELECT FROM user_profile.excluded_user_ids() AS x (user_id)
				WHERE x.user_id OPERATOR(pg_catalog.=) t.user_id)
	) a
	CROSS JOIN LATERAL pg_catalog.unnest(a.counts) c
	JOIN user_profile.event_types y ON y.event_type_id OPERATOR(pg_catalog.=) c.event_type_id
	WHERE y.kind IN ('tracked', 'labeled', 'feature_tag')
	UNION ALL
	SELECT p.kind, p.name, 1, p.occurred_at
	FROM user_profile.pending_events p
	WHERE user_profile.in_period(p.occurred_at, period)
		AND p.kind IN ('tracked', 'labeled', 'feature_tag')
		AND NOT EXISTS (SELECT FROM user_profile.excluded_user_ids() AS x (user_id)
			WHERE x.user_id OPERATOR(pg_catalog.=) p.user_id)
) e
WHERE user_profile.check_period(period) AND user_profile.search_matches(e.name, search)
GROUP BY e.kind, e.name
ORDER BY occurrences DESC, last_at DESC, e.kind, e.name
LIMIT max_rows;
END;
COMMENT ON FUNCTION user_profile.workspace_top_events(tstzrange, text, integer) IS
'The tracked, labeled and feature_tag events of all users that are not excluded in a period, most frequent first. search: a literal substring of the name, without regard to case; max_rows: NULL is no limit';

CREATE FUNCTION user_profile.workspace_top_pages(
	period tstzrange DEFAULT user_profile.last_days(30),
	search text DEFAULT NULL, max_rows integer DEFAULT 10
)
RETURNS TABLE (page text, visits bigint, events bigint, last_at timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
BEGIN ATOMIC
SELECT e.page, pg_catalog.sum(e.visits)::bigint AS visits, pg_catalog.sum(e.events)::bigint AS events,
	pg_catalog.max(e.last_at) AS last_at
FROM (
	SELECT g.page, c.visits, c.events, c.last_at
	FROM (
		SELECT user_profile.timelines_page_counts(t.timeline, period) AS counts
		FROM user_profile.parts t
		WHERE t.last_at OPERATOR(pg_catalog.>=) (SELECT COALESCE(pg_catalog.lower(period), '-infinity'))
			AND t.first_at OPERATOR(pg_catalog.<=) (SELECT COALESCE(pg_catalog.upper(period), 'infinity'))
			AND NOT EXISTS (SELECT FROM user_profile.excluded_user_ids() AS x (user_id)
				WHERE x.user_id OPERATOR(pg_catalog.=) t.user_id)
	) a
	CROSS JOIN LATERAL pg_catalog.unnest(a.counts) c
	JOIN user_profile.pages g ON g.page_id OPERATOR(pg_catalog.=) c.page_id
	UNION ALL
	SELECT p.page, (p.kind OPERATOR(pg_catalog.=) 'page_view')::integer, 1, p.occurred_at
	FROM user_profile.pending_events p
	WHERE user_profile.in_period(p.occurred_at, period) AND p.page IS NOT NULL
		AND NOT EXISTS (SELECT FROM user_profile.excluded_user_ids() AS x (user_id)
			WHERE x.user_id OPERATOR(pg_catalog.=) p.user_id)
) e
WHERE user_profile.check_period(period) AND user_profile.search_matches(e.page, search)
GROUP BY e.page
ORDER BY visits DESC, events DESC, last_at DESC, e.page
LIMIT max_rows;
END;
COMMENT ON FUNCTION user_profile.workspace_top_pages(tstzrange, text, integer) IS
'The pages of all users that are not excluded in a period, most visited first: visits are page views, events those of any kind on the page. search: a literal substring of the page, without regard to case; max_rows: NULL is no limit';

CREATE FUNCTION user_profile.workspace_daily(
	period tstzrange DEFAULT user_profile.last_days(30), timezone text DEFAULT NULL
)
RETURNS TABLE (
	day date, total_events bigint, page_views bigint, sessions bigint, session_time interval,
	active_users bigint)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 31
BEGIN ATOMIC
SELECT d.day, d.total_events, d.page_views, d.sessions, d.session_time, d.active_users
FROM (
	SELECT user_profile.timelines_daily(t.timeline, period, timezone, NULL) AS days
	FROM (
		SELECT w.timeline
		FROM user_profile.workspace_timelines(user_profile.first_needed_at(period)) w
		UNION ALL
		SELECT NULL
	) t
) a
CROSS JOIN LATERAL pg_catalog.unnest(a.days) d
WHERE user_profile.check_period(period)
ORDER BY d.day;
END;
COMMENT ON FUNCTION user_profile.workspace_daily(tstzrange, text) IS
'Figures of all users that are not excluded for each local day of a period, zeros too; where the period is unbounded, from the first or to the last event of it. timezone: NULL is the session''s';

CREATE FUNCTION user_profile.workspace_sentiment(period tstzrange DEFAULT user_profile.last_days(30))
RETURNS TABLE (
	user_id text, event_id bigint, answered_at timestamptz,
	kind user_profile.event_kind, name text, score integer, category text, question text,
	answer text, comment text, page text, session_started_at timestamptz, properties jsonb,
	answer_number bigint)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10000
BEGIN ATOMIC
SELECT t.user_id, d.event_id, d.answered_at, d.kind, d.name, d.score, d.category,
	d.question, d.answer, d.comment, d.page, d.session_started_at, d.properties, d.answer_number
FROM user_profile.workspace_timelines('-infinity') t
CROSS JOIN LATERAL user_profile.timeline_answer_details(t.timeline, period) d
WHERE user_profile.check_period(period);
END;
COMMENT ON FUNCTION user_profile.workspace_sentiment(tstzrange) IS
'What all users that are not excluded answered in a period; columns as of user_sentiment';

CREATE FUNCTION user_profile.workspace_nps(period tstzrange DEFAULT user_profile.last_days(30))
RETURNS TABLE (responses bigint, promoters bigint, passives bigint, detractors bigint, score numeric)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
BEGIN ATOMIC
SELECT a.responses, a.promoters, a.passives, a.detractors,
	user_profile.nps_score(a.responses, a.promoters, a.detractors)
FROM (
	SELECT pg_catalog.count(r.category) AS responses,
		pg_catalog.count(*) FILTER (WHERE r.category OPERATOR(pg_catalog.=) 'promoter') AS promoters,
		pg_catalog.count(*) FILTER (WHERE r.category OPERATOR(pg_catalog.=) 'passive') AS passives,
		pg_catalog.count(*) FILTER (WHERE r.category OPERATOR(pg_catalog.=) 'detractor') AS detractors
	FROM (
		SELECT e.user_id, user_profile.nps_category(user_profile.answer_score(e.properties)) AS category
		FROM user_profile.folded_events e
		WHERE e.kind OPERATOR(pg_catalog.=) 'nps' AND e.occurred_at OPERATOR(pg_catalog.<@) period
		UNION ALL
		SELECT p.user_id, user_profile.nps_category(user_profile.answer_score(p.properties))
		FROM user_profile.pending_events p
		WHERE p.kind OPERATOR(pg_catalog.=) 'nps' AND user_profile.in_period(p.occurred_at, period)
	) r
	WHERE NOT EXISTS (SELECT FROM user_profile.excluded_user_ids() AS x (user_id)
		WHERE x.user_id OPERATOR(pg_catalog.=) r.user_id)
) a
WHERE user_profile.check_period(period);
END;
COMMENT ON FUNCTION user_profile.workspace_nps(tstzrange) IS
'NPS of all users that are not excluded in a period; columns as of company_nps()';

CREATE FUNCTION user_profile.workspace_engagement(period tstzrange DEFAULT user_profile.last_days(30))
RETURNS TABLE (kind user_profile.event_kind, name text, users bigint, interactions bigint, completed_users bigint)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 20
BEGIN ATOMIC
SELECT d.kind, d.name, pg_catalog.count(DISTINCT t.user_id), pg_catalog.sum(d.interactions)::bigint,
	pg_catalog.count(DISTINCT t.user_id) FILTER (WHERE d.action OPERATOR(pg_catalog.=) 'completed')
FROM user_profile.workspace_timelines(user_profile.first_needed_at(period)) t
CROSS JOIN LATERAL user_profile.timeline_interaction_details(t.timeline, period) d
WHERE user_profile.check_period(period)
GROUP BY d.kind, d.name;
END;
COMMENT ON FUNCTION user_profile.workspace_engagement(tstzrange) IS
'The in-app content that users that are not excluded met in a period; columns as of company_engagement()';

-- Layer 3: the tabs of one company

CREATE FUNCTION user_profile.company_profile(company_id text)
RETURNS SETOF user_profile.company_profiles
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 1 COST 10000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.company_profile(text) IS
'Header of the profile of one company; no row for an unknown one. Columns as of the view company_profiles. Errors: null_value_not_allowed, invalid_parameter_value for an empty company_id';

CREATE FUNCTION user_profile.company_overview(
	company_id text, period tstzrange DEFAULT user_profile.last_days(30)
)
RETURNS TABLE (
	users bigint, active_users bigint,
	total_events bigint, tracked_events bigint, labeled_events bigint, feature_tag_events bigint,
	page_views bigint, content_interactions bigint, sessions bigint, session_time interval,
	avg_session interval, median_session interval, active_days bigint,
	previous_total_events bigint, previous_sessions bigint, previous_avg_session interval)
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 1 COST 10000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.company_overview(text, tstzrange) IS
'Overview of a period for one company, over the members that it has now and that are not excluded; no row for an unknown one. users: these members; active_users: those with an event in the period; active_days: days with an event of anybody, by the session time zone; the rest as of user_overview(), averages and medians over all sessions';

CREATE FUNCTION user_profile.company_top_events(
	company_id text, period tstzrange DEFAULT user_profile.last_days(30),
	search text DEFAULT NULL, max_rows integer DEFAULT 10
)
RETURNS TABLE (
	kind user_profile.event_kind, name text, occurrences bigint, last_at timestamptz)
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 10 COST 10000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.company_top_events(text, tstzrange, text, integer) IS
'The tracked, labeled and feature_tag events of one company in a period, most frequent first. search: a literal substring of the name, without regard to case; max_rows: NULL is no limit';

CREATE FUNCTION user_profile.company_top_pages(
	company_id text, period tstzrange DEFAULT user_profile.last_days(30),
	search text DEFAULT NULL, max_rows integer DEFAULT 10
)
RETURNS TABLE (
	page text, visits bigint, events bigint, last_at timestamptz)
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 10 COST 10000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.company_top_pages(text, tstzrange, text, integer) IS
'The pages of one company in a period, most visited first: visits are page views, events those of any kind on the page. search: a literal substring of the page, without regard to case; max_rows: NULL is no limit';

CREATE FUNCTION user_profile.company_daily(
	company_id text, period tstzrange DEFAULT user_profile.last_days(30), timezone text DEFAULT NULL
)
RETURNS TABLE (
	day date, total_events bigint, page_views bigint, sessions bigint, session_time interval,
	active_users bigint)
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 31 COST 10000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.company_daily(text, tstzrange, text) IS
'Figures of each local day of a period for one company, zeros too; where the period is unbounded, from the first or to the last event of it. timezone: NULL is the session''s';

CREATE FUNCTION user_profile.company_users(
	company_id text, search text DEFAULT NULL, max_rows integer DEFAULT 10
)
RETURNS TABLE (
	user_id text, name text, email text, joined_at timestamptz, last_seen_at timestamptz,
	total_sessions bigint, excluded boolean)
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 10 COST 10000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.company_users(text, text, integer) IS
'The users that one company has now, latest seen first, with those that are excluded from its figures (excluded says so). search: a literal substring of user_id, name or email, without regard to case; max_rows: NULL is no limit';

CREATE FUNCTION user_profile.company_sentiment(
	company_id text, period tstzrange DEFAULT user_profile.last_days(30)
)
RETURNS TABLE (
	user_id text, event_id bigint, answered_at timestamptz,
	kind user_profile.event_kind, name text, score integer, category text, question text,
	answer text, comment text, page text, session_started_at timestamptz, properties jsonb,
	answer_number bigint)
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 50 COST 10000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.company_sentiment(text, tstzrange) IS
'What the members of one company answered in a period, latest first; columns as of user_sentiment()';

CREATE FUNCTION user_profile.company_nps(
	company_id text, period tstzrange DEFAULT user_profile.last_days(30)
)
RETURNS TABLE (
	responses bigint, promoters bigint, passives bigint, detractors bigint, score numeric)
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 1 COST 1000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.company_nps(text, tstzrange) IS
'NPS of one company: the scores that its members gave in a period (responses), by category (0-6 detractor, 7-8 passive, 9-10 promoter), and score = % promoters - % detractors, to one decimal, NULL where there are no responses. No row for an unknown company';

CREATE FUNCTION user_profile.company_engagement(
	company_id text, period tstzrange DEFAULT user_profile.last_days(30)
)
RETURNS TABLE (
	kind user_profile.event_kind, name text, users bigint, interactions bigint,
	completed_users bigint)
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 20 COST 10000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.company_engagement(text, tstzrange) IS
'The in-app content that the members of one company met in a period, met by most first: how many members, how often, and how many completed it (by an action "completed")';
