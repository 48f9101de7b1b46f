-- What users said (sentiment) and which in-app content they met (engagement).
-- Layer 1 first, then the relations, then the tabs of one user.
--
-- "The page on which the user was" is the event's own page, or where it has
-- none, that of the user's last page view in the same session before it.

CREATE FUNCTION user_profile.timeline_answers(
	timeline user_profile.timeline, period tstzrange, timeout interval DEFAULT NULL,
	OUT event_id bigint, OUT occurred_at timestamptz, OUT event_type_id integer,
	OUT session_started_at timestamptz, OUT page_id integer, OUT page_event_id bigint
) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL SAFE COST 20 ROWS 2
	SUPPORT user_profile.timeline_scan_support;
COMMENT ON FUNCTION user_profile.timeline_answers(user_profile.timeline, tstzrange, interval) IS
'Events of the kinds nps and survey in a period, in order: each with the start of its session, the page on which the user was (the event''s own, else that of the last page view before it in the session; NULL: none) and the event by which that page is known. timeout: NULL is the setting user_profile.session_timeout';

CREATE FUNCTION user_profile.timeline_interaction_events(
	timeline user_profile.timeline, period tstzrange, timeout interval DEFAULT NULL,
	OUT event_id bigint, OUT occurred_at timestamptz, OUT event_type_id integer,
	OUT session_started_at timestamptz, OUT page_id integer, OUT page_event_id bigint
) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL SAFE COST 20 ROWS 10
	SUPPORT user_profile.timeline_scan_support;
COMMENT ON FUNCTION user_profile.timeline_interaction_events(user_profile.timeline, tstzrange, interval) IS
'Events of the kinds flow, spotlight, banner and checklist in a period, in order; columns as of timeline_answers()';

CREATE FUNCTION user_profile.timeline_interactions(
	timeline user_profile.timeline, period tstzrange, timeout interval DEFAULT NULL,
	OUT event_type_id integer, OUT interactions bigint, OUT first_at timestamptz,
	OUT last_at timestamptz, OUT last_event_id bigint, OUT page_id integer, OUT page_event_id bigint
) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL SAFE COST 20 ROWS 5;
COMMENT ON FUNCTION user_profile.timeline_interactions(user_profile.timeline, tstzrange, interval) IS
'Events of the kinds flow, spotlight, banner and checklist in a period, counted by event type: the last of them (the greatest event id, among several at one time) and the page on which the user was then. Of an event type that is a bare kind, below 16, each event is a row of its own';

