-- Levels of rights. Each object of the schema is declared here once, by name;
-- grant_access() gives what the level says, an operator all of it.

CREATE VIEW user_profile.access_levels WITH (security_invoker = true) AS
WITH declared (level, privileges, names) AS (
	VALUES
	('reader', 'SELECT', ARRAY[
		-- tables
		'aliases', 'companies', 'event_types', 'events', 'exclusion_rules', 'memberships',
		'pages', 'session_replays', 'suppressions', 'timelines', 'users',
		-- views
		'access_levels', 'company_daily', 'company_nps', 'company_overviews', 'company_profiles',
		'company_top_events', 'company_top_pages', 'company_users', 'company_export',
		'current_members',
		'excluded_users', 'folded_events', 'included_members', 'live_companies', 'live_timelines', 'live_users',
		'parts', 'pending_events', 'pending_timelines', 'status',
		'user_content_progress', 'user_daily', 'user_engagement', 'user_events', 'user_export',
		'user_overviews', 'user_profiles', 'user_sentiment', 'user_sessions', 'user_top_events',
		'user_top_pages', 'users_companies']),
	-- An error may tell of a user
	('reader', 'SELECT (event_id)', ARRAY['refresh_failures']),
	('reader', 'SELECT (singleton, folded_through, refreshed_at, failed_at, expired_before)', ARRAY['refresh_state']),
	('reader', 'EXECUTE', ARRAY[
		-- values
		'last_days', 'default_period', 'previous_period', 'first_needed_at',
		'event_kind_number', 'event_page', 'event_type_name', 'search_matches', 'like_pattern',
		'num_events', 'session_number', 'timeline_in', 'timeline_out', 'timeline_recv',
		'timeline_send', 'timeline_agg', 'timeline_first_at', 'timeline_last_at',
		'timeline_stats', 'timelines_stats', 'timelines_sessions',
		'timeline_sessions', 'timeline_events', 'timeline_event_counts', 'timeline_page_counts',
		'timelines_event_counts', 'timelines_page_counts', 'timeline_daily', 'timelines_daily',
		'timeline_answers', 'timeline_interactions', 'timelines_dictionary',
		'answer_score', 'nps_category', 'nps_score', 'survey_answers', 'csv_safe',
		-- aggregates run these with the rights of their owner
		'timeline_agg_transfn', 'timeline_agg_finalfn', 'timeline_agg_combinefn',
		'timeline_agg_serialfn', 'timeline_agg_deserialfn',
		'timeline_agg_parts_transfn', 'timeline_agg_parts_finalfn', 'timeline_agg_parts_combinefn',
		'timeline_agg_parts_serialfn', 'timeline_agg_parts_deserialfn',
		'timelines_counts_combinefn', 'timelines_counts_serialfn', 'timelines_counts_deserialfn',
		'timelines_daily_transfn', 'timelines_daily_finalfn', 'timelines_daily_combinefn',
		'timelines_daily_serialfn', 'timelines_daily_deserialfn',
		'timelines_dictionary_transfn', 'timelines_dictionary_finalfn',
		'timelines_event_counts_transfn', 'timelines_event_counts_finalfn',
		'timelines_page_counts_transfn', 'timelines_page_counts_finalfn',
		'timelines_stats_transfn', 'timelines_stats_finalfn', 'timelines_stats_combinefn',
		'timelines_stats_serialfn', 'timelines_stats_deserialfn',
		'timelines_sessions_transfn', 'timelines_sessions_finalfn', 'timelines_sessions_combinefn',
		'timelines_sessions_serialfn', 'timelines_sessions_deserialfn',
		-- relations
		'active_rules', 'rule_users', 'email_matches', 'excluded_user_ids', 'refresh_position', 'refresh_error',
		'failed_event_ids', 'is_folded', 'user_timeline', 'is_suppressed', 'user_visible', 'check_period', 'in_period', 'likely_support',
		'unlikely_support', 'timeline_scan_support', 'timelines_since', 'users_timelines', 'users_headers', 'worker_status',
		'companies_timelines', 'companies_members', 'workspace_timelines', 'timeline_event_details', 'timeline_answer_details',
		'timeline_interaction_details', 'timeline_interaction_events',
		'users_overview', 'users_top_events', 'users_top_pages', 'users_daily', 'users_sessions',
		'users_sentiment', 'users_engagement', 'users_engagement_events', 'users_export',
		'companies_overview', 'companies_top_events', 'companies_top_pages', 'companies_daily',
		'companies_nps', 'companies_sentiment', 'companies_engagement', 'companies_export',
		-- profiles
		'user_profile', 'user_overview', 'user_top_events', 'user_top_pages', 'user_daily',
		'user_sessions', 'session_events', 'user_companies', 'user_sentiment',
		'user_engagement', 'engagement_events', 'content_progress', 'export_user',
		'company_profile', 'company_overview', 'company_top_events', 'company_top_pages',
		'company_daily', 'company_users', 'company_sentiment', 'company_nps',
		'company_engagement',
		'workspace_overview', 'workspace_top_events', 'workspace_top_pages', 'workspace_daily',
		'workspace_nps', 'workspace_sentiment', 'workspace_engagement']),
	('reader', 'USAGE', ARRAY[
		'timeline', 'event_kind', 'activity_stats', 'dictionary_ids', 'event_count',
		'page_count', 'daily_stats', 'session_totals']),
	-- Not event_id, which is the sequence's; nor what the operations on users set
	('writer', 'INSERT (user_id, occurred_at, kind, name, action, page, properties, message_id), '
		'SELECT (event_id, user_id, message_id)', ARRAY['events']),
	('writer', 'SELECT, INSERT (user_id, name, email, country, signed_up_at, properties), '
		'UPDATE (name, email, country, signed_up_at, properties)', ARRAY['users']),
	('writer', 'SELECT, INSERT, UPDATE (joined_at, left_at)', ARRAY['memberships']),
	('writer', 'SELECT, INSERT, UPDATE', ARRAY['companies']),
	('writer', 'INSERT', ARRAY['session_replays']),
	('writer', 'SELECT', ARRAY['aliases', 'suppressions']),
	('writer', 'USAGE', ARRAY['events_event_id_seq', 'event_kind']),
	('writer', 'EXECUTE', ARRAY[
		'alias', 'check_event', 'identify', 'identify_company', 'ingest', 'is_suppressed',
		'join_company', 'leave_company', 'track']),
	-- Not TRIGGER: a trigger would run as whoever refreshes, a superuser perhaps
	('operator', 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE', ARRAY[
		'aliases', 'companies', 'erasure_key', 'erasures', 'event_types', 'events',
		'exclusion_rules', 'memberships', 'pages', 'refresh_failures', 'refresh_state',
		'scheduled_deletions', 'session_replays', 'suppressions', 'timelines', 'users']),
	('operator', 'USAGE, SELECT, UPDATE', ARRAY[
		'erasures_erasure_id_seq', 'event_types_seq', 'events_event_id_seq',
		'exclusion_rules_rule_id_seq', 'pages_seq']),
	('operator', 'EXECUTE', ARRAY[
		'exclude_user', 'include_user', 'add_exclusion_rule', 'remove_exclusion_rule',
		'preview_exclusion_rule', 'reset_content', 'preview_delete', 'delete_user',
		'delete_company', 'schedule_delete', 'cancel_delete', 'run_scheduled_deletions',
		'refresh', 'check_timelines', 'rebuild_timelines', 'settle_row',
		'expire_events', 'grant_access', 'revoke_access'])
), wanted AS (
	SELECT d.level, d.privileges, n.name
	FROM declared d CROSS JOIN LATERAL pg_catalog.unnest(d.names) AS n (name)
)
SELECT w.level, w.privileges, 'ROUTINE ' OPERATOR(pg_catalog.||) p.oid::regprocedure::text AS object
FROM wanted w
JOIN pg_catalog.pg_proc p ON p.proname OPERATOR(pg_catalog.=) w.name::name
	AND p.pronamespace OPERATOR(pg_catalog.=) 'user_profile'::regnamespace
