-- Sentiment, engagement and content progress: first by hand, then against plain SQL over random
-- logs, with everything pending, folded, and half of each.
--
-- The plain side (schema plain) reads the log only. The page of an answer is the event's own, or
-- that of the last page view of the same session before it, in the order (time, event id).

\ir begin.psql

CREATE SCHEMA plain;

--
-- By hand: one user, whose first session is at nine and whose second one at ten
--
INSERT INTO user_profile.events (user_id, occurred_at, kind, name, action, page, properties) VALUES
	-- nothing seen so far in this session: no page
	('ada', '2026-03-02 09:00+00', 'nps', 'NPS', NULL, NULL, '{"score": 6}'),
	('ada', '2026-03-02 09:01+00', 'page_view', '/home', NULL, NULL, NULL),
	('ada', '2026-03-02 09:02+00', 'page_view', 'Prices', NULL, '/prices', NULL),
	-- an event on another page is no page view
	('ada', '2026-03-02 09:03+00', 'tracked', 'Clicked', NULL, '/other', NULL),
	('ada', '2026-03-02 09:04+00', 'nps', 'NPS', NULL, NULL, '{"score": 7, "comment": "fine"}'),
	('ada', '2026-03-02 09:05+00', 'survey', 'Exit', NULL, '/leave', '{"question": "Why?", "answer": "Price", "comment": "Too dear"}'),
	-- thirty minutes are no new session, a microsecond more is one
	('ada', '2026-03-02 09:35+00', 'nps', 'NPS', NULL, '', '{"score": 8}'),
	('ada', '2026-03-02 10:05:00.000001+00', 'nps', 'NPS', NULL, NULL, '{"score": 9}'),
	('ada', '2026-03-02 10:06+00', 'page_view', '/after', NULL, NULL, NULL),
	('ada', '2026-03-02 10:07+00', 'survey', 'Many', NULL, NULL,
		'{"score": 4, "answers": [{"question": "One?", "answer": "yes"}, "plain", {"question": "Three?", "answer": 3}]}'),
	-- shown and dismissed: no answers
	('ada', '2026-03-02 10:08+00', 'nps', 'NPS', 'dismissed', NULL, NULL),
	('ada', '2026-03-02 10:09+00', 'survey', 'Many', 'seen', NULL, '{"question": "One?", "comment": ""}'),
	('ada', '2026-03-02 09:06+00', 'flow', 'Tour', 'seen', NULL, '{"step": 1}'),
	('ada', '2026-03-02 09:07+00', 'flow', 'Tour', 'completed', '/tour', NULL),
	('ada', '2026-03-02 10:10+00', 'flow', 'Tour', 'seen', NULL, NULL),
	('ada', '2026-03-02 09:08+00', 'checklist', 'Start', 'task_completed', NULL, NULL),
	('ada', '2026-03-02 09:09+00', 'checklist', 'Start', 'completed', NULL, NULL),
	-- the same name is another content in another kind; an action may be missing
	('ada', '2026-03-02 09:10+00', 'banner', 'Tour', NULL, NULL, NULL);

