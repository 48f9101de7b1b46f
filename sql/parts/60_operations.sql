-- Layer 3: operations on users and companies (src/operations.c)

CREATE FUNCTION user_profile.exclude_user(user_id text, reason text DEFAULT NULL) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE c VOLATILE COST 1000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.exclude_user(text, text) IS
'Leave a user out of every figure about more than one user, past and future, until include_user(). The user''s own profile still answers, flagged. Error: no_data_found for an unknown user';

CREATE FUNCTION user_profile.include_user(user_id text) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE c VOLATILE COST 1000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.include_user(text) IS
'Undo exclude_user(). A NOTICE tells where a rule still excludes the user. Error: no_data_found for an unknown user';

CREATE FUNCTION user_profile.add_exclusion_rule(
	kind text, pattern text, reason text DEFAULT NULL, expires_at timestamptz DEFAULT NULL,
	force boolean DEFAULT false
) RETURNS bigint
	AS 'MODULE_PATHNAME' LANGUAGE c VOLATILE COST 10000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.add_exclusion_rule(text, text, text, timestamptz, boolean) IS
'Exclude users by a rule, up to expires_at where given, and return its rule_id. kind: user (pattern is a user id), company (of which the user is a member now) or email_domain (without regard to case); * in the pattern stands for any characters. A rule that matches all users is refused unless forced: invalid_parameter_value';

CREATE FUNCTION user_profile.remove_exclusion_rule(rule_id bigint) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE c VOLATILE COST 1000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.remove_exclusion_rule(bigint) IS
'Remove an exclusion rule. Error: no_data_found';

CREATE FUNCTION user_profile.preview_exclusion_rule(kind text, pattern text)
RETURNS TABLE (user_id text, name text, email text, excluded boolean)
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE COST 10000 ROWS 100
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.preview_exclusion_rule(text, text) IS
'The users that a rule would exclude; excluded: is so already';

CREATE FUNCTION user_profile.reset_content(user_id text) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE c VOLATILE COST 1000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.reset_content(text) IS
'Start the content progress of a user anew: content_progress() counts only what comes after now. History, sessions and answers stay. Error: no_data_found for an unknown user';

CREATE FUNCTION user_profile.preview_delete(user_id text)
RETURNS TABLE ("table" text, rows bigint)
	AS 'MODULE_PATHNAME' LANGUAGE c STABLE COST 10000 ROWS 7
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.preview_delete(text) IS
'How many rows of which table delete_user() would delete, also under ids that are aliases of the user; no row for an unknown user';

CREATE FUNCTION user_profile.delete_user(user_id text, suppress boolean DEFAULT false)
RETURNS SETOF user_profile.erasures
	AS 'MODULE_PATHNAME' LANGUAGE c VOLATILE COST 100000 ROWS 1
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.delete_user(text, boolean) IS
'Delete every row of a user, also under ids that are aliases, dictionary entries that nobody else used and exclusion rules of kind user for exactly this id included, and return the receipt that is left in erasures. With suppress, what arrives later for this id is dropped; without, it is a new user. Waits for those who are writing events; with suppress also for those who are writing to users, memberships and session_replays, and holds up others. Errors: insufficient_privilege where row-level security would hide rows, no_data_found for an unknown user, active_sql_transaction above read committed';

CREATE FUNCTION user_profile.delete_company(company_id text, with_users boolean DEFAULT false)
RETURNS SETOF user_profile.erasures
	AS 'MODULE_PATHNAME' LANGUAGE c VOLATILE COST 100000 ROWS 10
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.delete_company(text, boolean) IS
'Delete a company with all memberships in it, and with with_users its current members as by delete_user(); returns the receipts. Error: no_data_found for an unknown company';

CREATE FUNCTION user_profile.schedule_delete(user_id text, after interval, suppress boolean DEFAULT false)
RETURNS timestamptz
	AS 'MODULE_PATHNAME' LANGUAGE c VOLATILE COST 1000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.schedule_delete(text, interval, boolean) IS
'Have a user deleted after some time, by run_scheduled_deletions(), and return when. Replaces an earlier schedule. Error: no_data_found for an unknown user';

CREATE FUNCTION user_profile.cancel_delete(user_id text) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE c VOLATILE COST 1000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.cancel_delete(text) IS
'Cancel a scheduled deletion. Error: no_data_found where there is none';

CREATE FUNCTION user_profile.run_scheduled_deletions()
RETURNS SETOF user_profile.erasures
	AS 'MODULE_PATHNAME' LANGUAGE c VOLATILE COST 100000 ROWS 10
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.run_scheduled_deletions() IS
'Delete the users whose scheduled deletion is due, and return the receipts; to be called regularly. A deletion that fails is undone by itself, raises a WARNING that names the user, and stays scheduled; the others go on. Error: active_sql_transaction above read committed';

CREATE FUNCTION user_profile.alias(previous_id text, user_id text) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE c VOLATILE SECURITY DEFINER COST 100000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION user_profile.alias(text, text) IS
'Make everything of previous_id user_id''s: events, sessions, memberships, recordings, traits that user_id lacks, exclusion by hand and a scheduled deletion; and what still arrives under previous_id. An anonymous visitor becomes a known user so. Nothing happens where one of them was deleted with suppress. Errors: invalid_parameter_value for an alias of itself, a cycle, or an id that is another user''s alias already; insufficient_privilege where row-level security on users hides one of them from the role of the session; active_sql_transaction above read committed. SECURITY DEFINER: who sends events may say that two ids are one user, without the right to rewrite timelines otherwise';
