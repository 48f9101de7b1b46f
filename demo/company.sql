-- Print one company's profile, tab by tab.
--
--     psql -v company=c-101 -f demo/company.sql
--
-- company    whose profile
-- bold, dim, plain    what switches a terminal's type; default nothing

\ir format.sql

SELECT format('%L', :'company') AS company_literal,
	   format('%L', :'company')
	   || CASE WHEN last_seen_at < now() - interval '30 days'
			   THEN format(', ''[%s,%s)''', last_seen_at::date - 29, last_seen_at::date + 1) ELSE '' END AS args,
	   CASE WHEN last_seen_at < now() - interval '30 days'
			THEN 'the last 30 days seen, to ' || to_char(last_seen_at, 'FMDD Mon YYYY,')
			ELSE 'the last 30 days' END AS period_name,
	   pg_temp.title('Company ' || coalesce(name || ' · ', '') || company_id) AS title
FROM user_profile.company_profile(:'company') \gset
\set subject company

\echo
\echo :bold:title:plain
\echo

\echo :bold'WHO':plain
\echo :dim'SELECT * FROM user_profile.company_profile(':company_literal');':plain
\pset tuples_only on
\pset border 0
SELECT l.label, l.value
FROM user_profile.company_profile(:company_literal) AS p,
	 LATERAL (VALUES ('  signed up', CASE WHEN sign_up_source = 'signed_up'
										  THEN to_char(sign_up_date, 'DD Mon YYYY, ') || pg_temp.ago(sign_up_date) END),
					 ('  first seen', pg_temp.moment(first_seen_at)),
					 ('  last seen', pg_temp.moment(last_seen_at) || ', ' || pg_temp.ago(last_seen_at)),
					 ('  in all', pg_temp.count(users, 'user') || ', ' || pg_temp.count(total_sessions, 'session')),
					 ('  properties', pg_temp.fit(pg_temp.details(properties), 84))) AS l (label, value)
WHERE l.value IS NOT NULL;
\pset tuples_only off
\pset border 1

\ir tabs/overview.sql
\ir tabs/daily.sql
\ir tabs/top.sql

\echo :bold'USERS':plain' — ten of them'
\echo :dim'SELECT * FROM user_profile.company_users(':company_literal');':plain
SELECT user_id AS id, pg_temp.fit(name, 24) AS name, pg_temp.fit(email, 34) AS "e-mail", to_char(joined_at, 'DD Mon YY') AS joined,
	   to_char(last_seen_at, 'DD Mon YY') AS "last seen", total_sessions AS sessions, CASE WHEN excluded THEN 'yes' ELSE '' END AS excl
FROM user_profile.company_users(:company_literal);

\set args :company_literal ', ''(,)'''
SELECT to_regproc('user_profile.company_nps') IS NOT NULL AS exists \gset
\if :exists
\echo :bold'NPS':plain' — all answers so far'
\echo :dim'SELECT * FROM user_profile.company_nps(':args');':plain
SELECT responses, promoters, passives, detractors, score AS "NPS",
	   repeat('█', round(40.0 * promoters / nullif(responses, 0))::integer) || repeat('▒', round(40.0 * passives / nullif(responses, 0))::integer)
	   || repeat('░', round(40.0 * detractors / nullif(responses, 0))::integer) AS "promoters █ passives ▒ detractors ░"
FROM user_profile.company_nps(:args);
\endif
\ir tabs/sentiment.sql

SELECT to_regproc('user_profile.company_engagement') IS NOT NULL AS exists \gset
\if :exists
\echo :bold'ENGAGEMENT':plain' — the in-app content met so far'
\echo :dim'SELECT * FROM user_profile.company_engagement(':args');':plain
SELECT kind, pg_temp.fit(name, 40) AS content, users, interactions, completed_users AS "completed by"
FROM user_profile.company_engagement(:args)
ORDER BY users DESC, kind, name;
\endif
