-- Print one user's profile, tab by tab.
--
--     psql -v user=u-1001 -f demo/user.sql
--
-- user    whose profile
-- bold, dim, plain    what switches a terminal's type; default nothing
--
-- The period is the last 30 days or, where the user did nothing in them, the user's last 30 days.
-- Above each tab stands the call that it shows; it is the one that is run.

\ir format.sql
\if :{?bold}
\else
	\set bold ''
	\set dim ''
	\set plain ''
\endif

SELECT format('%L', :'user') AS user_literal,
	   format('%L', :'user')
	   || CASE WHEN last_seen_at < now() - interval '30 days'
			   THEN format(', ''[%s,%s)''', last_seen_at::date - 29, last_seen_at::date + 1) ELSE '' END AS args,
	   CASE WHEN last_seen_at < now() - interval '30 days'
			THEN 'the last 30 days seen, to ' || to_char(last_seen_at, 'FMDD Mon YYYY')
			ELSE 'the last 30 days' END AS period_name,
	   coalesce(name || ' · ', '') || user_id AS title
FROM user_profile.user_profile(:'user') \gset

\echo
\echo :bold'━━ ':title' ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━':plain

\echo
\echo :bold'WHO':plain
\echo :dim'SELECT * FROM user_profile.user_profile(':user_literal');':plain
\pset tuples_only on
\pset border 0
SELECT l.label, l.value
FROM user_profile.user_profile(:user_literal) AS p,
	 LATERAL (VALUES ('  e-mail', email),
					 ('  company', company_name || coalesce(' (' || nullif(company_id, company_name) || ')', '')),
					 ('  country', country),
					 ('  signed up', CASE WHEN sign_up_source = 'signed_up' THEN to_char(sign_up_date, 'DD Mon YYYY') || ', ' || pg_temp.ago(sign_up_date) END),
					 ('  first seen', pg_temp.moment(first_seen_at)),
					 ('  last seen', pg_temp.moment(last_seen_at) || ', ' || pg_temp.ago(last_seen_at)),
					 ('  in all', pg_temp.number(total_sessions) || ' sessions, ' || pg_temp.number(total_events) || ' events'),
					 ('  works as', nullif(concat_ws(', ', properties ->> 'title', properties ->> 'plan' || ' plan'), '')),
					 ('  works with', nullif(concat_ws(', ', properties ->> 'browser', properties ->> 'operating_system',
													   properties ->> 'device_type', properties ->> 'browser_language',
													   properties ->> 'hostname'), '')),
					 ('  excluded', CASE WHEN excluded THEN coalesce(exclusion_reason, 'yes') END)) AS l (label, value)
WHERE l.value IS NOT NULL;
\pset tuples_only off
\pset border 1

\echo :bold'OVERVIEW':plain' — ':period_name' and the 30 days before'
\echo :dim'SELECT * FROM user_profile.user_overview(':args');':plain
SELECT l.label AS " ", lpad(coalesce(l.value, '–'), 14) AS "   this period", lpad(coalesce(l.before, '–'), 14) AS "   one before",
	   lpad(coalesce(l.change, '–'), 7) AS " change"
FROM user_profile.user_overview(:args) AS o,
	 LATERAL (VALUES ('sessions', pg_temp.number(sessions), pg_temp.number(previous_sessions),
					  pg_temp.change(sessions, previous_sessions)),
					 ('time in sessions', pg_temp.span(session_time), '', ''),
					 ('average session', pg_temp.span(avg_session), pg_temp.span(previous_avg_session),
					  pg_temp.change(extract(epoch FROM avg_session), extract(epoch FROM previous_avg_session))),
					 ('median session', pg_temp.span(median_session), '', ''),
					 ('active days', pg_temp.number(active_days), '', ''),
					 ('events', pg_temp.number(total_events), pg_temp.number(previous_total_events),
					  pg_temp.change(total_events, previous_total_events)),
					 ('  tracked', pg_temp.number(tracked_events), '', ''),
					 ('  labeled', pg_temp.number(labeled_events), '', ''),
					 ('  feature tags', pg_temp.number(feature_tag_events), '', ''),
					 ('page views', pg_temp.number(page_views), '', ''),
					 ('content interactions', pg_temp.number(content_interactions), '', '')) AS l (label, value, before, change);