-- Rows as lines of text
CREATE FUNCTION test.rows(query text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT string_agg(x::text, E''\n'') FROM (%s) x', query) INTO result;
	RETURN result;
END
$$;

CREATE FUNCTION test.by_hand(state text) RETURNS SETOF text
LANGUAGE sql AS $$
	SELECT is(test.rows($q$SELECT to_char(answered_at, 'HH24:MI'), kind, score, category, question, answer,
			comment, page, to_char(session_started_at, 'HH24:MI'), answer_number
			FROM user_profile.user_sentiment('ada', '(,)')$q$),
'(10:07,survey,4,,One?,yes,,/after,10:05,1)
(10:07,survey,4,,,plain,,/after,10:05,2)
(10:07,survey,4,,Three?,3,,/after,10:05,3)
(10:05,nps,9,promoter,,,,,10:05,1)
(09:35,nps,8,passive,,,,/prices,09:00,1)
(09:05,survey,,,Why?,Price,"Too dear",/leave,09:00,1)
(09:04,nps,7,passive,,,fine,/prices,09:00,1)
(09:00,nps,6,detractor,,,,,09:00,1)', state || ': answers, their pages and sessions')
	UNION ALL
	SELECT is(test.rows($q$SELECT answered_at::time, session_started_at::time, properties
			FROM user_profile.user_sentiment('ada', '(2026-03-02 09:04+00, 2026-03-02 09:35+00]')$q$),
'(09:35:00,09:00:00,"{""score"": 8}")
(09:05:00,09:00:00,"{""answer"": ""Price"", ""comment"": ""Too dear"", ""question"": ""Why?""}")',
		state || ': a period cuts answers, not their session')
	UNION ALL
	SELECT is(test.rows($q$SELECT kind, name, last_action, last_action_at::time, last_page, interactions,
			first_action_at::time, since_reset FROM user_profile.user_engagement('ada', '(,)')$q$),
'(flow,Tour,seen,10:10:00,/after,3,09:06:00,t)
(banner,Tour,,09:10:00,/prices,1,09:10:00,t)
(checklist,Start,completed,09:09:00,/prices,2,09:08:00,t)', state || ': engagement')
	UNION ALL
	SELECT is(test.rows($q$SELECT kind, last_action, last_page, interactions
			FROM user_profile.user_engagement('ada', '[2026-03-02 09:00+00, 2026-03-02 09:08+00]')$q$),
'(checklist,task_completed,/prices,1)
(flow,completed,/tour,2)', state || ': engagement in a period')
	UNION ALL
	SELECT is(test.rows($q$SELECT occurred_at::time, action, page, properties
			FROM user_profile.engagement_events('ada', 'flow', 'Tour', '(,)')$q$),
'(09:06:00,seen,/prices,"{""step"": 1}")
(09:07:00,completed,/tour,)
(10:10:00,seen,/after,)', state || ': the details behind a row')
	UNION ALL
	SELECT is(test.rows($q$SELECT * FROM user_profile.content_progress('ada')$q$),
'(flow,Tour,seen,t,t)
(banner,Tour,,f,t)
(checklist,Start,completed,t,t)', state || ': progress')
$$;
SELECT test.by_hand('pending');
CALL user_profile.refresh();
SELECT test.by_hand('folded');

-- A reset: what was before it counts no more, but stays in the history
UPDATE user_profile.users SET content_reset_at = '2026-03-02 09:09+00' WHERE user_id = 'ada';
SELECT is(test.rows($q$SELECT * FROM user_profile.content_progress('ada')$q$),
'(flow,Tour,seen,f,t)
(banner,Tour,,f,t)
(checklist,Start,,f,f)', 'progress since a reset; what happens at its instant is before it');
SELECT is(test.rows($q$SELECT kind, last_action, interactions, since_reset
		FROM user_profile.user_engagement('ada', '(,)')$q$),
'(flow,seen,3,t)
(banner,,1,t)
(checklist,completed,2,f)', 'engagement knows of the reset, and keeps its figures');
SELECT is((SELECT count(*) FROM user_profile.user_sentiment('ada', '(,)')), 8::bigint, 'answers stay');
UPDATE user_profile.users SET content_reset_at = NULL WHERE user_id = 'ada';

-- Expired from the log: the figures stay, answers as they are
SELECT user_profile.expire_events('2100-01-01') \g /dev/null
SELECT is(test.rows($q$SELECT occurred_at::time, action, page, properties
		FROM user_profile.engagement_events('ada', 'flow', 'Tour', '(,)')$q$),
'(09:06:00,seen,/prices,)
(09:07:00,completed,/tour,)
(10:10:00,seen,/after,)', 'expired: actions and pages are known');
SELECT is((SELECT string_agg(page, ' ' ORDER BY answered_at) FROM user_profile.user_sentiment('ada', '(,)')),
	'/prices /leave /prices /after /after /after', 'expired: answers have their pages');

-- Many users' views, and who there is none of
SELECT is((SELECT count(*) FROM user_profile.user_sentiment WHERE user_id = 'ada'), 8::bigint, 'view of all answers');
SELECT is((SELECT count(*) FROM user_profile.user_engagement WHERE user_id = 'ada'), 3::bigint, 'view of all engagement');
SELECT is_empty($$SELECT * FROM user_profile.user_sentiment('nobody', '(,)')$$, 'no answers of an unknown user');
SELECT is_empty($$SELECT * FROM user_profile.user_engagement('nobody', '(,)')$$, 'no engagement of an unknown user');
SELECT is_empty($$SELECT * FROM user_profile.engagement_events('nobody', 'flow', 'Tour', '(,)')$$, 'no details either');
SELECT is_empty($$SELECT * FROM user_profile.content_progress('nobody')$$, 'no progress of an unknown user');
SELECT is_empty($$SELECT * FROM user_profile.engagement_events('ada', 'flow', 'tour', '(,)')$$, 'no details of unknown content');

-- Arguments
SELECT throws_ok(format('SELECT * FROM user_profile.%s', call), code, message, call)
FROM (VALUES
	('user_sentiment(NULL)', '22004', 'user_id must not be null'),
	('user_sentiment('''')', '22023', 'user_id must not be empty'),
	('user_sentiment(''ada'', NULL)', '22004', 'period must not be null'),
	('user_sentiment(''ada'', ''empty'')', '22023', 'period must not be empty'),
	('user_engagement(NULL)', '22004', 'user_id must not be null'),
	('user_engagement('''')', '22023', 'user_id must not be empty'),
	('user_engagement(''ada'', NULL)', '22004', 'period must not be null'),
	('user_engagement(''ada'', ''empty'')', '22023', 'period must not be empty'),
	('engagement_events(NULL, ''flow'', ''Tour'')', '22004', 'user_id must not be null'),
	('engagement_events(''ada'', NULL, ''Tour'')', '22004', 'kind must not be null'),
	('engagement_events(''ada'', ''nps'', ''Tour'')', '22023', 'kind must be flow, spotlight, banner or checklist, not nps'),
	('engagement_events(''ada'', ''flow'', NULL)', '22004', 'name must not be null'),
	('engagement_events(''ada'', ''flow'', ''Tour'', NULL)', '22004', 'period must not be null'),
	('content_progress(NULL)', '22004', 'user_id must not be null'),
	('content_progress('''')', '22023', 'user_id must not be empty'),
	('timeline_answers(NULL, NULL)', '22004', 'period must not be null'),
	('timeline_interactions(NULL, ''empty'')', '22023', 'period must not be empty')) x (call, code, message);
SELECT is_empty($$SELECT * FROM user_profile.timeline_answers(NULL, '(,)')$$, 'no answers on no timeline');
SELECT is_empty($$SELECT * FROM user_profile.timeline_interactions(NULL, '(,)')$$, 'no interactions on no timeline');

TRUNCATE user_profile.events, user_profile.timelines, user_profile.users;

--
-- The plain side
--

-- Every event with its session and its page: its own, and the one on which the user was
CREATE TABLE plain.events (
	user_id text, session_number bigint, event_id bigint, occurred_at timestamptz,
	kind user_profile.event_kind, name text, action text, own_page text,
	properties jsonb, session_started_at timestamptz, page text);
CREATE INDEX ON plain.events (user_id, session_number, occurred_at, event_id);
CREATE INDEX ON plain.events (user_id, session_number, occurred_at, event_id) WHERE kind = 'page_view';

CREATE FUNCTION plain.observe() RETURNS void
LANGUAGE sql AS $$
	TRUNCATE plain.events;
	INSERT INTO plain.events
	SELECT user_id, sum(starts) OVER w, event_id, occurred_at, kind, name, NULLIF(action, ''), page, properties
	FROM (
		SELECT COALESCE(a.user_id, e.user_id) AS user_id, event_id, occurred_at, kind, name, action,
			CASE WHEN page <> '' THEN page WHEN kind = 'page_view' THEN name END AS page,
			properties,
			CASE WHEN occurred_at - lag(occurred_at) OVER w
				<= current_setting('user_profile.session_timeout')::interval THEN 0 ELSE 1 END AS starts
		FROM user_profile.events e
		LEFT JOIN user_profile.aliases a ON a.previous_id = e.user_id
		WINDOW w AS (PARTITION BY COALESCE(a.user_id, e.user_id) ORDER BY occurred_at, event_id)) e
	WINDOW w AS (PARTITION BY user_id ORDER BY occurred_at, event_id);
	ANALYZE plain.events;
	UPDATE plain.events e
	SET session_started_at = (SELECT min(s.occurred_at) FROM plain.events s
			WHERE s.user_id = e.user_id AND s.session_number = e.session_number),
		page = COALESCE(e.own_page, (SELECT v.own_page FROM plain.events v
			WHERE v.user_id = e.user_id AND v.session_number = e.session_number AND v.kind = 'page_view'
				AND (v.occurred_at, v.event_id) < (e.occurred_at, e.event_id)
			ORDER BY v.occurred_at DESC, v.event_id DESC LIMIT 1))
	WHERE kind NOT IN ('tracked', 'labeled', 'feature_tag', 'page_view');
$$;

CREATE FUNCTION plain.sentiment(period tstzrange, OUT user_id text, OUT event_id bigint,
	OUT answered_at timestamptz, OUT kind user_profile.event_kind, OUT name text, OUT score integer,
	OUT category text, OUT question text, OUT answer text, OUT comment text, OUT page text,
	OUT session_started_at timestamptz, OUT properties jsonb, OUT answer_number bigint) RETURNS SETOF record
LANGUAGE sql AS $$
	SELECT user_id, event_id, occurred_at, kind, name, score,
		CASE WHEN kind = 'nps' THEN CASE WHEN score <= 6 THEN 'detractor' WHEN score <= 8 THEN 'passive'
			WHEN score <= 10 THEN 'promoter' END END,
		question, answer, comment, page, session_started_at, properties, answer_number
	FROM (
		SELECT e.*, s.score, a.answer_number,
			COALESCE(a.element ->> 'question', e.properties ->> 'question') AS question,
			NULLIF(a.answer, '') AS answer,
			NULLIF(COALESCE(a.element ->> 'comment', e.properties ->> 'comment'), '') AS comment
		FROM plain.events e
		CROSS JOIN LATERAL (SELECT CASE WHEN properties ->> 'score' ~ '^[0-9]{1,9}$'
			AND jsonb_typeof(properties -> 'score') = 'number' THEN (properties ->> 'score')::integer END AS score) s
		CROSS JOIN LATERAL (
			SELECT n AS answer_number, element,
				CASE jsonb_typeof(element) WHEN 'object' THEN element ->> 'answer' ELSE element #>> '{}' END AS answer
			FROM jsonb_path_query_array(properties, '$.answers[*]') l,
				jsonb_array_elements(l) WITH ORDINALITY x (element, n)
			WHERE jsonb_typeof(properties -> 'answers') = 'array'
			UNION ALL
			SELECT 1, NULL, properties ->> 'answer'
			WHERE jsonb_typeof(properties -> 'answers') IS DISTINCT FROM 'array'
				OR properties -> 'answers' = '[]') a
		WHERE e.kind IN ('nps', 'survey') AND e.occurred_at <@ period) e
	WHERE score IS NOT NULL OR answer IS NOT NULL OR comment IS NOT NULL
$$;

CREATE FUNCTION plain.engagement(period tstzrange, OUT user_id text, OUT kind user_profile.event_kind,
	OUT name text, OUT last_action text, OUT last_action_at timestamptz, OUT last_page text,
	OUT interactions bigint, OUT first_action_at timestamptz, OUT since_reset boolean) RETURNS SETOF record
LANGUAGE sql AS $$
	SELECT user_id, kind, name, l.action, l.occurred_at, l.page, n, first_action_at,
		(SELECT count(*) FROM user_profile.users u
			WHERE u.user_id = g.user_id AND u.content_reset_at >= l.occurred_at) = 0
	FROM (
		SELECT user_id, kind, name, count(*) AS n, min(occurred_at) AS first_action_at
		FROM plain.events
		WHERE kind IN ('flow', 'spotlight', 'banner', 'checklist') AND occurred_at <@ period
		GROUP BY user_id, kind, name) g
	JOIN (
		SELECT DISTINCT ON (user_id, kind, name) user_id, kind, name, action, occurred_at, page
		FROM plain.events
		WHERE occurred_at <@ period
		ORDER BY user_id, kind, name, occurred_at DESC, event_id DESC) l USING (user_id, kind, name)
$$;

CREATE FUNCTION plain.progress(OUT user_id text, OUT kind user_profile.event_kind, OUT name text,
	OUT last_action text, OUT completed boolean, OUT seen boolean) RETURNS SETOF record
LANGUAGE sql AS $$
	WITH met AS (
		SELECT e.*, COALESCE(e.occurred_at > u.content_reset_at, true) AS counts
		FROM plain.events e LEFT JOIN user_profile.users u USING (user_id)
		WHERE kind IN ('flow', 'spotlight', 'banner', 'checklist'))
	SELECT user_id, kind, name, l.action, COALESCE(completed, false), COALESCE(seen, false)
	FROM (SELECT DISTINCT user_id, kind, name FROM met) m
	LEFT JOIN (
		SELECT user_id, kind, name, bool_or(COALESCE(action, '') = 'completed') AS completed, true AS seen
		FROM met WHERE counts GROUP BY user_id, kind, name) c USING (user_id, kind, name)
	LEFT JOIN (
		SELECT DISTINCT ON (user_id, kind, name) user_id, kind, name, action
		FROM met WHERE counts
		ORDER BY user_id, kind, name, occurred_at DESC, event_id DESC) l USING (user_id, kind, name)
$$;

--
-- The log
--
SELECT setseed(0.20260302) \g /dev/null

CREATE TABLE test.log AS
SELECT u.user_id, '2026-01-01'::timestamptz + u.i * interval '3 hours'
		+ sum(g.gap) OVER (PARTITION BY u.user_id ORDER BY n) * interval '1 microsecond' AS occurred_at,
	k.kind, x.name, x.action, x.page, p.properties,
	row_number() OVER (ORDER BY random()) AS arrival, row_number() OVER (ORDER BY u.user_id, n) AS line
FROM (
	SELECT format('u%s', i) AS user_id, i, 1 + floor(random() ^ 2 * 120)::int AS nevents
	FROM generate_series(1, 150) i) u
CROSS JOIN LATERAL generate_series(1, u.nevents) n
CROSS JOIN LATERAL (SELECT random() AS r, random() AS s, random() AS t, random() AS v, n AS "of") r
CROSS JOIN LATERAL (SELECT CASE
	WHEN r.r < 0.10 THEN 0
	WHEN r.r < 0.20 THEN 1800000000
	WHEN r.r < 0.27 THEN 1800000001
	WHEN r.r < 0.32 THEN 300000000
	WHEN r.r < 0.37 THEN 300000001
	WHEN r.r < 0.85 THEN floor(r.s * 600000000)
	ELSE floor(r.s * 100000000000) END::bigint AS gap) g
CROSS JOIN LATERAL (SELECT (CASE WHEN r.s < 0.25 THEN 'tracked' WHEN r.s < 0.5 THEN 'page_view'
	ELSE ('{flow,spotlight,banner,checklist,nps,survey}'::text[])
		[1 + floor(r.t * 6)::int] END)::user_profile.event_kind AS kind) k
CROSS JOIN LATERAL (SELECT
	(ARRAY['Tour', 'tour', 'Érable', '/home', 'a\b'])[1 + floor(r.v * 5)::int] AS name,
	(ARRAY['seen', 'completed', 'step_seen', 'dismissed', NULL, ''])[1 + floor(r.t * r.r * 6)::int] AS action,
	CASE WHEN r.v < 0.6 THEN NULL WHEN r.v < 0.65 THEN ''
		ELSE (ARRAY['/home', '/settings', '/a_b', '/Über'])[1 + floor(r.r * 4)::int] END AS page) x
CROSS JOIN LATERAL (SELECT CASE k.kind
	WHEN 'nps' THEN (ARRAY['{"score": 0}', '{"score": 6}', '{"score": 7}', '{"score": 8}', '{"score": 9, "comment": "ok"}',
		'{"score": 10, "comment": ""}', '{"comment": "only words"}', '{"score": null}', NULL, '{"answer": "x", "score": 10}'])
		[1 + floor(r.v * 10)::int]::jsonb
	WHEN 'survey' THEN (ARRAY['{"question": "q", "answer": "a"}', '{"question": "q"}', '{"question": "q", "answer": ""}',
		'{"answers": []}', '{"answers": [], "answer": "beside"}', '{"answers": [{"question": "1", "answer": "x"}, {"question": "2"}]}',
		'{"answers": ["x", 2, true, null, ["n", "m"], {"answer": {"k": 1}}], "question": "all"}',
		'{"answers": [{"question": "1"}, {"question": "2", "answer": null}], "comment": "for both"}',
		'{"answers": {"no": "array"}, "comment": "odd"}', '{"score": 3}', '{"score": 4.5}', '{"score": "5"}', '{"score": 4e30}',
		'"text"', '[1, 2]', 'null', NULL, '{"answer": 7, "comment": "n", "score": 5}', '{"answers": [{"comment": "own"}], "comment": "all"}'])
		[1 + floor(r.v * 19)::int]::jsonb
	WHEN 'flow' THEN '{"step": 1}' END AS properties) p;
-- One session of thousands of events, with few page views: pages come from far back
INSERT INTO test.log
SELECT 'long', '2026-02-01'::timestamptz + i * interval '7 seconds',
	(CASE WHEN i % 2500 = 3 THEN 'page_view' WHEN i % 777 = 0 THEN 'nps' WHEN i % 500 = 0 THEN 'flow'
		ELSE 'tracked' END)::user_profile.event_kind,
	'long ' || i, 'seen', NULL, CASE WHEN i % 777 = 0 THEN '{"score": 5}'::jsonb END,
	i * 7919 % 6007, 200000 + i
FROM generate_series(1, 9000) i;

CREATE TABLE test.chunks AS
SELECT l.*, ntile(8) OVER (ORDER BY arrival, line) AS chunk FROM test.log l;

CREATE TABLE test.periods (n int GENERATED ALWAYS AS IDENTITY, period tstzrange);
INSERT INTO test.periods (period) VALUES ('(,)'), ('[2026-01-10 12:00+00,)'), ('(,2026-01-10 12:00+00)');
INSERT INTO test.periods (period)
SELECT tstzrange(occurred_at, occurred_at + random() * interval '9 days',
	(ARRAY['[)', '(]', '[]', '()'])[1 + (row_number() OVER ())::int % 4])
FROM (SELECT occurred_at FROM test.log WHERE kind IN ('nps', 'survey', 'flow') AND user_id LIKE 'u%'
	ORDER BY random() LIMIT 8) x;
INSERT INTO test.periods (period) VALUES ('[2026-02-01 06:00+00,2026-02-01 12:00+00)');

CREATE TABLE test.sample AS
SELECT user_id FROM test.log WHERE user_id IN ('u3', 'u7', 'u42', 'u99', 'u100', 'long') GROUP BY user_id;

CREATE FUNCTION test.compare(state text) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
	p record;
BEGIN
	PERFORM plain.observe();
	RETURN NEXT is((SELECT count(*) FROM user_profile.check_timelines()), 0::bigint,
		state || ': timelines are sound');
	RETURN NEXT test.same('TABLE user_profile.user_sentiment', 'SELECT * FROM plain.sentiment(''(,)'')',
		state || ': all answers');
	RETURN NEXT test.same('TABLE user_profile.user_engagement', 'SELECT * FROM plain.engagement(''(,)'')',
		state || ': all engagement');
	RETURN NEXT test.same('TABLE user_profile.user_content_progress', 'SELECT * FROM plain.progress()',
		state || ': all progress');
	RETURN NEXT test.same('SELECT s.user_id, p.* FROM test.sample s, user_profile.content_progress(s.user_id) p',
		'SELECT * FROM plain.progress() WHERE user_id IN (TABLE test.sample)', state || ': progress of one user');
	FOR p IN SELECT n, quote_literal(period) AS period FROM test.periods ORDER BY n
	LOOP
		RETURN NEXT test.same(format('SELECT * FROM user_profile.users_sentiment(%s)', p.period),
			format('SELECT * FROM plain.sentiment(%s)', p.period),
			format('%s: answers, period %s', state, p.n));
		RETURN NEXT test.same(format('SELECT NULL AS of, a.* FROM user_profile.user_sentiment(''-'') WITH ORDINALITY a
				UNION ALL SELECT ''-'', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0
				UNION ALL SELECT s.user_id, a.* FROM test.sample s,
				user_profile.user_sentiment(s.user_id, %s) WITH ORDINALITY a', p.period),
			format('SELECT ''-'', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0
				UNION ALL SELECT a.*, row_number() OVER (PARTITION BY user_id
					ORDER BY answered_at DESC, event_id DESC, answer_number)
				FROM plain.sentiment(%s) a WHERE user_id IN (TABLE test.sample)', p.period),
			format('%s: answers of one user, period %s', state, p.n));
		RETURN NEXT test.same(format('SELECT * FROM user_profile.users_engagement(%s)', p.period),
			format('SELECT * FROM plain.engagement(%s)', p.period),
			format('%s: engagement, period %s', state, p.n));
		RETURN NEXT test.same(format('SELECT ''-'' AS user_id, NULL::user_profile.event_kind, NULL, NULL, NULL::timestamptz,
				NULL, NULL::bigint, NULL::timestamptz, NULL::boolean, 0
				UNION ALL SELECT s.user_id, a.* FROM test.sample s,
				user_profile.user_engagement(s.user_id, %s) WITH ORDINALITY a', p.period),
			format('SELECT ''-'', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0
				UNION ALL SELECT a.*, row_number() OVER (PARTITION BY user_id
					ORDER BY last_action_at DESC, kind, name)
				FROM plain.engagement(%s) a WHERE user_id IN (TABLE test.sample)', p.period),
			format('%s: engagement of one user, period %s', state, p.n));
		RETURN NEXT test.same(format('SELECT ''-'' AS user_id, NULL::user_profile.event_kind AS kind, NULL AS name,
				NULL::bigint, NULL::timestamptz, NULL, NULL, NULL::jsonb, 0
				UNION ALL SELECT c.user_id, c.kind, c.name, a.* FROM (SELECT DISTINCT user_id, kind, name
					FROM plain.events WHERE kind IN (''flow'', ''spotlight'', ''banner'', ''checklist'')
						AND user_id IN (TABLE test.sample)) c,
				user_profile.engagement_events(c.user_id, c.kind, c.name, %s) WITH ORDINALITY a', p.period),
			format('SELECT ''-'', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0
				UNION ALL SELECT user_id, kind, name, event_id, occurred_at, action, page, properties,
					row_number() OVER (PARTITION BY user_id, kind, name ORDER BY occurred_at, event_id)
				FROM plain.events WHERE kind IN (''flow'', ''spotlight'', ''banner'', ''checklist'')
					AND user_id IN (TABLE test.sample) AND occurred_at <@ %s::tstzrange', p.period),
			format('%s: details behind engagement, period %s', state, p.n));
	END LOOP;
END
$$;

-- Some chunks of the log, in the order of their arrival; users of whom a row is there
-- already get a reset in the middle of their time
CREATE FUNCTION test.load(first_chunk int, last_chunk int) RETURNS void
LANGUAGE sql AS $$
	INSERT INTO user_profile.users (user_id, content_reset_at)
	SELECT user_id, percentile_disc(0.5) WITHIN GROUP (ORDER BY occurred_at)
	FROM test.log
	WHERE abs(hashtext(user_id)) % 3 = 0 OR user_id = 'long'
	GROUP BY user_id
	ON CONFLICT DO NOTHING;
	INSERT INTO user_profile.events (user_id, occurred_at, kind, name, action, page, properties)
	SELECT user_id, occurred_at, kind, name, action, page, properties
	FROM test.chunks WHERE chunk BETWEEN first_chunk AND last_chunk ORDER BY arrival, line;
$$;

SELECT test.load(1, 4) \g /dev/null
SELECT test.compare('pending');
CALL user_profile.refresh();
SELECT test.compare('folded');
SELECT test.load(5, 5) \g /dev/null
SELECT test.compare('with late events pending');
CALL user_profile.refresh();
SELECT test.load(6, 6) \g /dev/null
CALL user_profile.refresh();
SET user_profile.session_timeout = '5 min';
SELECT test.compare('with a timeout of 5 min');
RESET user_profile.session_timeout;

-- What arrives for an alias is the user's, pending and folded
INSERT INTO user_profile.aliases (previous_id, user_id) VALUES ('was-u42', 'u42'), ('was-u7', 'u7');
UPDATE test.chunks SET user_id = 'was-' || user_id WHERE chunk = 7 AND user_id IN ('u42', 'u7');
SELECT test.load(7, 7) \g /dev/null
SELECT test.compare('with events of an alias pending');
CALL user_profile.refresh();
SELECT test.load(8, 8) \g /dev/null
ANALYZE;
SELECT test.compare('with events of an alias folded, others pending');

--
-- One user is reached by the keys, whatever the others are
--
CREATE FUNCTION test.plan(query text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	line text;
	result text := '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query
	LOOP
		result := result || line || E'\n';
	END LOOP;
	RETURN result;
END
$$;
SET plan_cache_mode = force_generic_plan;
PREPARE sentiment(text, tstzrange) AS SELECT * FROM user_profile.users_sentiment($2) WHERE user_id = $1;
PREPARE engagement(text, tstzrange) AS SELECT * FROM user_profile.users_engagement($2) WHERE user_id = $1;
PREPARE details(text, tstzrange) AS SELECT * FROM user_profile.users_engagement_events($2) WHERE user_id = $1;
PREPARE answers(text) AS SELECT * FROM user_profile.user_sentiment WHERE user_id = $1;
PREPARE contents(text) AS SELECT * FROM user_profile.user_engagement WHERE user_id = $1;
PREPARE progress(text) AS SELECT * FROM user_profile.user_content_progress WHERE user_id = $1;
CALL user_profile.refresh();
ANALYZE;
SELECT unalike(test.plan(format('EXECUTE %s', call)), '%Seq Scan on ' || relation || '%', call || ' doesn''t read all ' || relation)
FROM unnest('{"sentiment(''u3'', ''(,)'')", "engagement(''u3'', ''(,)'')", "details(''u3'', ''(,)'')", "answers(''u3'')", "contents(''u3'')", "progress(''u3'')"}'::text[]) call,
	unnest('{events,timelines}'::text[]) relation;

SELECT * FROM finish();
