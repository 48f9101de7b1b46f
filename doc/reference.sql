-- Write doc/reference.md from the catalogs of a database that has the extension:
--
--	psql -X -q -A -t -f doc/reference.sql >doc/reference.md
--
-- or perl test/readme.pl --update, which compares the two otherwise. What it says of an object is
-- the object's comment, its declaration and its entry in access_levels. Sections and their order
-- are below; what none of them names comes last.

SET client_min_messages = warning;
LOAD 'user_profile';
-- So that names of ours need no schema, and those of others have theirs
SET search_path = user_profile, pg_catalog;

CREATE TEMP TABLE section (number integer, title text, introduction text, names text[]);
INSERT INTO section VALUES
(1, 'Profile of one user',
 'No row for an unknown user; of an alias, ask for the user it belongs to. Where there is a view of the same name, it has the same columns of all users, after `user_id`.',
 '{user_profile,user_overview,user_top_events,user_top_pages,user_daily,user_sessions,session_events,user_sentiment,user_engagement,engagement_events,content_progress,user_companies}'),
(2, 'All users',
 'The views and, for any period, the functions that they call. `WHERE user_id = ...` reaches the keys below them; views with the names of functions are listed with these.',
 '{user_profiles,user_overviews,user_events,user_content_progress,users_companies,users_overview,users_top_events,users_top_pages,users_daily,users_sessions,users_sentiment,users_engagement,users_engagement_events}'),
(3, 'Profile of one company',
 'Over the members that the company has now and that are not excluded. No row for an unknown company.',
 '{company_profile,company_overview,company_top_events,company_top_pages,company_daily,company_users,company_sentiment,company_nps,company_engagement}'),
(4, 'All companies', NULL,
 '{company_profiles,company_overviews,companies_overview,companies_top_events,companies_top_pages,companies_daily,companies_sentiment,companies_nps,companies_engagement}'),
(5, 'Workspace', 'Over all users that are not excluded.',
 '{workspace_overview,workspace_top_events,workspace_top_pages,workspace_daily,workspace_sentiment,workspace_nps,workspace_engagement}'),
(6, 'Operations', 'Each takes effect in every view and function when its transaction commits.',
 '{exclude_user,include_user,add_exclusion_rule,remove_exclusion_rule,preview_exclusion_rule,excluded_users,reset_content,preview_delete,delete_user,delete_company,schedule_delete,cancel_delete,run_scheduled_deletions}'),
(7, 'Ingestion', 'COPY and INSERT into the tables do as well, see [Tables](#tables). Messages are described in [ingestion.md](ingestion.md).',
 '{track,identify,identify_company,join_company,leave_company,ingest,alias}'),
(8, 'Export', 'Described in [export.md](export.md). Every view can be copied.',
 '{user_export,users_export,company_export,companies_export,export_user,csv_safe}'),
(9, 'Rights', NULL, '{grant_access,revoke_access,access_levels}'),
(10, 'Administration', NULL, '{refresh,status,check_timelines,rebuild_timelines,expire_events}'),
(11, 'Building blocks',
 'Usable on any table. Functions named `timeline_...` read one timeline, aggregates named `timelines_...` many.',
 '{session_number,timeline_agg,num_events,timeline_first_at,timeline_last_at,timeline_sessions,timeline_events,timeline_stats,timelines_stats,timeline_daily,timelines_daily,timeline_event_counts,timelines_event_counts,timeline_page_counts,timelines_page_counts,timeline_answers,timeline_interactions,timeline_interaction_events,timelines_dictionary,live_timelines,last_days,previous_period,default_period,nps_category,nps_score}');

CREATE FUNCTION pg_temp.cell(text) RETURNS text
	RETURN replace(regexp_replace(coalesce($1, ''), E'[\n\t ]+', ' ', 'g'), '|', '\|');

-- Which level may do what
CREATE FUNCTION pg_temp.levels(object text) RETURNS text
	RETURN (SELECT string_agg(CASE WHEN privileges IN ('EXECUTE', 'USAGE') OR level = 'reader' AND privileges = 'SELECT'
				THEN level ELSE format('%s (%s)', level, privileges) END, ', '
			ORDER BY array_position('{reader,writer,operator}', level))
		FROM access_levels a WHERE a.object = $1
			AND (a.level <> 'operator' OR NOT EXISTS (SELECT FROM access_levels b
				WHERE b.object = a.object AND b.level <> 'operator' AND b.privileges = 'EXECUTE')));