\echo :bold'DAY BY DAY':plain' — events and page views; below, sessions'
\echo :dim'SELECT * FROM user_profile.user_daily(':args');':plain
\pset tuples_only on
\pset format unaligned
WITH daily AS
(
	SELECT day, sessions, total_events + page_views AS n, max(total_events + page_views) OVER () AS most,
		   min(day) OVER () AS first_day, max(day) OVER () AS last_day,
		   day - extract(isodow FROM day)::integer + 1 AS monday, extract(isodow FROM day)::integer AS dow
	FROM user_profile.user_daily(:args)
)
SELECT line
FROM (SELECT level, CASE level WHEN 5 THEN lpad(most::text, 7) ELSE repeat(' ', 7) END || ' │'
			 || rtrim(string_agg(repeat(pg_temp.block(n, greatest(most, 1), level, 5), 2), ' ' ORDER BY day))
	  FROM daily CROSS JOIN generate_series(1, 5) AS level
	  GROUP BY level, most
	  UNION ALL
	  SELECT 0, '        └' || repeat('─', 3 * count(*)::integer - 1) FROM daily
	  UNION ALL
	  -- each Monday's date stretches over its week
	  SELECT -1, '         '
				 || string_agg(CASE WHEN monday < first_day THEN '   '
									WHEN day = last_day THEN substr(to_char(monday, 'DD Mon'), dow * 3 - 2)
									ELSE substr(rpad(to_char(monday, 'DD Mon'), 21), dow * 3 - 2, 3) END, '' ORDER BY day)
	  FROM daily
	  UNION ALL
	  SELECT -2, 'sessions '
				 || string_agg(CASE WHEN sessions > 0 THEN rpad(sessions::text, 2) ELSE '· ' END, ' ' ORDER BY day)
	  FROM daily) AS chart (level, line)
ORDER BY level DESC;
\pset tuples_only off
\pset format aligned

\echo
\echo :bold'TOP EVENTS':plain
\echo :dim'SELECT * FROM user_profile.user_top_events(':args');':plain
SELECT kind, pg_temp.fit(name, 40) AS event, occurrences AS times, pg_temp.bar(occurrences, max(occurrences) OVER (), 15) AS " ",
	   pg_temp.moment(last_at) AS "last"
FROM user_profile.user_top_events(:args);
\if :{?search}
SELECT format('%L', :'search') AS search_literal \gset
\echo :dim'SELECT * FROM user_profile.user_top_events(':args', search => ':search_literal', max_rows => 3);':plain
SELECT kind, pg_temp.fit(name, 40) AS event, occurrences AS times, pg_temp.moment(last_at) AS "last"
FROM user_profile.user_top_events(:args, search => :search_literal, max_rows => 3);
\endif

\echo :bold'TOP PAGES':plain
\echo :dim'SELECT * FROM user_profile.user_top_pages(':args');':plain
SELECT pg_temp.fit(page, 40) AS page, visits, events, pg_temp.bar(events, max(events) OVER (), 15) AS " ", pg_temp.moment(last_at) AS "last"
FROM user_profile.user_top_pages(:args);

\echo :bold'SESSIONS':plain' — the latest ten'
\echo :dim'SELECT * FROM user_profile.user_sessions(':args');':plain
SELECT session_number AS "no.", to_char(started_at, 'Dy DD Mon HH24:MI') AS started, pg_temp.span(duration) AS length, events,
	   pg_temp.fit(entry_page, 22) AS "from page", pg_temp.fit(exit_page, 22) AS "to page",
	   CASE WHEN replay_url IS NOT NULL THEN 'yes' ELSE '' END AS replay
FROM user_profile.user_sessions(:args)
ORDER BY started_at DESC
LIMIT 10;

SELECT session_number AS opened, started_at AS opened_at, format('%L', started_at) AS opened_literal, events AS opened_events,
	   coalesce('Replay: ' || replay_url, '') AS opened_replay
FROM user_profile.user_sessions(:args)
ORDER BY events BETWEEN 6 AND 16 DESC, replay_url IS NOT NULL DESC, started_at DESC
LIMIT 1 \gset
\if :{?opened}
\echo :bold'INSIDE SESSION ':opened:plain' — minute by minute. ':opened_replay
\echo :dim'SELECT * FROM user_profile.session_events(':user_literal', ':opened_literal');':plain
SELECT to_char(occurred_at, 'HH24:MI:SS') AS time, kind, concat_ws(', ', pg_temp.fit(CASE WHEN kind <> 'page_view' THEN name END, 30), action) AS event,
	   pg_temp.fit(page, 22) AS page, coalesce(pg_temp.fit(pg_temp.details(properties), 32), '') AS properties
FROM user_profile.session_events(:user_literal, :opened_literal)
ORDER BY occurred_at, event_id
LIMIT 16;
\endif

\echo :bold'COMPANIES':plain
\echo :dim'SELECT * FROM user_profile.user_companies(':user_literal');':plain
SELECT company_id AS id, name AS company, to_char(joined_at, 'DD Mon YYYY') AS joined,
	   coalesce(to_char(left_at, 'DD Mon YYYY'), '') AS "left", CASE WHEN current THEN 'yes' ELSE '' END AS current
FROM user_profile.user_companies(:user_literal)
ORDER BY joined_at;
