-- Who may do what: every object of the schema has a level, PUBLIC has none; roles of each level
-- can do what the level says and no more; row-level security on users is honoured everywhere.

\ir begin.psql

-- Roles are the cluster's, and other tests run beside this one: names of our own
SELECT 'up_reader_' || oid AS reader, 'up_writer_' || oid AS writer, 'up_operator_' || oid AS operator,
	'up_twofold_' || oid AS twofold FROM pg_database WHERE datname = current_database() \gset
CREATE ROLE :reader;
CREATE ROLE :writer;
CREATE ROLE :operator;
CREATE ROLE :twofold;

--
-- The catalogs
--
CREATE VIEW test.objects AS
SELECT 'ROUTINE ' || p.oid::regprocedure AS object, p.proacl AS acl, acldefault('f', p.proowner) AS default_acl
FROM pg_proc p WHERE p.pronamespace = 'user_profile'::regnamespace
UNION ALL
SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || c.oid::regclass, c.relacl,
	acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner)
FROM pg_class c WHERE c.relnamespace = 'user_profile'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
UNION ALL
SELECT 'TYPE ' || t.oid::regtype, t.typacl, acldefault('T', t.typowner)
FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
WHERE t.typnamespace = 'user_profile'::regnamespace AND COALESCE(c.relkind, 'c') = 'c' AND t.typelem = 0;
SELECT cmp_ok(count(*), '>', 150::bigint, 'there are objects') FROM test.objects;
SELECT is_empty($$SELECT object, a.privilege_type FROM test.objects, aclexplode(COALESCE(acl, default_acl)) a
	WHERE a.grantee = 0$$, 'PUBLIC can use none of them');
SELECT is_empty($$SELECT object FROM test.objects EXCEPT SELECT object FROM user_profile.access_levels$$,
	'each has a level');
SELECT is_empty($$SELECT object FROM user_profile.access_levels EXCEPT SELECT object FROM test.objects$$,
	'each level is one of an object');
SELECT set_eq('SELECT DISTINCT level FROM user_profile.access_levels', ARRAY['reader', 'writer', 'operator'], 'the levels');

SELECT throws_ok(format('SELECT user_profile.grant_access(%L, %L)', :'reader', 'owner'), '22023',
	'level must be reader, writer or operator, not "owner"', 'an unknown level');
SELECT throws_ok($$SELECT user_profile.grant_access('no such role', 'reader')$$, NULL, NULL, 'an unknown role');
SELECT throws_ok(format('SELECT user_profile.grant_access(%L, NULL)', :'reader'), '22004', NULL, 'a NULL level');
SELECT user_profile.grant_access(:'reader', 'reader') \g /dev/null
SELECT user_profile.grant_access(:'writer', 'writer') \g /dev/null
SELECT user_profile.grant_access(:'operator', 'operator') \g /dev/null
SELECT user_profile.grant_access(:'twofold', 'reader') \g /dev/null
SELECT user_profile.grant_access(:'twofold', 'writer') \g /dev/null

-- What a role may do with relations, sequences and functions; columns aside
CREATE FUNCTION test.privileges(role text) RETURNS TABLE (object text, privilege text)
LANGUAGE sql AS $$
	SELECT o.object, a.privilege_type FROM test.objects o, aclexplode(COALESCE(o.acl, o.default_acl)) a
	WHERE a.grantee = role::regrole
$$;
CREATE FUNCTION test.declared(levels text[]) RETURNS TABLE (object text, privilege text)
LANGUAGE sql AS $$
	SELECT DISTINCT l.object, p
	FROM user_profile.access_levels l
	CROSS JOIN LATERAL unnest(CASE WHEN l.privileges <> 'ALL'
		THEN regexp_split_to_array(regexp_replace(l.privileges, '(, )?\w+ [(].*[)]', ''), ', ')
		WHEN l.object ~ '^SEQUENCE' THEN '{USAGE,SELECT,UPDATE}'
		ELSE ARRAY(SELECT privilege_type FROM aclexplode(acldefault('r', 10))) END) p
	WHERE l.level = ANY (levels) AND p <> ''
$$;
SELECT set_eq(format('SELECT * FROM test.privileges(%L)', role), format('SELECT * FROM test.declared(%L)', levels),
	'granted is what is declared: ' || levels)
FROM (VALUES (:'reader', '{reader}'), (:'writer', '{writer}'), (:'operator', '{reader,writer,operator}'),
	(:'twofold', '{reader,writer}')) r (role, levels);