WHERE w.privileges OPERATOR(pg_catalog.=) 'EXECUTE'
UNION ALL
SELECT w.level, w.privileges, CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END
	OPERATOR(pg_catalog.||) c.oid::regclass::text
FROM wanted w
JOIN pg_catalog.pg_class c ON c.relname OPERATOR(pg_catalog.=) w.name::name
	AND c.relnamespace OPERATOR(pg_catalog.=) 'user_profile'::regnamespace
WHERE c.relkind IN ('r', 'v', 'S') AND w.privileges OPERATOR(pg_catalog.<>) 'EXECUTE'
UNION ALL
SELECT w.level, w.privileges, 'TYPE ' OPERATOR(pg_catalog.||) t.oid::regtype::text
FROM wanted w
JOIN pg_catalog.pg_type t ON t.typname OPERATOR(pg_catalog.=) w.name::name
	AND t.typnamespace OPERATOR(pg_catalog.=) 'user_profile'::regnamespace
LEFT JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) t.typrelid
WHERE w.privileges OPERATOR(pg_catalog.=) 'USAGE' AND COALESCE(c.relkind, 'c') OPERATOR(pg_catalog.=) 'c';
COMMENT ON VIEW user_profile.access_levels IS
'Which privileges on which object belong to which level: reader reads profiles, writer brings in data, operator does everything. As GRANT takes them';

CREATE FUNCTION user_profile.grant_access(role regrole, level text) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE c VOLATILE COST 10000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.grant_access(regrole, text) IS
'Give a role the rights of a level: reader (read profiles), writer (bring in events, users and companies) or operator (everything: both, and the operations and administration). Levels add up. Only the owner of the extension or a superuser can grant. Errors: insufficient_privilege for anyone else, undefined_object for an unknown role, invalid_parameter_value for an unknown level';

CREATE FUNCTION user_profile.revoke_access(role regrole) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE c VOLATILE COST 10000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.revoke_access(regrole) IS
'Take all rights in this schema from a role, before DROP ROLE for instance. Only the owner of the extension or a superuser can';