-- Comments are plain text
CREATE FUNCTION pg_temp.prose(text) RETURNS text
	RETURN regexp_replace($1, '([*<])', '\\\1', 'g') || CASE WHEN $1 ~ '[?]$' THEN '' ELSE '.' END;

-- The usual names of types, in lines that are not too long
CREATE FUNCTION pg_temp.code(text) RETURNS text
	RETURN regexp_replace(regexp_replace(replace($1, 'timestamp with time zone', 'timestamptz'),
		'::\w+', '', 'g'), '([^\n]{70,100}?,) ', E'\\1\n     ', 'g');

CREATE FUNCTION pg_temp.columns(relation regclass) RETURNS text
	RETURN (SELECT string_agg(attname || ' ' || format_type(atttypid, NULL), ', ' ORDER BY attnum)
		FROM pg_attribute WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped);

-- A declaration: OUT parameters are columns of the result
CREATE FUNCTION pg_temp.declaration(p pg_proc) RETURNS text
	RETURN p.proname || '(' || regexp_replace(pg_get_function_arguments(p.oid), ', OUT .*$', '') || ')'
		|| CASE WHEN p.prokind = 'p' THEN ''
			WHEN 'o' = ANY (p.proargmodes) THEN
				E'\n    → (' || replace(substr(pg_get_function_arguments(p.oid),
					strpos(pg_get_function_arguments(p.oid), ', OUT ') + 6), 'OUT ', '') || ')'
			ELSE E'\n    → ' || regexp_replace(pg_get_function_result(p.oid), '^TABLE\((.*)\)$', '(\1)') END
		|| CASE p.prokind WHEN 'a' THEN '    (aggregate)' WHEN 'w' THEN '    (window function)'
			WHEN 'p' THEN '    (procedure)' ELSE '' END;

CREATE TEMP TABLE entry AS
SELECT p.proname::text AS name, 1 AS kind, p.oid::regprocedure::text AS signature,
	format(E'```text\n%s\n```\n\n%s *Level: %s*', pg_temp.code(pg_temp.declaration(p)), pg_temp.prose(obj_description(p.oid, 'pg_proc')),
		pg_temp.levels('ROUTINE ' || p.oid::regprocedure)) AS entry
FROM pg_proc p
WHERE p.pronamespace = 'user_profile'::regnamespace AND obj_description(p.oid, 'pg_proc') IS NOT NULL
UNION ALL
SELECT c.relname, 2, c.relname, format(E'```text\n%s\n```\n\n%s *Level: %s*',
	pg_temp.code(format(E'view %s\n    → (%s)', c.relname, pg_temp.columns(c.oid))),
	pg_temp.prose(obj_description(c.oid, 'pg_class')), pg_temp.levels('TABLE ' || c.oid::regclass))
FROM pg_class c
WHERE c.relnamespace = 'user_profile'::regnamespace AND c.relkind = 'v';

INSERT INTO section
SELECT 100, 'Underneath', 'Other objects rest on these. They may change from one version to the next.',
	array_agg(DISTINCT name ORDER BY name)
FROM entry WHERE name NOT IN (SELECT unnest(names) FROM section);

SELECT $md$<!-- Written by doc/reference.sql from the comments in the catalogs: change those instead. -->

# Reference

Everything is in the schema `user_profile`. `\df+ user_profile.*` and `\d+ user_profile.*` in psql say the same.