SELECT is_empty($$SELECT * FROM user_profile.access_levels
	WHERE level = 'reader' AND (privileges !~ '^(SELECT|SELECT [(][a-z_, ]+[)]|EXECUTE|USAGE)$' OR object ~ 'SEQUENCE|erasure_key')$$,
	'a reader only reads');
SELECT is_empty($$SELECT * FROM user_profile.access_levels l JOIN pg_proc p ON l.object = 'ROUTINE ' || p.oid::regprocedure
	WHERE level = 'reader' AND provolatile = 'v'$$, 'no function of a reader changes anything');

--
-- A workspace: a user for each country, half of it folded
--
SELECT user_profile.identify_company('co', '{"name": "Company"}') \g /dev/null
SELECT user_profile.identify(u, jsonb_build_object('country', c, 'email', u || '@x.example')), user_profile.join_company(u, 'co', now() - interval '1 day')
FROM (VALUES ('ada', 'DE'), ('ben', 'FR'), ('cid', 'FR')) x (u, c) \g /dev/null
CREATE FUNCTION test.events() RETURNS void
LANGUAGE sql AS $$
	INSERT INTO user_profile.events (user_id, occurred_at, kind, name, action, page, properties)
	SELECT u, now() - interval '1 hour' + n * interval '1 min', k, 'of ' || u || n, CASE k WHEN 'flow' THEN 'completed' END, '/' || u,
		CASE k WHEN 'nps' THEN '{"score": 9}'::jsonb WHEN 'survey' THEN '{"answer": "yes"}' END
	FROM unnest('{ada,ben,cid}'::text[]) u
	CROSS JOIN unnest(enum_range(NULL::user_profile.event_kind)) WITH ORDINALITY k (k, n)
$$;
SELECT test.events() \g /dev/null
CALL user_profile.refresh();
SELECT test.events() \g /dev/null
INSERT INTO user_profile.session_replays SELECT u, now() - interval '50 min', 'https://' || u FROM unnest('{ada,ben,cid}'::text[]) u;
SELECT user_profile.track('dot', 'only pending', page => '/dot') \g /dev/null
SELECT user_profile.alias('anon-ben', 'ben') \g /dev/null
ANALYZE;

-- Every view, and every function by which profiles are read, as a query
CREATE TABLE test.queries (query text);
INSERT INTO test.queries
SELECT 'SELECT * FROM ' || c.oid::regclass FROM pg_class c
WHERE c.relnamespace = 'user_profile'::regnamespace AND c.relkind = 'v';
INSERT INTO test.queries
SELECT format('SELECT * FROM user_profile.%I(%s)', p.proname, (
	SELECT string_agg(CASE
		WHEN name = 'user_id' THEN quote_literal(u)
		WHEN name = 'company_id' THEN quote_literal('co')
		WHEN name = 'period' THEN quote_literal('(,)')
		WHEN name = 'timezone' THEN quote_literal('UTC')
		WHEN name = 'started_at' THEN quote_literal((SELECT min(occurred_at) FROM user_profile.events e WHERE e.user_id = u))
		WHEN name = 'since' THEN quote_literal('-infinity')
		WHEN name = 'kind' AND p.proname = 'rule_users' THEN quote_literal('user')
		WHEN name = 'kind' THEN quote_literal('flow')
		WHEN name = 'pattern' THEN quote_literal('%')
		WHEN name = 'name' THEN quote_literal('of ' || u || '5')
		WHEN name IN ('search', 'max_rows') THEN 'NULL'
		WHEN name IN ('safe', 'with_excluded') THEN 'true' END, ', ' ORDER BY n)
	FROM unnest(p.proargnames[:p.pronargs]) WITH ORDINALITY a (name, n)))
FROM pg_proc p CROSS JOIN unnest('{ada,ben,dot}'::text[]) u
WHERE p.pronamespace = 'user_profile'::regnamespace AND p.prokind = 'f' AND p.proretset
	AND EXISTS (SELECT FROM user_profile.access_levels l WHERE l.level = 'reader' AND l.object = 'ROUTINE ' || p.oid::regprocedure)
	AND p.proname ~ '^(user|users|company|companies|workspace|session_events|engagement_events|content_progress|export_user|rule_users|timelines_since|active_rules)'
