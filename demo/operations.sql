-- What an operator does, on the sample workspace: exclude the internal tester, join the anonymous visitor with the
-- user she became, reset a user's content, delete a user who asked for it. In one transaction, rolled back at the
-- end: the workspace stays as it is.

\ir format.sql
BEGIN;

SELECT pg_temp.title('Operations') AS title \gset
\echo
\echo :bold:title:plain
\echo

SELECT to_regproc('user_profile.workspace_overview') IS NOT NULL AS exists \gset
\if :exists
\echo :bold'EXCLUDE THE INTERNAL TESTER':plain
\echo :dim'SELECT * FROM user_profile.preview_exclusion_rule(\'email_domain\', \'fernway.example\');':plain
SELECT * FROM user_profile.preview_exclusion_rule('email_domain', 'fernway.example');
CREATE TEMP TABLE workspace_before ON COMMIT DROP AS SELECT * FROM user_profile.workspace_overview();
\echo :dim'SELECT user_profile.add_exclusion_rule(\'email_domain\', \'fernway.example\', \'internal tester\');':plain
SELECT user_profile.add_exclusion_rule('email_domain', 'fernway.example', 'internal tester') AS rule \gset
\echo :dim'SELECT * FROM user_profile.workspace_overview();':plain
SELECT l.label AS " ", lpad(l.before, 14) AS "   with her", lpad(l.after, 14) AS "   without", lpad(coalesce(l.change, '–'), 7) AS " change"
FROM workspace_before AS b, user_profile.workspace_overview() AS a,
	 LATERAL (VALUES ('users', pg_temp.number(b.users), pg_temp.number(a.users), pg_temp.change(a.users, b.users)),
					 ('active users', pg_temp.number(b.active_users), pg_temp.number(a.active_users), pg_temp.change(a.active_users, b.active_users)),
					 ('sessions', pg_temp.number(b.sessions), pg_temp.number(a.sessions), pg_temp.change(a.sessions, b.sessions)),
					 ('average session', pg_temp.span(b.avg_session), pg_temp.span(a.avg_session),
					  pg_temp.change(extract(epoch FROM a.avg_session), extract(epoch FROM b.avg_session))),
					 ('events', pg_temp.number(b.total_events), pg_temp.number(a.total_events), pg_temp.change(a.total_events, b.total_events)),
					 ('page views', pg_temp.number(b.page_views), pg_temp.number(a.page_views), pg_temp.change(a.page_views, b.page_views)))
	 AS l (label, before, after, change);
\endif

\echo :bold'THE VISITOR WHO SIGNED UP':plain' — u-1004 was anon-5d1c09e7 before; the session in which she signed up becomes one'
\echo :dim'SELECT user_profile.alias(\'anon-5d1c09e7\', \'u-1004\');':plain
CREATE TEMP TABLE alias_before ON COMMIT DROP AS
SELECT * FROM user_profile.user_profile('anon-5d1c09e7') UNION ALL SELECT * FROM user_profile.user_profile('u-1004');
DO $$ BEGIN PERFORM user_profile.alias('anon-5d1c09e7', 'u-1004'); END $$;
SELECT "when", user_id AS id, coalesce(name, '') AS name, total_sessions AS sessions, total_events AS events, pg_temp.moment(first_seen_at) AS "first seen"
FROM (SELECT 'before' AS "when", * FROM alias_before
	  UNION ALL SELECT 'after', * FROM user_profile.user_profile('anon-5d1c09e7')
	  UNION ALL SELECT 'after', * FROM user_profile.user_profile('u-1004')) AS p
ORDER BY "when" DESC, user_id;

\echo :bold'RESET CONTENT':plain' — u-1005 may go through it again; the history stays'
\echo :dim'SELECT * FROM user_profile.content_progress(\'u-1005\');':plain
SELECT kind, name AS content, last_action AS "last action", completed, seen FROM user_profile.content_progress('u-1005');
\echo :dim'SELECT user_profile.reset_content(\'u-1005\');':plain
DO $$ BEGIN PERFORM user_profile.reset_content('u-1005'); END $$;
SELECT count(*) FILTER (WHERE seen) AS "content seen since the reset",
	   (SELECT count(*) FROM user_profile.user_engagement('u-1005', '(,)')) AS "in the history"
FROM user_profile.content_progress('u-1005');

\echo :bold'DELETE A USER':plain' — u-1002, who left, asks for it'
\echo :dim'SELECT * FROM user_profile.preview_delete(\'u-1002\');':plain
SELECT * FROM user_profile.preview_delete('u-1002');
\echo :dim'SELECT * FROM user_profile.delete_user(\'u-1002\', suppress => true);':plain
\pset expanded on
SELECT * FROM user_profile.delete_user('u-1002', suppress => true);
\pset expanded off
\echo :dim'SELECT count(*) FROM user_profile.user_profile(\'u-1002\');':plain
SELECT count(*) AS "profiles of u-1002" FROM user_profile.user_profile('u-1002');

ROLLBACK;
\echo 'Rolled back: the sample workspace is as it was.'