CREATE FUNCTION user_profile.survey_answers(properties jsonb)
RETURNS TABLE (question text, answer text, comment text, answer_number bigint)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 1
BEGIN ATOMIC
SELECT
	COALESCE(a.value OPERATOR(pg_catalog.->>) 'question', properties OPERATOR(pg_catalog.->>) 'question'),
	NULLIF(CASE WHEN pg_catalog.jsonb_typeof(a.value) OPERATOR(pg_catalog.=) 'object'
		THEN a.value OPERATOR(pg_catalog.->>) 'answer'
		ELSE a.value OPERATOR(pg_catalog.#>>) '{}' END, ''),
	NULLIF(COALESCE(a.value OPERATOR(pg_catalog.->>) 'comment', properties OPERATOR(pg_catalog.->>) 'comment'), ''),
	a.answer_number
FROM pg_catalog.jsonb_array_elements(CASE
	WHEN pg_catalog.jsonb_typeof(properties OPERATOR(pg_catalog.->) 'answers') OPERATOR(pg_catalog.=) 'array'
		AND pg_catalog.jsonb_array_length(properties OPERATOR(pg_catalog.->) 'answers') OPERATOR(pg_catalog.>) 0
		THEN properties OPERATOR(pg_catalog.->) 'answers'
	WHEN pg_catalog.jsonb_typeof(properties) OPERATOR(pg_catalog.=) 'object'
		THEN pg_catalog.jsonb_build_array(properties)
	ELSE '[null]'
END) WITH ORDINALITY a (value, answer_number);
END;
COMMENT ON FUNCTION user_profile.survey_answers(jsonb) IS
'The answers in the properties of a survey: the elements of "answers", each an object with "question" and "answer" or just the answer; without those, the one "question" and "answer" of the properties themselves. Always one row at least. What an element doesn''t say (question, comment) is taken from the properties; empty answers and comments are NULL, answers that are no text come as JSON';

CREATE FUNCTION user_profile.answer_score(properties jsonb) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
	WHEN pg_catalog.jsonb_typeof(properties OPERATOR(pg_catalog.->) 'score') OPERATOR(pg_catalog.<>) 'number' THEN NULL
	WHEN (properties OPERATOR(pg_catalog.->>) 'score')::numeric
			OPERATOR(pg_catalog.<>) pg_catalog.trunc((properties OPERATOR(pg_catalog.->>) 'score')::numeric)
		OR pg_catalog.abs((properties OPERATOR(pg_catalog.->>) 'score')::numeric) OPERATOR(pg_catalog.>) 2147483647
		THEN NULL
	ELSE (properties OPERATOR(pg_catalog.->>) 'score')::numeric::integer
END;
COMMENT ON FUNCTION user_profile.answer_score(jsonb) IS
'The score in the properties of an answer; NULL where there is none, or none that is a whole number';

CREATE FUNCTION user_profile.nps_category(score integer) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
	WHEN score OPERATOR(pg_catalog.>=) 9 THEN 'promoter'
	WHEN score OPERATOR(pg_catalog.>=) 7 THEN 'passive'
	WHEN score OPERATOR(pg_catalog.>=) 0 THEN 'detractor'
END;
COMMENT ON FUNCTION user_profile.nps_category(integer) IS
'What an NPS score of 0 to 10 makes of a user: detractor up to 6, passive 7 and 8, promoter from 9';

-- The kind is asked of the event once more for the planner: so that for many
-- users it can read all answers by their own small index
CREATE FUNCTION user_profile.timeline_answer_details(timeline user_profile.timeline, period tstzrange)
RETURNS TABLE (
	event_id bigint, answered_at timestamptz, kind user_profile.event_kind, name text,
	score integer, category text, question text, answer text, comment text,
	page text, session_started_at timestamptz, properties jsonb, answer_number bigint)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 2
BEGIN ATOMIC
SELECT x.event_id, x.occurred_at, e.kind, e.name,
	user_profile.answer_score(e.properties),
	CASE WHEN e.kind OPERATOR(pg_catalog.=) 'nps'
		THEN user_profile.nps_category(user_profile.answer_score(e.properties)) END,
	a.question, a.answer, a.comment,
	CASE x.page_id WHEN 2147483647 THEN (
		SELECT user_profile.event_page(v.kind, v.name, v.page) FROM user_profile.events v
		WHERE v.event_id OPERATOR(pg_catalog.=) x.page_event_id)
	ELSE g.page END,
	x.session_started_at, e.properties, a.answer_number
FROM user_profile.timeline_answers(timeline, period) x
JOIN user_profile.events e ON e.event_id OPERATOR(pg_catalog.=) x.event_id AND e.kind IN ('nps', 'survey')
LEFT JOIN user_profile.pages g ON g.page_id OPERATOR(pg_catalog.=) x.page_id
CROSS JOIN LATERAL user_profile.survey_answers(e.properties) a
WHERE user_profile.answer_score(e.properties) IS NOT NULL OR a.answer IS NOT NULL OR a.comment IS NOT NULL;
END;
COMMENT ON FUNCTION user_profile.timeline_answer_details(user_profile.timeline, tstzrange) IS
'Answers of a timeline in a period with their details, without those that have neither a score nor an answer nor a comment. A survey of several answers has a row for each, numbered by answer_number; what the survey has once (score, comment) is in all of them';

CREATE FUNCTION user_profile.users_sentiment(period tstzrange)
RETURNS TABLE (
	user_id text, event_id bigint, answered_at timestamptz, kind user_profile.event_kind, name text,
	score integer, category text, question text, answer text, comment text,
	page text, session_started_at timestamptz, properties jsonb, answer_number bigint)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10000
BEGIN ATOMIC
SELECT t.user_id, d.event_id, d.answered_at, d.kind, d.name, d.score, d.category,
	d.question, d.answer, d.comment, d.page, d.session_started_at, d.properties, d.answer_number
FROM user_profile.live_timelines t
CROSS JOIN LATERAL user_profile.timeline_answer_details(t.timeline, period) d
WHERE user_profile.check_period(period);
END;
COMMENT ON FUNCTION user_profile.users_sentiment(tstzrange) IS
'What each user answered in a period: NPS and surveys';

CREATE VIEW user_profile.user_sentiment WITH (security_invoker = true) AS
SELECT * FROM user_profile.users_sentiment('(,)');
COMMENT ON VIEW user_profile.user_sentiment IS
'What each user ever answered. category: of an NPS score. page: on which the user was, the event''s own or that of the last page view before it in the session. A survey of several answers has a row for each (answer_number)';

-- Of pending events the name stands with the event. LIMIT keeps the look-up a
-- look-up, which is not even begun for the others.
CREATE FUNCTION user_profile.timeline_interaction_details(timeline user_profile.timeline, period tstzrange)
RETURNS TABLE (
	kind user_profile.event_kind, name text, action text, interactions bigint,
	first_at timestamptz, last_at timestamptz, last_event_id bigint, last_page text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 5
BEGIN ATOMIC
SELECT COALESCE(y.kind, p.kind), COALESCE(y.name, p.name), NULLIF(COALESCE(y.action, p.action), ''),
	x.interactions, x.first_at, x.last_at, x.last_event_id,
	CASE x.page_id WHEN 2147483647 THEN (
		SELECT user_profile.event_page(v.kind, v.name, v.page) FROM user_profile.events v
		WHERE v.event_id OPERATOR(pg_catalog.=) x.page_event_id)
	ELSE g.page END
FROM user_profile.timeline_interactions(timeline, period) x
LEFT JOIN user_profile.event_types y ON y.event_type_id OPERATOR(pg_catalog.=) x.event_type_id
LEFT JOIN user_profile.pages g ON g.page_id OPERATOR(pg_catalog.=) x.page_id
LEFT JOIN LATERAL (
	SELECT e.kind, e.name, e.action FROM user_profile.events e
	WHERE x.event_type_id OPERATOR(pg_catalog.<) 16 AND e.event_id OPERATOR(pg_catalog.=) x.last_event_id
	LIMIT 1
) p ON true;
END;
COMMENT ON FUNCTION user_profile.timeline_interaction_details(user_profile.timeline, tstzrange) IS
'Interactions of a timeline with in-app content in a period, counted by content and action (some in several rows, which add up), with the page on which the user was at the last of them';

CREATE FUNCTION user_profile.users_engagement(period tstzrange)
RETURNS TABLE (
	user_id text, kind user_profile.event_kind, name text, last_action text,
	last_action_at timestamptz, last_page text, interactions bigint,
	first_action_at timestamptz, since_reset boolean)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10000
BEGIN ATOMIC
SELECT i.user_id, i.kind, i.name, i.last_action, i.last_action_at, i.last_page, i.interactions,
	i.first_action_at, COALESCE(i.last_action_at OPERATOR(pg_catalog.>) u.content_reset_at, true)
FROM (
	SELECT t.user_id, d.kind, d.name,
		(pg_catalog.array_agg(d.action ORDER BY d.last_at DESC, d.last_event_id DESC))[1] AS last_action,
		pg_catalog.max(d.last_at) AS last_action_at,
		(pg_catalog.array_agg(d.last_page ORDER BY d.last_at DESC, d.last_event_id DESC))[1] AS last_page,
		pg_catalog.sum(d.interactions)::bigint AS interactions,
		pg_catalog.min(d.first_at) AS first_action_at
	FROM user_profile.live_timelines t
	CROSS JOIN LATERAL user_profile.timeline_interaction_details(t.timeline, period) d
	GROUP BY t.user_id, d.kind, d.name
) i
LEFT JOIN user_profile.users u ON u.user_id OPERATOR(pg_catalog.=) i.user_id
WHERE user_profile.check_period(period);
END;
COMMENT ON FUNCTION user_profile.users_engagement(tstzrange) IS
'Flows, spotlights, banners and checklists that each user met in a period. since_reset: was the last action after the last reset of the user''s content? True where there was none';

CREATE VIEW user_profile.user_engagement WITH (security_invoker = true) AS
SELECT * FROM user_profile.users_engagement('(,)');
COMMENT ON VIEW user_profile.user_engagement IS
'Flows, spotlights, banners and checklists that each user ever met: the last action and the page on which the user was then, the number of interactions and the first of them. since_reset: was the last action after the last reset of the user''s content? True where there was none';

CREATE FUNCTION user_profile.users_engagement_events(period tstzrange)
RETURNS TABLE (
	user_id text, kind user_profile.event_kind, name text, event_id bigint,
	occurred_at timestamptz, action text, page text, properties jsonb)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 100000
BEGIN ATOMIC
SELECT t.user_id, COALESCE(y.kind, e.kind), COALESCE(y.name, e.name), x.event_id, x.occurred_at,
	NULLIF(COALESCE(y.action, e.action), ''),
	CASE x.page_id WHEN 2147483647 THEN (
		SELECT user_profile.event_page(v.kind, v.name, v.page) FROM user_profile.events v
		WHERE v.event_id OPERATOR(pg_catalog.=) x.page_event_id)
	ELSE g.page END,
	e.properties
FROM user_profile.live_timelines t
CROSS JOIN LATERAL user_profile.timeline_interaction_events(t.timeline, period) x
LEFT JOIN user_profile.events e ON e.event_id OPERATOR(pg_catalog.=) x.event_id
LEFT JOIN user_profile.event_types y ON y.event_type_id OPERATOR(pg_catalog.=) x.event_type_id
LEFT JOIN user_profile.pages g ON g.page_id OPERATOR(pg_catalog.=) x.page_id
WHERE user_profile.check_period(period);
END;
COMMENT ON FUNCTION user_profile.users_engagement_events(tstzrange) IS
'Every interaction of each user with in-app content in a period, with the page on which the user was; properties are NULL where the event was expired from the log';

-- The last action after a reset is that of the event types that came after it
CREATE VIEW user_profile.user_content_progress WITH (security_invoker = true) AS
SELECT i.user_id, i.kind, i.name,
	(pg_catalog.array_agg(i.action ORDER BY i.last_at DESC, i.last_event_id DESC) FILTER (WHERE i.counts))[1] AS last_action,
	pg_catalog.bool_or(i.counts AND COALESCE(i.action OPERATOR(pg_catalog.=) 'completed', false)) AS completed,
	pg_catalog.bool_or(i.counts) AS seen
FROM (
	SELECT t.user_id, d.kind, d.name, d.action, d.last_at, d.last_event_id,
		COALESCE(d.last_at OPERATOR(pg_catalog.>) u.content_reset_at, true) AS counts
	FROM user_profile.live_timelines t
	CROSS JOIN LATERAL user_profile.timeline_interaction_details(t.timeline, '(,)') d
	LEFT JOIN user_profile.users u ON u.user_id OPERATOR(pg_catalog.=) t.user_id
) i
GROUP BY i.user_id, i.kind, i.name;
COMMENT ON VIEW user_profile.user_content_progress IS
'Every content that each user ever met, with what the user did since the last reset: the last action, whether one was "completed", whether there was any';

-- The tabs of one user

CREATE FUNCTION user_profile.user_sentiment(
	user_id text, period tstzrange DEFAULT user_profile.last_days(30)
)
RETURNS TABLE (
	event_id bigint, answered_at timestamptz, kind user_profile.event_kind, name text,
	score integer, category text, question text, answer text, comment text,
	page text, session_started_at timestamptz, properties jsonb, answer_number bigint)
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 5 COST 1000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.user_sentiment(text, tstzrange) IS
'What one user answered in a period, latest first. category: of an NPS score. page: on which the user was, the event''s own or that of the last page view before it in the session, which began at session_started_at. A survey of several answers has a row for each (answer_number); events with neither a score nor an answer nor a comment have none';

CREATE FUNCTION user_profile.user_engagement(
	user_id text, period tstzrange DEFAULT user_profile.last_days(30)
)
RETURNS TABLE (
	kind user_profile.event_kind, name text, last_action text,
	last_action_at timestamptz, last_page text, interactions bigint,
	first_action_at timestamptz, since_reset boolean)
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 10 COST 1000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.user_engagement(text, tstzrange) IS
'Flows, spotlights, banners and checklists that one user met in a period, latest first: the last action and the page on which the user was then, the number of interactions and the first of them. since_reset: was the last action after the last reset of the user''s content? True where there was none';

CREATE FUNCTION user_profile.engagement_events(
	user_id text, kind user_profile.event_kind, name text,
	period tstzrange DEFAULT user_profile.last_days(30)
)
RETURNS TABLE (
	event_id bigint, occurred_at timestamptz, action text, page text, properties jsonb)
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 10 COST 1000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.engagement_events(text, user_profile.event_kind, text, tstzrange) IS
'What is behind a row of user_engagement(): every interaction of one user with one content in a period, in order, with the page on which the user was. Error: invalid_parameter_value for a kind that is no content';

CREATE FUNCTION user_profile.content_progress(user_id text)
RETURNS TABLE (
	kind user_profile.event_kind, name text, last_action text, completed boolean, seen boolean)
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 10 COST 1000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.content_progress(text) IS
'Every content that one user ever met, with what the user did since the last reset of it: the last action, whether one was "completed", whether there was any. Only these make a flow or a checklist appear done';