GROUP BY 1;
SELECT cmp_ok(count(*), '>', 80::bigint, 'there are queries') FROM test.queries;
SELECT is_empty($$SELECT query FROM test.queries WHERE query IS NULL$$, 'with all arguments');
GRANT USAGE ON SCHEMA test TO PUBLIC;
GRANT SELECT ON test.queries TO PUBLIC;
-- Runs each as the caller: the rows as text, or the error
CREATE FUNCTION test.run_all() RETURNS TABLE (query text, value text, failed boolean)
LANGUAGE plpgsql AS $$
DECLARE
	q text;
BEGIN
	FOR q IN SELECT t.query FROM test.queries t LOOP
		BEGIN
			RETURN QUERY EXECUTE format('SELECT %L, x::text, false FROM (%s) x', q, q);
		EXCEPTION WHEN OTHERS THEN
			RETURN QUERY SELECT q, SQLERRM, true;
		END;
	END LOOP;
END $$;

--
-- Reader
--
CREATE TABLE test.of_owner AS SELECT * FROM test.run_all() WHERE query !~ 'status$';
SELECT is_empty('SELECT * FROM test.of_owner WHERE failed', 'the owner runs every query');
SELECT is_empty($$SELECT query FROM test.queries WHERE query !~ 'dot|excluded_users|active_rules|status$'
	EXCEPT SELECT query FROM test.of_owner$$, 'each gives rows');
GRANT SELECT ON test.of_owner TO PUBLIC;
SET ROLE :reader;
SELECT is_empty($$SELECT query, value FROM test.run_all() WHERE failed$$, 'a reader runs every query');
SELECT is_empty($$(SELECT * FROM test.of_owner EXCEPT ALL SELECT * FROM test.run_all())$$, 'and gets what the owner gets');
SELECT throws_ok(query, '42501', NULL, 'a reader may not: ' || query)
FROM unnest(ARRAY[
	$$SELECT user_profile.track('x', 'y')$$, $$SELECT user_profile.identify('x', '{}')$$, $$SELECT user_profile.alias('x', 'ada')$$,
	$$SELECT user_profile.ingest('{}'::jsonb)$$, $$SELECT user_profile.exclude_user('ada')$$, $$SELECT user_profile.delete_user('ada')$$,
	$$SELECT user_profile.reset_content('ada')$$, $$SELECT user_profile.preview_delete('ada')$$, 'CALL user_profile.refresh()',
	$$INSERT INTO user_profile.events (user_id, name) VALUES ('x', 'y')$$, 'DELETE FROM user_profile.timelines', 'UPDATE user_profile.users SET name = NULL',
	'TRUNCATE user_profile.events', 'TABLE user_profile.erasure_key', 'TABLE user_profile.erasures', 'TABLE user_profile.scheduled_deletions',
	$$SELECT nextval('user_profile.events_event_id_seq')$$, $$INSERT INTO user_profile.pages VALUES (1, '/x')$$]) query;
SELECT throws_ok(format('SELECT user_profile.grant_access(%L, %L)', current_user, 'operator'), '42501', NULL, 'a reader grants nothing');
RESET ROLE;

--
-- Writer
--
SET ROLE :writer;
SELECT lives_ok(query, 'a writer may: ' || query)
FROM unnest(ARRAY[
	$$SELECT user_profile.track('w', 'y', message_id => 'm')$$, $$SELECT user_profile.track('w', 'y', message_id => 'm')$$,
	$$SELECT user_profile.identify('w', '{"name": "W"}')$$, $$SELECT user_profile.identify('w', '{"country": "FR"}')$$,
	$$SELECT user_profile.identify_company('wc', '{"name": "C"}')$$, $$SELECT user_profile.join_company('w', 'wc')$$,
	$$SELECT user_profile.leave_company('w', 'wc')$$,
	$$SELECT user_profile.ingest('{"type": "track", "userId": "w", "event": "e", "messageId": "m2"}'::jsonb)$$,
	$$SELECT user_profile.ingest(ARRAY['{"type": "identify", "userId": "w", "traits": {"a": 1}}', '{"type": "group", "userId": "w", "groupId": "wc"}']::jsonb[])$$,
	$$SELECT user_profile.ingest('{"type": "alias", "previousId": "w0", "userId": "w"}'::jsonb)$$,
	$$SELECT user_profile.alias('w1', 'w')$$,
	$$INSERT INTO user_profile.events (user_id, name) VALUES ('w', 'copied')$$,
	$$INSERT INTO user_profile.users (user_id, name, email, country, signed_up_at, properties)
		VALUES ('w2', 'W', 'w@x.example', 'FR', now(), '{}')$$,
	$$UPDATE user_profile.users SET name = 'W2', properties = '{"a": 1}' WHERE user_id = 'w2'$$,
	$$INSERT INTO user_profile.session_replays VALUES ('w', now(), 'https://w')$$]) query;