- A **period** is a `tstzrange`. Its bounds are honoured as they are written; `'(,)'` is all time; NULL and an empty one are errors; a bound at infinity is none. Events count by `occurred_at`; a session belongs to the period in which it starts, with its whole length.
- **search** finds a literal substring without regard to case; `%` and `_` are ordinary characters. **max_rows** limits the rows; NULL is no limit.
- **Errors.** A function that changes something raises `no_data_found` for an unknown user or company; one that reads gives no row. A NULL or empty id is `null_value_not_allowed` or `invalid_parameter_value`, a time that is not finite `datetime_value_out_of_range`; the message names argument and value.
- **Levels** are given by [grant_access](#grant_access): reader, writer, operator; an operator may do everything. PUBLIC may do nothing.

$md$ || string_agg(format('[%s](#%s)', title, lower(replace(title, ' ', '-'))), ' · ' ORDER BY number)
FROM (SELECT number, title FROM section UNION VALUES (-1, 'Settings'), (90, 'Tables'), (91, 'Types')) s;

SELECT E'\n## Settings\n\nA user may set them for a session (SET), a superuser or owner for a role or a database (ALTER ... SET), an administrator in postgresql.conf.\n\n| setting | default | |\n|---|---|---|';
SELECT format('| `%s` | `%s` | %s |', name, boot_val, pg_temp.cell(concat_ws(' ', short_desc, extra_desc)))
FROM pg_settings WHERE name LIKE 'user\_profile.%' ORDER BY name;

SELECT format(E'\n## %s%s', title, E'\n\n' || introduction) || entries
FROM section s CROSS JOIN LATERAL (
	SELECT string_agg(E'\n\n' || CASE WHEN first THEN format(E'### %s\n\n', name) ELSE '' END || entry, '' ORDER BY position, name, kind, signature) AS entries
	FROM (
		SELECT e.*, array_position(s.names, e.name) AS position,
			row_number() OVER (PARTITION BY e.name ORDER BY e.kind, e.signature) = 1 AS first
		FROM entry e WHERE e.name = ANY (s.names)) e) x
WHERE number < 90 ORDER BY number;

SELECT E'\n## Tables\n\nThe first five are for loaders to fill, by COPY or INSERT; the others are filled by functions and by refresh.';
SELECT format(E'\n### %s\n\n%s *Level: %s*\n\n| column | type | default | |\n|---|---|---|---|\n%s', c.relname,
	pg_temp.prose(obj_description(c.oid, 'pg_class')), pg_temp.levels('TABLE ' || c.oid::regclass),
	(SELECT string_agg(format('| `%s` | %s%s | %s | %s |', a.attname, pg_temp.code(format_type(a.atttypid, a.atttypmod)),
			CASE WHEN a.attnotnull THEN ', not null' ELSE '' END,
			CASE WHEN d.oid IS NOT NULL THEN format('`%s`', pg_temp.code(pg_get_expr(d.adbin, d.adrelid))) END,
			pg_temp.cell(col_description(c.oid, a.attnum))), E'\n' ORDER BY a.attnum)
		FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
		WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped))
FROM pg_class c
WHERE c.relnamespace = 'user_profile'::regnamespace AND c.relkind = 'r'
ORDER BY coalesce(array_position('{events,users,companies,memberships,session_replays}', c.relname::text), 9), c.relname;

SELECT E'\n## Types';
SELECT format(E'\n### %s\n\n%s%s', t.typname, pg_temp.prose(obj_description(t.oid, 'pg_type')),
	CASE t.typtype
		WHEN 'c' THEN pg_temp.code(format(E'\n\n```text\n(%s)\n```', pg_temp.columns(t.typrelid)))
		WHEN 'e' THEN (SELECT format(' Values: %s.', string_agg(format('`%s`', enumlabel), ', ' ORDER BY enumsortorder))
			FROM pg_enum WHERE enumtypid = t.oid)
	END)
FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
WHERE t.typnamespace = 'user_profile'::regnamespace AND t.typelem = 0 AND (c.oid IS NULL OR c.relkind = 'c')
ORDER BY t.typname;

SELECT format(E'\n## %s%s', title, E'\n\n' || introduction) || entries
FROM section s CROSS JOIN LATERAL (
	SELECT string_agg(E'\n\n' || CASE WHEN first THEN format(E'### %s\n\n', name) ELSE '' END || entry, '' ORDER BY name, kind, signature) AS entries
	FROM (
		SELECT e.*, row_number() OVER (PARTITION BY e.name ORDER BY e.kind, e.signature) = 1 AS first
		FROM entry e WHERE e.name = ANY (s.names)) e) x
WHERE number = 100;
