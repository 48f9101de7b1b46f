-- Layer 2: exports. Relations of which each row or cell says all by itself, for
-- COPY (SELECT ...) TO ... (FORMAT csv, HEADER).

-- A cell of a spreadsheet has 32,767 characters at most
CREATE FUNCTION user_profile.csv_safe(value text, safe boolean DEFAULT true) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN safe AND pg_catalog.left(value, 32767) COLLATE "C" OPERATOR(pg_catalog.~)
		'^([[:space:]\u00A0\u1680\u2000-\u200D\u2028\u2029\u202F\u205F\u2060\u3000\uFEFF]*[-=+@\uFF0B\uFF0D\uFF1D\uFF20]|[\t\r\n])'
	THEN pg_catalog.concat('''', value) ELSE value END;
COMMENT ON FUNCTION user_profile.csv_safe(text, boolean) IS
'A text that no spreadsheet runs as a formula: with an apostrophe before it where it begins with = + - or @ (also full-width, also after blanks, those of Unicode and those of no width included), a tab or a line break. safe => false leaves it as it is';

CREATE FUNCTION user_profile.users_export(safe boolean DEFAULT false)
RETURNS TABLE (
	user_id text, name text, email text, country text, company_id text, company_name text,
	sign_up_date timestamptz, sign_up_source text, first_seen_at timestamptz, last_seen_at timestamptz,
	total_sessions bigint, total_events bigint, tracked_events bigint, labeled_events bigint,
	feature_tag_events bigint, page_views bigint, content_interactions bigint,
	session_time interval, avg_session interval, median_session interval, active_days bigint,
	excluded boolean, exclusion_reason text, hostname text, browser text, operating_system text,
	device_type text, browser_language text, properties jsonb)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10000
BEGIN ATOMIC
SELECT user_profile.csv_safe(p.user_id, safe), user_profile.csv_safe(p.name, safe),
	user_profile.csv_safe(p.email, safe), user_profile.csv_safe(p.country, safe),
	user_profile.csv_safe(p.company_id, safe), user_profile.csv_safe(p.company_name, safe),
	p.sign_up_date, p.sign_up_source, p.first_seen_at, p.last_seen_at,
	p.total_sessions, p.total_events, p.tracked_events, p.labeled_events,
	p.feature_tag_events, p.page_views, p.content_interactions,
	p.session_time, p.avg_session, p.median_session, p.active_days,
	p.excluded, user_profile.csv_safe(p.exclusion_reason, safe),
	user_profile.csv_safe(p.properties OPERATOR(pg_catalog.->>) 'hostname', safe),
	user_profile.csv_safe(p.properties OPERATOR(pg_catalog.->>) 'browser', safe),
	user_profile.csv_safe(p.properties OPERATOR(pg_catalog.->>) 'operating_system', safe),
	user_profile.csv_safe(p.properties OPERATOR(pg_catalog.->>) 'device_type', safe),
	user_profile.csv_safe(p.properties OPERATOR(pg_catalog.->>) 'browser_language', safe),
	p.properties OPERATOR(pg_catalog.-) '{hostname,browser,operating_system,device_type,browser_language}'::text[]
FROM user_profile.users_headers() p;
END;
COMMENT ON FUNCTION user_profile.users_export(boolean) IS
'One row a user: header, figures of all time, the properties that most users have as columns and the others as JSON. safe: texts that no spreadsheet runs as a formula, see csv_safe()';

CREATE VIEW user_profile.user_export WITH (security_invoker = true) AS
SELECT * FROM user_profile.users_export();
COMMENT ON VIEW user_profile.user_export IS
'One row a user: header, figures of all time, the properties that most users have as columns and the others as JSON. Texts as they are: for a spreadsheet take users_export(safe => true)';

CREATE FUNCTION user_profile.companies_export(safe boolean DEFAULT false)
RETURNS TABLE (
	company_id text, name text, sign_up_date timestamptz, sign_up_source text,
	first_seen_at timestamptz, last_seen_at timestamptz, users bigint, active_users bigint,
	total_sessions bigint, total_events bigint, tracked_events bigint, labeled_events bigint,
	feature_tag_events bigint, page_views bigint, content_interactions bigint,
	session_time interval, avg_session interval, median_session interval, active_days bigint,
	nps_responses bigint, nps_score numeric, domain text, industry text, country text, plan text,
	properties jsonb)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1000
BEGIN ATOMIC
SELECT user_profile.csv_safe(p.company_id, safe), user_profile.csv_safe(p.name, safe),
	p.sign_up_date, p.sign_up_source, p.first_seen_at, p.last_seen_at, p.users, o.active_users,
	p.total_sessions, p.total_events, o.tracked_events, o.labeled_events,
	o.feature_tag_events, o.page_views, o.content_interactions,
	o.session_time, o.avg_session, o.median_session, o.active_days, n.responses, n.score,
	user_profile.csv_safe(p.properties OPERATOR(pg_catalog.->>) 'domain', safe),
	user_profile.csv_safe(p.properties OPERATOR(pg_catalog.->>) 'industry', safe),
	user_profile.csv_safe(p.properties OPERATOR(pg_catalog.->>) 'country', safe),
	user_profile.csv_safe(p.properties OPERATOR(pg_catalog.->>) 'plan', safe),
	p.properties OPERATOR(pg_catalog.-) '{domain,industry,country,plan}'::text[]
FROM user_profile.company_profiles p
JOIN user_profile.companies_overview('(,)') o ON o.company_id OPERATOR(pg_catalog.=) p.company_id
JOIN user_profile.companies_nps('(,)') n ON n.company_id OPERATOR(pg_catalog.=) p.company_id;
END;
COMMENT ON FUNCTION user_profile.companies_export(boolean) IS
'One row a company: header, figures of all time over the members that are not excluded, the properties that most companies have as columns and the others as JSON. safe: texts that no spreadsheet runs as a formula, see csv_safe()';

CREATE VIEW user_profile.company_export WITH (security_invoker = true) AS
SELECT * FROM user_profile.companies_export();
COMMENT ON VIEW user_profile.company_export IS
'One row a company: header, figures of all time over the members that are not excluded, the properties that most companies have as columns and the others as JSON. Texts as they are: for a spreadsheet take companies_export(safe => true)';

-- Layer 3

CREATE FUNCTION user_profile.export_user(user_id text, safe boolean DEFAULT false)
RETURNS TABLE (
	section text, occurred_at timestamptz, name text, value text, page text, details jsonb)
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 1000 COST 10000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.export_user(text, boolean) IS
'Everything about one user in one shape; no row for an unknown one. Sections, in this order: profile, trait, alias, company, session, event, answer, engagement, replay; within each by time. What name and value are depends on the section (see doc/export.md); details has what else there is. safe: texts that no spreadsheet runs as a formula, see csv_safe()';