SELECT throws_ok(query, '42501', NULL, 'a writer may not: ' || query)
FROM unnest(ARRAY[
	$$SELECT * FROM user_profile.user_profile('ada')$$, 'SELECT * FROM user_profile.user_profiles', 'SELECT * FROM user_profile.live_timelines',
	'SELECT name, page, properties FROM user_profile.events', 'TABLE user_profile.timelines', 'TABLE user_profile.session_replays',
	'SELECT * FROM user_profile.user_events', $$SELECT * FROM user_profile.export_user('ada')$$, $$SELECT * FROM user_profile.workspace_overview()$$,
	'DELETE FROM user_profile.users', 'UPDATE user_profile.events SET name = name', 'DELETE FROM user_profile.events',
	$$INSERT INTO user_profile.events (event_id, user_id, name) VALUES (1000000, 'w', 'an id of its own')$$,
	$$INSERT INTO user_profile.users (user_id, excluded_at) VALUES ('x', now())$$, 'UPDATE user_profile.users SET excluded_at = NULL',
	$$UPDATE user_profile.users SET user_id = 'x'$$, $$UPDATE user_profile.memberships SET user_id = 'x'$$,
	$$CREATE TEMP TABLE t (user_id bigint); CREATE TRIGGER t BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION user_profile.settle_row()$$,
	$$SELECT user_profile.exclude_user('ada')$$, $$SELECT user_profile.delete_user('ada')$$, 'CALL user_profile.refresh()',
	'TABLE user_profile.erasure_key']) query;
RESET ROLE;

--
-- Operator
--
SET ROLE :operator;
SELECT is_empty($$SELECT query, value FROM test.run_all() WHERE failed$$, 'an operator runs every query');
SELECT lives_ok(query, 'an operator may: ' || query)
FROM unnest(ARRAY[
	$$SELECT user_profile.track('o', 'y')$$, $$SELECT user_profile.exclude_user('o', 'r')$$, $$SELECT user_profile.include_user('o')$$,
	$$SELECT user_profile.remove_exclusion_rule(user_profile.add_exclusion_rule('user', 'o', 'r'))$$,
	$$SELECT user_profile.preview_exclusion_rule('user', 'o')$$, $$SELECT user_profile.reset_content('o')$$,
	$$SELECT user_profile.schedule_delete('o', '1 day')$$, $$SELECT user_profile.cancel_delete('o')$$,
	$$SELECT user_profile.run_scheduled_deletions()$$, $$SELECT user_profile.alias('o1', 'o')$$,
	$$SELECT * FROM user_profile.check_timelines()$$, $$SELECT user_profile.rebuild_timelines('o')$$,
	$$SELECT user_profile.preview_delete('o')$$]) query;
CALL user_profile.refresh();
SELECT is(pending_events, 0::bigint, 'an operator refreshes') FROM user_profile.status;
SELECT is((erased_by, suppressed, events)::text, format('(%s,t,1)', current_user), 'and deletes, under the own name')
FROM user_profile.delete_user('o', true);
SELECT is(user_profile.track('o', 'y'), NULL, 'which suppresses');
SELECT throws_ok(format('SELECT user_profile.grant_access(%L, %L)', current_user, 'reader'), '42501',
	'must be owner of extension user_profile to grant or revoke access', 'but grants nothing');
RESET ROLE;
SET ROLE :writer;
SELECT is(user_profile.track('o', 'y'), NULL, 'for a writer too');
SELECT lives_ok($$INSERT INTO user_profile.users (user_id) VALUES ('o')$$, 'whose INSERT is passed over');
RESET ROLE;
SELECT is_empty($$SELECT FROM user_profile.live_users WHERE user_id = 'o'$$, 'the user is not there');
SELECT is_empty('SELECT * FROM user_profile.check_timelines()', 'timelines are sound');

