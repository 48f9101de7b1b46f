-- Print one user's profile, tab by tab.
--
--     psql -v user=u-1001 -f demo/user.sql
--
-- user    whose profile
-- search  what to look for among the top events; default nothing
-- bold, dim, plain    what switches a terminal's type; default nothing
--
-- The period is the last 30 days or, where the user did nothing in them, the user's last 30 days.
-- Above each tab stands the call that it shows; it is the one that is run.

\ir format.sql

SELECT format('%L', :'user') AS user_literal,
	   format('%L', :'user')
	   || CASE WHEN last_seen_at < now() - interval '30 days'
			   THEN format(', ''[%s,%s)''', last_seen_at::date - 29, last_seen_at::date + 1) ELSE '' END AS args,
	   CASE WHEN last_seen_at < now() - interval '30 days'
			THEN 'the last 30 days seen, to ' || to_char(last_seen_at, 'FMDD Mon YYYY,')
			ELSE 'the last 30 days' END AS period_name,
	   pg_temp.title(coalesce(name || ' · ', '') || user_id) AS title
FROM user_profile.user_profile(:'user') \gset
\set subject user

\echo
\echo :bold:title:plain
\echo

\echo :bold'WHO':plain
\echo :dim'SELECT * FROM user_profile.user_profile(':user_literal');':plain
\pset tuples_only on
\pset border 0
SELECT l.label, l.value
FROM user_profile.user_profile(:user_literal) AS p,
	 LATERAL (VALUES ('  e-mail', email),
					 ('  company', coalesce(company_name || ' (' || company_id || ')', company_id)),
					 ('  country', country),
					 ('  signed up', CASE WHEN sign_up_source = 'signed_up'
										  THEN to_char(sign_up_date, 'DD Mon YYYY, ') || pg_temp.ago(sign_up_date) END),
					 ('  first seen', pg_temp.moment(first_seen_at)),
					 ('  last seen', pg_temp.moment(last_seen_at) || ', ' || pg_temp.ago(last_seen_at)),
					 ('  in all', pg_temp.count(total_sessions, 'session') || ', ' || pg_temp.count(total_events, 'event')),
					 ('  works as', nullif(concat_ws(', ', properties ->> 'title', properties ->> 'plan' || ' plan'), '')),
					 ('  works with', nullif(concat_ws(', ', properties ->> 'browser', properties ->> 'operating_system',
													   properties ->> 'device_type', properties ->> 'browser_language',
													   properties ->> 'hostname'), '')),
					 ('  excluded', CASE WHEN excluded THEN coalesce(exclusion_reason, 'yes') END)) AS l (label, value)
WHERE l.value IS NOT NULL;
\pset tuples_only off
\pset border 1

\ir tabs/overview.sql
\ir tabs/daily.sql
\ir tabs/top.sql

\echo :bold'SESSIONS':plain' — the latest ten'
\echo :dim'SELECT * FROM user_profile.user_sessions(':args');':plain
SELECT session_number AS "no.", to_char(started_at, 'Dy DD Mon HH24:MI') AS started, pg_temp.span(duration) AS length, events,
	   pg_temp.fit(entry_page, 22) AS "from page", pg_temp.fit(exit_page, 22) AS "to page",
	   CASE WHEN replay_url IS NOT NULL THEN 'yes' ELSE '' END AS replay
FROM user_profile.user_sessions(:args)
ORDER BY started_at DESC
LIMIT 10;

-- One of them from within: the latest of a size that is good to read
SELECT session_number AS opened, format('%L', started_at) AS opened_literal, coalesce(' — replay: ' || replay_url, '') AS opened_replay
FROM (VALUES (1)) AS always
	 LEFT JOIN LATERAL
	 (
		SELECT * FROM user_profile.user_sessions(:args)
		ORDER BY events BETWEEN 6 AND 16 DESC, duration > interval '1 minute' DESC, replay_url IS NOT NULL DESC, started_at DESC
		LIMIT 1
	 ) AS s ON true \gset
\if :{?opened}
\echo :bold'INSIDE SESSION ':opened:plain:opened_replay
\echo :dim'SELECT * FROM user_profile.session_events(':user_literal', ':opened_literal');':plain
SELECT to_char(occurred_at, 'HH24:MI:SS') AS time, kind, concat_ws(', ', pg_temp.fit(CASE WHEN kind <> 'page_view' THEN name END, 30), action) AS event,
	   pg_temp.fit(page, 22) AS page, coalesce(pg_temp.fit(pg_temp.details(properties), 32), '') AS properties
FROM user_profile.session_events(:user_literal, :opened_literal)
ORDER BY occurred_at, event_id
LIMIT 16;
\endif

-- What they said and which content they met is often rare: it is shown for all time
\set args :user_literal ', ''(,)'''
\ir tabs/sentiment.sql

SELECT to_regproc('user_profile.user_engagement') IS NOT NULL AS exists \gset
\if :exists
\echo :bold'ENGAGEMENT':plain' — the in-app content met so far'
\echo :dim'SELECT * FROM user_profile.user_engagement(':args');':plain
SELECT kind, pg_temp.fit(name, 30) AS content, last_action AS "last action", pg_temp.moment(last_action_at) AS "at",
	   pg_temp.fit(last_page, 20) AS "on page", interactions AS times
FROM user_profile.user_engagement(:args)
ORDER BY last_action_at DESC;
\endif

\echo :bold'COMPANIES':plain
\echo :dim'SELECT * FROM user_profile.user_companies(':user_literal');':plain
SELECT company_id AS id, name AS company, to_char(joined_at, 'DD Mon YYYY') AS joined,
	   coalesce(to_char(left_at, 'DD Mon YYYY'), '') AS "left", CASE WHEN current THEN 'yes' ELSE '' END AS current
FROM user_profile.user_companies(:user_literal)
ORDER BY joined_at;