--
-- Row-level security on users. ben is the only one whom the reader may see; dot has no row yet.
--
SELECT user_profile.delete_user('w') \g /dev/null
SELECT user_profile.delete_user('w2') \g /dev/null
SELECT test.events() \g /dev/null
SELECT user_profile.track('dot', 'only pending', page => '/dot') \g /dev/null
SELECT user_profile.track('fay', 'only pending', page => '/fay') \g /dev/null
SELECT user_profile.exclude_user('cid', 'hidden too') \g /dev/null
SELECT user_profile.add_exclusion_rule('user', 'ad*') \g /dev/null
CREATE TABLE test.expected AS
SELECT (SELECT count(*) FROM user_profile.events WHERE user_id = 'ben' AND kind IN ('tracked', 'labeled', 'feature_tag')) AS total_events,
	(SELECT count(*) FROM user_profile.events WHERE user_id = 'ben' AND kind = 'nps') AS responses;
GRANT SELECT ON test.expected TO PUBLIC;
ALTER TABLE user_profile.users ENABLE ROW LEVEL SECURITY;
CREATE POLICY countries ON user_profile.users TO :reader USING (country = 'FR' AND user_id LIKE 'b%');
SET ROLE :reader;
SELECT is_empty($$SELECT query, value FROM test.run_all() WHERE failed$$, 'with row-level security every query runs');
SELECT is_empty($$SELECT query, value FROM test.run_all()
	WHERE query NOT IN ('SELECT * FROM user_profile.active_rules()') AND query !~ 'access_levels|status$'
		AND value ~ '\m(ada|cid|dot|fay)'$$, 'no view and no function shows a hidden user');
SELECT is((users, total_events)::text, (SELECT '(1,' || total_events || ')' FROM test.expected),
	'the workspace is the visible user''s') FROM user_profile.workspace_overview('(,)');
SELECT is((users, total_events)::text, (SELECT '(1,' || total_events || ')' FROM test.expected),
	'and so is the company') FROM user_profile.company_overview('co', '(,)');
SELECT is(n.responses, e.responses, 'answers in the workspace') FROM user_profile.workspace_nps('(,)') n, test.expected e;
SELECT is(n.responses, e.responses, 'answers in the company') FROM user_profile.company_nps('co', '(,)') n, test.expected e;
SELECT is((SELECT string_agg(user_id, ' ') FROM user_profile.user_profiles), 'ben', 'one profile');
SELECT is((SELECT string_agg(user_id, ' ') FROM user_profile.company_users('co', max_rows => NULL)), 'ben', 'one user of the company');
SELECT is_empty('SELECT * FROM user_profile.excluded_users', 'no one else''s exclusion');
SELECT is_empty($$SELECT * FROM user_profile.user_profile('ada') UNION ALL SELECT * FROM user_profile.user_profile('dot')$$, 'no profile of a hidden user');
SELECT is((SELECT count(*) FROM user_profile.user_events), (SELECT count(*) FROM user_profile.users u
	JOIN user_profile.events e USING (user_id)), 'events of the visible user only');
RESET ROLE;
SELECT user_profile.schedule_delete('ada', '0') \g /dev/null
SET ROLE :operator;
SELECT is_empty('SELECT * FROM user_profile.run_scheduled_deletions()', 'an operator deletes nobody whom a policy hides');
RESET ROLE;
SELECT lives_ok($$SELECT user_profile.cancel_delete('ada')$$, 'nor forgets that somebody should');
-- What must see all rows to be right is refused, and does nothing by halves
CREATE TABLE test.before AS SELECT (SELECT count(*) FROM user_profile.events) AS events,
	(SELECT count(*) FROM user_profile.timelines) AS timelines, (SELECT count(*) FROM user_profile.memberships) AS memberships;
SET ROLE :operator;
SELECT throws_ok(query, '42501', 'query would be affected by row-level security policy for table "users"', 'where a policy hides users: ' || query)
FROM unnest(ARRAY[
	$$SELECT user_profile.delete_user('ada')$$, $$SELECT user_profile.delete_user('ada', true)$$, $$SELECT user_profile.preview_delete('ada')$$,
	$$SELECT user_profile.delete_company('co', true)$$, $$SELECT * FROM user_profile.check_timelines()$$]) query;
SELECT throws_ok($$SELECT user_profile.alias('ada', 'ben')$$, '42501',
	format('row-level security hides user "ada" from role "%s"', current_user), 'no alias of a hidden user');
SELECT throws_ok($$SELECT user_profile.alias('ben', 'fay')$$, '42501', NULL, 'nor to one who is pending only');
RESET ROLE;
ALTER TABLE user_profile.events ENABLE ROW LEVEL SECURITY;
SET ROLE :operator;
SELECT throws_ok('SELECT user_profile.rebuild_timelines()', '42501', NULL, 'nothing is rebuilt from a part of the log');
SELECT throws_ok($$SELECT user_profile.expire_events('2100-01-01')$$, '42501', NULL, 'or dropped from it');
RESET ROLE;
ALTER TABLE user_profile.events DISABLE ROW LEVEL SECURITY;
SELECT results_eq('TABLE test.before', $$SELECT (SELECT count(*) FROM user_profile.events),
	(SELECT count(*) FROM user_profile.timelines), (SELECT count(*) FROM user_profile.memberships)$$, 'nothing has changed');
-- A role that comes in the middle of a transaction, whose expressions PL/pgSQL keeps
CREATE FUNCTION test.sees(role text, user_id text) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
	seen boolean;
BEGIN
	PERFORM set_config('role', role, true);
	seen := user_profile.user_visible(user_id);
	RESET ROLE;
	RETURN seen;
END $$;
SELECT is(ARRAY[test.sees('none', 'ada'), test.sees(:'reader', 'ada'), test.sees(:'reader', 'ben'), test.sees('none', 'ada')],
	'{t,f,t,t}', 'whoever asks is asked for');
SELECT is((SELECT count(*) FROM user_profile.user_profiles), 5::bigint, 'the owner sees all');
DROP POLICY countries ON user_profile.users;
ALTER TABLE user_profile.users DISABLE ROW LEVEL SECURITY;
-- A policy on timelines
CALL user_profile.refresh();
ALTER TABLE user_profile.timelines ENABLE ROW LEVEL SECURITY;
CREATE POLICY ben ON user_profile.timelines TO :reader USING (user_id = 'ben');
SET ROLE :reader;
SELECT is(array_agg(user_id || ' ' || (user_profile.user_timeline(user_id, '-infinity', NULL, NULL) IS NOT NULL)::text ORDER BY user_id),
	'{"ada false","ben true"}', 'holds for a timeline that is asked for by its user')
FROM unnest('{ada,ben}'::text[]) user_id;
SELECT is(user_profile.num_events(user_profile.user_timeline('ben', '-infinity', NULL, NULL)),
	(SELECT count(*) FROM user_profile.events WHERE user_id = 'ben'), 'which is whole');
RESET ROLE;
DROP POLICY ben ON user_profile.timelines;
ALTER TABLE user_profile.timelines DISABLE ROW LEVEL SECURITY;

--
-- Errors of refreshes may tell of a user
--
UPDATE user_profile.refresh_state SET error = 'deletion of "ada" failed', failed_at = now();
SET ROLE :operator;
SELECT is(last_refresh_error, 'deletion of "ada" failed', 'an operator reads the error') FROM user_profile.status;
RESET ROLE;
SET ROLE :reader;
SELECT alike(last_refresh_error, 'not shown%', 'a reader that there is one') FROM user_profile.status;
SELECT throws_ok('SELECT error FROM user_profile.refresh_state', '42501', NULL, 'and not by the table either');
RESET ROLE;
SELECT user_profile.delete_user('ada') \g /dev/null
SELECT is(last_refresh_error, NULL, 'a deletion forgets an error that names the user') FROM user_profile.status;

--
-- Revoke
--
SELECT user_profile.revoke_access(role::regrole) FROM unnest(ARRAY[:'reader', :'writer', :'operator', :'twofold']) role \g /dev/null
SELECT is_empty(format('SELECT * FROM test.privileges(%L)', role), 'nothing is left: ' || level)
FROM (VALUES ('reader', :'reader'), ('writer', :'writer'), ('operator', :'operator')) r (level, role);
SELECT is_empty($$SELECT c.oid::regclass, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
	WHERE c.relnamespace = 'user_profile'::regnamespace AND a.attacl::text LIKE '%up\_%'$$, 'no privilege on a column either');
SET ROLE :reader;
SELECT throws_ok('SELECT * FROM user_profile.user_profiles', '42501', NULL, 'who was a reader reads nothing');
RESET ROLE;
SELECT lives_ok(format('DROP ROLE %I', role), 'the role can be dropped')
FROM unnest(ARRAY[:'reader', :'writer', :'operator', :'twofold']) role;

SELECT * FROM finish();
