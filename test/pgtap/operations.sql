-- Operations on users and companies: exclude and include, rules, reset, delete with receipt and
-- suppression, scheduled deletions, alias. After each, the timelines are sound.

\ir begin.psql

-- Every row of every view but those that tell of the machinery, and of the workspace
CREATE FUNCTION test.figures(only_of_many boolean DEFAULT false)
RETURNS TABLE (source text, value text)
LANGUAGE plpgsql AS $$
DECLARE
	name text;
BEGIN
	FOR name IN
		SELECT c.oid::regclass::text
		FROM pg_class c
		WHERE c.relnamespace = 'user_profile'::regnamespace AND c.relkind = 'v'
			AND c.relname NOT IN ('access_levels', 'status', 'user_content_progress')
			AND (NOT only_of_many OR c.relname ~ '^company_' AND c.relname <> 'company_users')
		UNION ALL
		SELECT 'user_profile.' || f || '(''(,)'')'
		FROM unnest(ARRAY['workspace_overview', 'workspace_daily', 'workspace_nps',
			'workspace_sentiment', 'workspace_engagement']) f
		UNION ALL
		SELECT 'user_profile.' || f || '(''(,)'', max_rows => NULL)'
		FROM unnest(ARRAY['workspace_top_events', 'workspace_top_pages']) f
	LOOP
		RETURN QUERY EXECUTE format('SELECT %L, to_jsonb(x)::text FROM %s x', name, name);
	END LOOP;
END $$;
-- Are the figures those of a table?
CREATE FUNCTION test.same(expected regclass, only_of_many boolean, description text) RETURNS text
LANGUAGE sql AS $$
	SELECT is_empty(format(
		'WITH f AS MATERIALIZED (SELECT * FROM test.figures(%1$L))
		(SELECT ''missing'', * FROM %2$s EXCEPT ALL SELECT ''missing'', * FROM f)
		UNION ALL (SELECT ''wrong'', * FROM f EXCEPT ALL SELECT ''wrong'', * FROM %2$s)',
		only_of_many, expected), description)
$$;
CREATE FUNCTION test.sound(description text) RETURNS text
LANGUAGE sql AS $$
	SELECT is_empty('SELECT * FROM user_profile.check_timelines()', description || ': timelines are sound')
$$;
-- Rows of any table of the schema in which a text occurs
CREATE FUNCTION test.rows_with(needle text) RETURNS TABLE (source text, value text)
LANGUAGE plpgsql AS $$
DECLARE
	name regclass;
BEGIN
	FOR name IN
		SELECT oid FROM pg_class
		WHERE relnamespace = 'user_profile'::regnamespace AND relkind IN ('r', 'p')
	LOOP
		RETURN QUERY EXECUTE format('SELECT %L, x::text FROM %s x WHERE strpos(x::text, %L) > 0',
			name, name, needle);
	END LOOP;
END $$;
CREATE FUNCTION test.gone(needle text, description text) RETURNS text
LANGUAGE sql AS $$
	SELECT is_empty(format('SELECT * FROM test.rows_with(%L)', needle), description)
$$;
-- Sessions of some ids taken as one user, by plain SQL over a log
CREATE FUNCTION test.sessions(log regclass, ids text[])
RETURNS TABLE (started_at timestamptz, ended_at timestamptz, events bigint)
LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format(
		'SELECT min(occurred_at), max(occurred_at), count(*) FROM (
			SELECT occurred_at, count(*) FILTER (WHERE starts) OVER (ORDER BY occurred_at, event_id) AS n
			FROM (SELECT occurred_at, event_id, occurred_at - lag(occurred_at)
					OVER (ORDER BY occurred_at, event_id) > ''30 min'' AS starts
				FROM %s WHERE user_id = ANY (%L)) e) s GROUP BY n', log, ids);
END $$;
CREATE FUNCTION test.merged(log regclass, ids text[], user_id text, description text) RETURNS text
LANGUAGE sql AS $$
	SELECT results_eq(
		format('SELECT started_at, ended_at, events FROM user_profile.user_sessions(%L, ''(,)'') ORDER BY 1', user_id),
		format('SELECT * FROM test.sessions(%L, %L) ORDER BY 1', log, ids), description)
$$;

-- 1,200 events of 24 users within the last three weeks, four companies; the last 200 are pending
INSERT INTO user_profile.companies (company_id, name) SELECT 'c' || i, 'Company ' || i FROM generate_series(0, 3) i;
INSERT INTO user_profile.memberships (user_id, company_id, joined_at)
SELECT 'u' || i, 'c' || i % 4, now() - interval '40 days' FROM generate_series(0, 23) i
UNION ALL
SELECT 'u' || i, 'c' || (i + 1) % 4, now() - interval '30 days' FROM generate_series(0, 23, 3) i;
SELECT user_profile.identify('u' || i, jsonb_build_object('name', 'User ' || i, 'email',
	'u' || i || (ARRAY['@one.example', '@Two.Example', '@sub.two.example'])[1 + i % 3]))
FROM generate_series(0, 23) i \g /dev/null
CREATE FUNCTION test.seed(first integer, last integer) RETURNS void
LANGUAGE sql AS $$
	INSERT INTO user_profile.events (user_id, occurred_at, kind, name, action, page, properties)
	SELECT 'u' || abs(hashint4(i)) % 24,
		date_trunc('day', now()) - interval '1 day' - abs(hashint4(i * 7 + 1)::bigint) % 1814400 * interval '1 second',
		k.kind, 'name ' || i % 5, CASE WHEN i % 7 = 4 THEN (ARRAY['seen', 'completed'])[1 + i % 2] END,
		CASE WHEN i % 3 > 0 THEN '/page/' || i % 6 END,
		CASE k.kind WHEN 'nps' THEN jsonb_build_object('score', i % 11) WHEN 'survey' THEN '{"answer": "yes"}' END
	FROM generate_series(first, last) i
	CROSS JOIN LATERAL (SELECT (ARRAY['tracked', 'page_view', 'labeled', 'feature_tag', 'flow', 'nps', 'survey'])[1 + i % 7]
		::user_profile.event_kind) k (kind)
$$;
SELECT test.seed(1, 1000) \g /dev/null
CALL user_profile.refresh();
SELECT test.seed(1001, 1200) \g /dev/null
ANALYZE;
CREATE TABLE test.before AS SELECT * FROM test.figures();
CREATE TABLE test.before_of_many AS SELECT * FROM test.figures(true);
SELECT ok((SELECT count(*) FROM test.before) > 1000 AND (SELECT count(DISTINCT source) FROM test.before) > 30, 'there are figures');

--
-- Exclude and include
--
SELECT user_profile.exclude_user('u3', 'tester') \g /dev/null
CREATE TABLE test.without_u3 AS SELECT * FROM test.figures(true);
SELECT is((SELECT users FROM user_profile.workspace_overview('(,)')), 23::bigint, 'one user less in the workspace');
SELECT is(
	(SELECT total_events FROM user_profile.workspace_overview('(,)')),
	(SELECT count(*) FROM user_profile.events WHERE user_id <> 'u3' AND kind IN ('tracked', 'labeled', 'feature_tag')),
	'and the events of the others');
SELECT is((SELECT users FROM user_profile.company_overview('c3', '(,)')),
	(SELECT count(*) - 1 FROM user_profile.memberships WHERE company_id = 'c3'), 'one less in the company');
SELECT is_empty($$SELECT * FROM user_profile.companies_sentiment('(,)') WHERE user_id = 'u3'$$, 'no answer in a company');
SELECT is_empty($$SELECT * FROM user_profile.workspace_sentiment('(,)') WHERE user_id = 'u3'$$, 'nor in the workspace');
SELECT is((excluded, exclusion_reason)::text, '(t,tester)', 'the profile answers, flagged') FROM user_profile.user_profile('u3');
SELECT is(total_events, (SELECT count(*) FROM user_profile.events
	WHERE user_id = 'u3' AND kind IN ('tracked', 'labeled', 'feature_tag')), 'with its figures')
FROM user_profile.user_profile('u3');
SELECT is(excluded, true, 'listed among the users of the company, flagged')
FROM user_profile.company_users('c3', max_rows => NULL) WHERE user_id = 'u3';
SELECT is((user_id, reason, rule_id)::text, '(u3,tester,)', 'and among the excluded') FROM user_profile.excluded_users;
SELECT test.sound('excluded');
-- The same figures as if the user had never been
BEGIN;
SELECT is(count(*), 1::bigint, 'a deletion') FROM user_profile.delete_user('u3');
SELECT test.same('test.without_u3', true, 'excluded users leave every figure as deleted ones do');
ROLLBACK;
SELECT user_profile.exclude_user('u3', 'another reason') \g /dev/null
SELECT is(exclusion_reason, 'another reason', 'excluded again: the reason changes') FROM user_profile.user_profile('u3');
SELECT user_profile.include_user('u3') \g /dev/null
SELECT test.same('test.before', false, 'included again, everything is as it was');
SELECT lives_ok($$SELECT user_profile.include_user('u3')$$, 'including who is included changes nothing');
SELECT test.sound('included');
SELECT throws_ok($$SELECT user_profile.exclude_user('nobody')$$, 'P0002', 'user "nobody" does not exist', 'exclude: an unknown user');
SELECT throws_ok($$SELECT user_profile.include_user('nobody')$$, 'P0002', 'user "nobody" does not exist', 'include: an unknown user');
SELECT throws_ok($$SELECT user_profile.exclude_user(NULL)$$, '22004', NULL, 'exclude: NULL');
SELECT throws_ok($$SELECT user_profile.exclude_user('')$$, '22023', NULL, 'exclude: an empty id');
-- Of whom only a pending event is known
BEGIN;
SELECT user_profile.track('fresh', 'x') \g /dev/null
SELECT user_profile.exclude_user('fresh', 'new') \g /dev/null
SELECT is(excluded, true, 'a user without a row is excluded') FROM user_profile.user_profile('fresh');
SELECT test.same('test.before_of_many', true, 'and counts nowhere');
ROLLBACK;

--
-- Rules
--
SELECT user_profile.add_exclusion_rule('user', 'u3', 'by id') AS rule \gset
SELECT test.same('test.without_u3', true, 'a rule by user excludes as exclude_user() does');
SELECT is((excluded, exclusion_reason)::text, '(t,"by id")', 'with the reason of the rule') FROM user_profile.user_profile('u3');
UPDATE user_profile.exclusion_rules SET expires_at = now() - interval '1 second' WHERE rule_id = :rule;
SELECT test.same('test.before', false, 'an expired rule excludes nobody');
SELECT user_profile.remove_exclusion_rule(:rule) \g /dev/null
SELECT throws_ok(format('SELECT user_profile.remove_exclusion_rule(%s)', :rule), 'P0002',
	format('exclusion rule %s does not exist', :rule), 'a rule that is not there');
SELECT throws_ok('SELECT user_profile.remove_exclusion_rule(NULL)', '22004', NULL, 'a NULL rule');

-- What patterns match: preview, then the rule itself, against what is expected
INSERT INTO user_profile.users (user_id, email) VALUES
	('p%q', 'a@per%cent.example'), ('pxq', 'b@perxcent.example'), ('p_q', 'c@x_y.example'), ('p\q', 'no address'), ('p*q', NULL);
CREATE FUNCTION test.rule(kind text, pattern text, expected text, description text) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
	rule bigint;
	previewed text;
	excluded text;
BEGIN
	SELECT string_agg(user_id, ' ' ORDER BY user_id COLLATE "C") INTO previewed
	FROM user_profile.preview_exclusion_rule(kind, pattern);
	rule := user_profile.add_exclusion_rule(kind, pattern, 'r');
	SELECT string_agg(user_id, ' ' ORDER BY user_id COLLATE "C") INTO excluded FROM user_profile.excluded_users WHERE rule_id = rule;
	PERFORM user_profile.remove_exclusion_rule(rule);
	RETURN NEXT is(previewed, expected, description || ': preview');
	RETURN NEXT is(excluded, expected, description || ': rule');
END $$;
SELECT test.rule('user', 'u1', 'u1', 'a whole id, not its start');
SELECT test.rule('user', 'u2*', 'u2 u20 u21 u22 u23', 'a star at the end');
SELECT test.rule('user', '*2*', 'u12 u2 u20 u21 u22 u23', 'stars around');
SELECT test.rule('user', 'p%q', 'p%q', 'a literal percent sign');
SELECT test.rule('user', 'p_q', 'p_q', 'a literal underscore');
SELECT test.rule('user', 'p\q', 'p\q', 'a literal backslash');
SELECT test.rule('user', 'p*q', 'p%q p*q p\q p_q pxq', 'a star for one character');
SELECT test.rule('user', 'U1', NULL, 'ids by their case');
SELECT test.rule('email_domain', 'TWO.example', 'u1 u10 u13 u16 u19 u22 u4 u7', 'a domain, without regard to case, not those below it');
SELECT test.rule('email_domain', '*.two.example', 'u11 u14 u17 u2 u20 u23 u5 u8', 'domains below it');
SELECT test.rule('email_domain', 'per%cent.example', 'p%q', 'a percent sign in a domain');
SELECT test.rule('email_domain', 'x_y.example', 'p_q', 'an underscore in a domain');
SELECT test.rule('company', 'c1', (SELECT string_agg(user_id, ' ' ORDER BY user_id COLLATE "C")
	FROM user_profile.memberships WHERE company_id = 'c1'), 'a company');
SELECT test.rule('company', 'c*', (SELECT string_agg(DISTINCT user_id, ' ')
	FROM (SELECT user_id FROM user_profile.memberships ORDER BY user_id COLLATE "C") m), 'companies by a star');
SELECT user_profile.leave_company('u1', 'c1') \g /dev/null
SELECT is_empty($$SELECT FROM user_profile.preview_exclusion_rule('company', 'c1') WHERE user_id = 'u1'$$, 'members that left are not excluded');
UPDATE user_profile.memberships SET left_at = NULL WHERE user_id = 'u1' AND company_id = 'c1';
SELECT user_profile.exclude_user('u21') \g /dev/null
SELECT results_eq($$SELECT user_id, excluded FROM user_profile.preview_exclusion_rule('user', 'u2*')$$,
	$$VALUES ('u2', false), ('u20', false), ('u21', true), ('u22', false), ('u23', false)$$, 'a preview tells who is excluded already');
SELECT user_profile.add_exclusion_rule('user', 'u21', 'rule') AS rule \gset
SELECT user_profile.include_user('u21') \g /dev/null
SELECT is(exclusion_reason, 'rule', 'a rule still excludes who is included by hand') FROM user_profile.user_profile('u21');
SELECT user_profile.remove_exclusion_rule(:rule) \g /dev/null
DELETE FROM user_profile.users WHERE user_id LIKE 'p_q';
SELECT test.same('test.before', false, 'without rules, everything is as it was');

SELECT throws_ok($$SELECT user_profile.add_exclusion_rule('user', '*')$$, '22023',
	'rule would exclude everyone: user "*" matches all 24 users', 'a rule that would exclude everyone');
SELECT throws_ok($$SELECT user_profile.add_exclusion_rule('company', '*')$$, '22023',
	'rule would exclude everyone: company "*" matches all 24 users', 'also by companies');
SELECT is((SELECT count(*) FROM user_profile.exclusion_rules), 0::bigint, 'is not there');
BEGIN;
SELECT lives_ok($$SELECT user_profile.add_exclusion_rule('user', '*', force => true)$$, 'unless forced');
SELECT is((users, total_events, sessions, avg_session)::text, '(0,0,0,)', 'and excludes everyone') FROM user_profile.workspace_overview('(,)');
ROLLBACK;
SELECT throws_ok($$SELECT user_profile.add_exclusion_rule('planet', 'x')$$, '22023',
	'kind of exclusion rule must be user, company or email_domain, not "planet"', 'an unknown kind');
SELECT throws_ok($$SELECT user_profile.preview_exclusion_rule('planet', 'x')$$, '22023',
	'kind of exclusion rule must be user, company or email_domain, not "planet"', 'an unknown kind in a preview');
SELECT throws_ok($$SELECT user_profile.add_exclusion_rule('user', '')$$, '22023', NULL, 'an empty pattern');
SELECT throws_ok($$SELECT user_profile.add_exclusion_rule('email_domain', '@two.example')$$, '22023',
	'pattern of an e-mail domain must not contain "@", but is "@two.example"', 'an address for a domain');
-- A member may not be a user yet
BEGIN;
INSERT INTO user_profile.memberships (user_id, company_id) VALUES ('ghost', 'haunted');
SELECT is(array_agg(user_id), '{ghost}', 'a rule shows whom it excludes') FROM user_profile.preview_exclusion_rule('company', 'haunted');
SELECT user_profile.add_exclusion_rule('company', 'haunted') \g /dev/null
SELECT is(array_agg(user_id), '{ghost}', 'and does so') FROM user_profile.excluded_users;
ROLLBACK;
SELECT throws_ok($$SELECT user_profile.add_exclusion_rule('user', NULL)$$, '22004', NULL, 'a NULL pattern');
SELECT throws_ok($$SELECT user_profile.add_exclusion_rule('user', 'u1', expires_at => 'infinity')$$, '22008', NULL, 'a rule without a finite end');
SELECT throws_ok($$SELECT user_profile.add_exclusion_rule('user', 'u1', expires_at => '2020-01-01')$$, '22023',
	'expires_at must be in the future, not 2020-01-01 00:00:00+00', 'a rule that has expired');
SELECT test.same('test.before', false, 'errors changed nothing');
SELECT test.sound('rules');

--
-- Reset
--
SELECT user_profile.track('u5', 'Tour', 'flow', action => 'completed', page => '/tour', occurred_at => now() - interval '1 hour') \g /dev/null
CREATE TABLE test.before_reset AS SELECT * FROM test.figures() WHERE source NOT IN ('user_profile.user_engagement', 'user_profile.live_users');
SELECT is((last_action, completed, seen)::text, '(completed,t,t)', 'progress before a reset') FROM user_profile.content_progress('u5') WHERE name = 'Tour';
SELECT user_profile.reset_content('u5') \g /dev/null
SELECT results_eq($$SELECT completed, seen, last_action FROM user_profile.content_progress('u5')$$,
	$$SELECT false, false, NULL::text FROM user_profile.events WHERE user_id = 'u5' AND kind = 'flow' GROUP BY name$$, 'none after it');
SELECT is((last_action, since_reset)::text, '(completed,f)', 'the history stays') FROM user_profile.user_engagement('u5', '(,)') WHERE name = 'Tour';
SELECT is_empty($$(SELECT * FROM test.before_reset EXCEPT ALL SELECT * FROM test.figures()) UNION ALL
	(SELECT * FROM test.figures() WHERE source NOT IN ('user_profile.user_engagement', 'user_profile.live_users')
		EXCEPT ALL SELECT * FROM test.before_reset)$$, 'a reset changes no figure');
SELECT user_profile.track('u5', 'Tour', 'flow', action => 'seen', occurred_at => clock_timestamp()) \g /dev/null
SELECT is((last_action, completed, seen)::text, '(seen,f,t)', 'progress since the reset') FROM user_profile.content_progress('u5') WHERE name = 'Tour';
SELECT throws_ok($$SELECT user_profile.reset_content('nobody')$$, 'P0002', 'user "nobody" does not exist', 'reset: an unknown user');
SELECT test.sound('reset');

--
-- Delete. Everything of the user has one word in it.
--
INSERT INTO user_profile.events (user_id, occurred_at, name, page, kind, properties, message_id)
SELECT 'zorro', now() - i * interval '20 min', CASE i % 2 WHEN 0 THEN 'zorro-only' ELSE 'name 1' END,
	CASE i % 3 WHEN 0 THEN '/zorro/page' ELSE '/page/1' END, 'tracked', '{"by": "zorro"}', 'zorro-' || i
FROM generate_series(1, 30) i;
SELECT user_profile.identify('zorro', '{"name": "zorro", "email": "zorro@zorro.example", "plan": "zorro"}') \g /dev/null
SELECT user_profile.join_company('zorro', 'c1') \g /dev/null
INSERT INTO user_profile.session_replays VALUES ('zorro', now() - interval '3 hours', 'https://zorro');
SELECT user_profile.track('anon-zorro', 'before') \g /dev/null
SELECT user_profile.alias('anon-zorro', 'zorro') \g /dev/null
CALL user_profile.refresh();
-- and pending ones, one under the alias
SELECT user_profile.track('zorro', 'zorro-pending', page => '/zorro/pending', kind => 'nps', properties => '{"score": 3, "comment": "zorro"}') \g /dev/null
INSERT INTO user_profile.events (user_id, name) VALUES ('anon-zorro', 'zorro-late');
SELECT user_profile.schedule_delete('zorro', '1 day') \g /dev/null
SELECT is((SELECT string_agg("table" || ' ' || rows, ', ' ORDER BY "table") FROM user_profile.preview_delete('zorro')),
	'aliases 1, events 33, memberships 1, scheduled_deletions 1, session_replays 1, timelines 1, users 1', 'a preview of a deletion');
SELECT is_empty($$SELECT * FROM user_profile.preview_delete('nobody')$$, 'of an unknown user there is none');
SELECT cmp_ok((SELECT count(*) FROM test.rows_with('zorro')), '>', 30::bigint, 'rows of the user there are');
BEGIN;
SELECT throws_ok($$DO $do$ BEGIN PERFORM user_profile.delete_user('zorro'); RAISE 'stop'; END $do$ $$, 'P0001', 'stop', 'a deletion that is undone');
SELECT is((SELECT count(*) FROM user_profile.erasures), 0::bigint, 'leaves no receipt');
SELECT is((SELECT sum(rows) FROM user_profile.preview_delete('zorro')), 39::numeric, 'and every row');
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT throws_ok($$SELECT user_profile.delete_user('zorro')$$, '25001', 'delete_user() needs the isolation level read committed', 'a deletion with an old snapshot');
ROLLBACK;
CREATE TABLE test.receipt AS SELECT * FROM user_profile.delete_user('zorro');
SELECT is((subject, suppressed, events, timelines, users, memberships, session_replays, aliases, event_types, pages)::text,
	'(user,f,33,1,1,1,1,1,2,1)', 'the receipt counts what the preview did, and names that nobody else used') FROM test.receipt;
SELECT is((erased_by, erased_at BETWEEN now() - interval '1 min' AND clock_timestamp(), octet_length(subject_digest))::text,
	format('(%s,t,32)', current_user), 'by whom, when, a digest') FROM test.receipt;
SELECT results_eq('SELECT * FROM user_profile.erasures', 'SELECT * FROM test.receipt', 'the receipt is the row in erasures');
SELECT test.gone('zorro', 'no row of the user is left in any table, pending events and names in the dictionaries included');
SELECT ok(count(*) > 0, 'names that others use stay') FROM user_profile.event_types WHERE name = 'name 1';
SELECT is((SELECT count(*) FROM user_profile.pages WHERE page = '/page/1'), 1::bigint, 'pages that others use stay');
SELECT unalike((SELECT string_agg(e::text, ' ') FROM user_profile.erasures e), '%' || encode('zorro', 'hex') || '%', 'the receipt has not the id in hex either');
SELECT isnt((SELECT subject_digest FROM test.receipt), sha256('zorro'), 'nor a digest that anybody could make');
SELECT is_empty($$SELECT * FROM user_profile.user_profile('zorro')$$, 'no profile');
SELECT is_empty($$SELECT * FROM user_profile.export_user('zorro')$$, 'no export');
SELECT test.sound('deleted');
CALL user_profile.refresh();
SELECT test.gone('zorro', 'no refresh brings the user back');
SELECT user_profile.rebuild_timelines() \g /dev/null
SELECT test.gone('zorro', 'nor a rebuild');
SELECT test.sound('deleted, refreshed');
SELECT throws_ok($$SELECT user_profile.delete_user('zorro')$$, 'P0002', 'user "zorro" does not exist', 'a second deletion');
SELECT throws_ok($$SELECT user_profile.delete_user(NULL)$$, '22004', NULL, 'delete: NULL');
SELECT throws_ok($$SELECT user_profile.delete_user('')$$, '22023', NULL, 'delete: an empty id');
SELECT throws_ok($$SELECT user_profile.delete_user('u1', NULL)$$, '22004', NULL, 'delete: NULL for suppress');
SELECT is((SELECT count(*) FROM user_profile.erasures), 1::bigint, 'errors leave no receipt');

-- Returning without suppress: a new user; the alias is free
SELECT isnt(user_profile.track('zorro', 'back', occurred_at => now()), NULL, 'who returns');
SELECT isnt(user_profile.track('anon-zorro', 'back', occurred_at => now()), NULL, 'also as a visitor');
CALL user_profile.refresh();
SELECT is((total_events, total_sessions, name, first_seen_at > now() - interval '1 min')::text, '(1,1,,t)', 'is a new user') FROM user_profile.user_profile('zorro');
SELECT is(total_events, 1::bigint, 'and the visitor another') FROM user_profile.user_profile('anon-zorro');

-- With suppress, aliases included
SELECT user_profile.alias('anon-zorro', 'zorro') \g /dev/null
SELECT user_profile.track('zorro', 'zorro-pending') \g /dev/null
SELECT is((suppressed, events, aliases)::text, '(t,3,1)', 'delete and suppress, pending events too') FROM user_profile.delete_user('zorro', suppress => true);
SELECT test.gone('zorro', 'no row is left');
SELECT is((SELECT count(*) FROM user_profile.suppressions), 2::bigint, 'both ids are suppressed');
SELECT is((SELECT count(DISTINCT subject_digest) FROM user_profile.erasures), 1::bigint, 'receipts of one subject have one digest');
SELECT is(user_profile.track('zorro', 'again'), NULL, 'track() drops what arrives');
SELECT is(user_profile.track('anon-zorro', 'again'), NULL, 'also under the alias');
SELECT is(user_profile.ingest('{"type": "track", "userId": "zorro", "event": "again"}'::jsonb), NULL, 'ingest() too');
SELECT lives_ok($$SELECT user_profile.identify('zorro', '{"name": "zorro"}')$$, 'identify() does nothing');
SELECT lives_ok($$SELECT user_profile.join_company('zorro', 'c1')$$, 'join_company() does nothing');
SELECT test.gone('zorro', 'nothing was stored');
COPY user_profile.events (user_id, name) FROM stdin;
zorro	copied
anon-zorro	copied
u1	copied
\.
COPY user_profile.users (user_id, name) FROM stdin;
zorro	copied
\.
COPY user_profile.memberships (user_id, company_id) FROM stdin;
zorro	c1
\.
COPY user_profile.session_replays (user_id, started_at, url) FROM stdin;
anon-zorro	2024-01-01	https://copied
\.
SELECT is_empty($$SELECT * FROM test.rows_with('zorro') WHERE source <> 'user_profile.events'$$, 'COPY into the other tables is passed over');
SELECT is_empty($$SELECT * FROM test.figures() WHERE value LIKE '%zorro%'$$, 'copied events show nowhere');
CALL user_profile.refresh();
SELECT test.gone('zorro', 'the refresh drops them');
SELECT is((SELECT count(*) FROM user_profile.events WHERE name = 'copied'), 1::bigint, 'and not those of others');
SELECT throws_ok($$SELECT user_profile.delete_user('zorro')$$, 'P0002', 'user "zorro" does not exist', 'suppressed users are unknown');
SELECT user_profile.track('visitor', 'x') \g /dev/null
CALL user_profile.refresh();
SELECT user_profile.track('visitor', 'y') \g /dev/null
SELECT lives_ok($$SELECT user_profile.alias('visitor', 'zorro')$$, 'an alias of a suppressed user');
SELECT lives_ok($$SELECT user_profile.alias('zorro', 'visitor')$$, 'or a suppressed alias of another');
CALL user_profile.refresh();
SELECT test.gone('zorro', 'brings nothing back');
SELECT is(total_events, 2::bigint, 'and takes nothing from the other') FROM user_profile.user_profile('visitor');
SELECT test.sound('suppressed');

-- Rows that COPY has brought under an id that is an alias, and a rule for exactly this user
SELECT user_profile.track('many', 'x') \g /dev/null
SELECT user_profile.alias('many-1', 'many') \g /dev/null
ALTER TABLE user_profile.users DISABLE TRIGGER settle_row;
INSERT INTO user_profile.users (user_id, email) VALUES ('many-1', 'many@x');
ALTER TABLE user_profile.users ENABLE TRIGGER settle_row;
INSERT INTO user_profile.memberships (user_id, company_id) VALUES ('many-1', 'c1');
INSERT INTO user_profile.session_replays VALUES ('many-1', now(), 'https://many');
SELECT user_profile.add_exclusion_rule('user', id) FROM unnest('{many,many-1,man*}'::text[]) id \g /dev/null
SELECT is((SELECT string_agg("table" || ' ' || rows, ', ' ORDER BY "table") FROM user_profile.preview_delete('many') WHERE rows > 0),
	'aliases 1, events 1, memberships 1, session_replays 1, users 2', 'what is under an alias is found');
SELECT is((users, memberships, session_replays, aliases)::text, '(2,1,1,1)', 'and deleted') FROM user_profile.delete_user('many');
SELECT test.gone('many', 'no row is left, and no rule');
DELETE FROM user_profile.exclusion_rules WHERE pattern = 'man*';

-- By UPDATE; and when the key is not there yet, as where pg_restore brings tables in another order
UPDATE user_profile.users SET user_id = 'zorro' WHERE user_id = 'visitor';
SELECT test.gone('zorro', 'nor does an UPDATE');
BEGIN;
DELETE FROM user_profile.erasure_key;
INSERT INTO user_profile.users (user_id) VALUES ('restored');
SELECT is(count(*), 1::bigint, 'without the key a row is kept') FROM user_profile.users WHERE user_id = 'restored';
SELECT throws_ok($$SELECT user_profile.is_suppressed('restored')$$, 'XX001',
	'there are suppressions, but the key of their digests is missing', 'but who asks is told');
SELECT throws_ok($$SELECT user_profile.delete_user('restored')$$, 'XX001',
	'there are suppressions, but the key of their digests is missing', 'and no other key is made');
ROLLBACK;
-- Many suppressions, and many who are asked for
INSERT INTO user_profile.suppressions (subject_digest) SELECT sha256(i::text::bytea) FROM generate_series(1, 1000) i;
SELECT is(array_agg(id ORDER BY id) FILTER (WHERE user_profile.is_suppressed(id)), '{anon-zorro,zorro}', 'of many ids, the suppressed ones')
FROM (SELECT 'u' || i AS id FROM generate_series(1, 300) i UNION ALL VALUES ('zorro'), ('anon-zorro')) x;
DELETE FROM user_profile.suppressions WHERE subject_digest IN (SELECT sha256(i::text::bytea) FROM generate_series(1, 1000) i);
-- PL/pgSQL keeps expressions for a transaction
CREATE FUNCTION test.suppressed_now(id text) RETURNS boolean
LANGUAGE plpgsql AS $$ DECLARE now boolean; BEGIN now := user_profile.is_suppressed(id); RETURN now; END $$;
BEGIN;
SELECT is(test.suppressed_now('soon'), false, 'not yet suppressed');
SELECT user_profile.track('soon', 'x') \g /dev/null
SELECT user_profile.delete_user('soon', true) \g /dev/null
SELECT is(test.suppressed_now('soon'), true, 'suppressed in the same transaction');
ROLLBACK;
CREATE TABLE test.no_text (user_id bigint);
CREATE TRIGGER settle BEFORE INSERT ON test.no_text FOR EACH ROW EXECUTE FUNCTION user_profile.settle_row();
SELECT throws_ok('INSERT INTO test.no_text VALUES (1)', '39P01', 'relation "no_text" has no column user_id of type text', 'the trigger on a table of another sort');
DROP TABLE test.no_text;

-- Of whom nothing but a membership or a recording is known
COPY user_profile.memberships (user_id, company_id) FROM stdin;
early	c1
\.
COPY user_profile.session_replays (user_id, started_at, url) FROM stdin;
early-replay	2024-01-01	https://copied
\.
SELECT is((SELECT rows FROM user_profile.preview_delete('early') WHERE "table" = 'memberships'), 1::bigint, 'preview of a membership alone');
SELECT is((memberships, session_replays)::text, '(1,0)', 'deleted') FROM user_profile.delete_user('early');
SELECT is((memberships, session_replays)::text, '(0,1)', 'a recording alone') FROM user_profile.delete_user('early-replay');
SELECT test.gone('early', 'nothing is left');

--
-- Scheduled
--
SELECT user_profile.track('later', 'x') \g /dev/null
SELECT is(user_profile.schedule_delete('later', '1 hour'), now() + interval '1 hour', 'a deletion in an hour')
UNION ALL SELECT is(user_profile.schedule_delete('u1', '0'), now(), 'and one at once');
SELECT is((SELECT count(*) FROM user_profile.run_scheduled_deletions()), 1::bigint, 'those that are due are run');
SELECT is_empty($$SELECT FROM user_profile.user_profile('u1')$$, 'that user is gone');
SELECT isnt_empty($$SELECT FROM user_profile.user_profile('later')$$, 'the other is not');
SELECT user_profile.schedule_delete('later', '0', suppress => true) \g /dev/null
SELECT user_profile.cancel_delete('later') \g /dev/null
SELECT is_empty('SELECT * FROM user_profile.run_scheduled_deletions()', 'a cancelled one is not run');
SELECT throws_ok($$SELECT user_profile.cancel_delete('later')$$, 'P0002', 'no deletion of user "later" is scheduled', 'nothing to cancel');
SELECT throws_ok($$SELECT user_profile.schedule_delete('nobody', '1 day')$$, 'P0002', 'user "nobody" does not exist', 'schedule: an unknown user');
SELECT throws_ok($$SELECT user_profile.schedule_delete('later', '-1 day')$$, '22023', 'after must not be negative', 'schedule: in the past');
SELECT throws_ok($$SELECT user_profile.schedule_delete('later', NULL)$$, '22004', NULL, 'schedule: NULL');
SELECT user_profile.schedule_delete('later', '1 day') \g /dev/null
SELECT user_profile.schedule_delete('later', '0', suppress => true) \g /dev/null
SELECT is((SELECT string_agg(suppressed::text, ' ') FROM user_profile.run_scheduled_deletions()), 'true', 'a second schedule replaces the first');
SELECT test.gone('later', 'nothing is left');
SELECT is(user_profile.track('later', 'x'), NULL, 'and it was suppressed');
INSERT INTO user_profile.scheduled_deletions VALUES ('who is gone', now(), false);
SELECT is_empty('SELECT * FROM user_profile.run_scheduled_deletions()', 'nobody to delete');
SELECT is_empty('SELECT * FROM user_profile.scheduled_deletions', 'and nothing left to do');
SELECT test.sound('scheduled');

-- One that fails: it alone is undone, and is still due
SELECT user_profile.track(id, 'x') FROM unnest(ARRAY['s1', 's2', 's3']) id \g /dev/null
CALL user_profile.refresh();
SELECT user_profile.schedule_delete(id, '0', suppress => true) FROM unnest(ARRAY['s1', 's2', 's3']) id \g /dev/null
CREATE FUNCTION test.keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF OLD.user_id = 's2' THEN
		RAISE EXCEPTION 's2 stays' USING ERRCODE = TG_ARGV[0];
	END IF;
	RETURN OLD;
END $$;
CREATE TRIGGER keep BEFORE DELETE ON user_profile.users FOR EACH ROW EXECUTE FUNCTION test.keep('disk_full');
SELECT throws_ok('SELECT user_profile.run_scheduled_deletions()', '53100', 's2 stays', 'an error that would meet the others as well ends all');
SELECT is((SELECT string_agg(user_id, ' ' ORDER BY user_id) FROM user_profile.scheduled_deletions), 's1 s2 s3', 'and all stay scheduled');
SELECT is((SELECT count(*) FROM user_profile.live_users WHERE user_id ~ '^s[123]$'), 3::bigint, 'as users');
DROP TRIGGER keep ON user_profile.users;
CREATE TRIGGER keep BEFORE DELETE ON user_profile.users FOR EACH ROW EXECUTE FUNCTION test.keep('raise_exception');
SET client_min_messages = error;
SELECT is((SELECT array_agg(events ORDER BY erasure_id) FROM user_profile.run_scheduled_deletions()), '{1,1}', 'where one fails the others are deleted');
SELECT is_empty('SELECT * FROM user_profile.run_scheduled_deletions()', 'it fails again');
SET client_min_messages = warning;
SELECT test.gone('s1', 'nothing is left');
SELECT test.gone('s3', 'nothing is left');
SELECT is((SELECT string_agg(user_id, ' ') FROM user_profile.scheduled_deletions), 's2', 'it is still scheduled');
SELECT is((SELECT total_events FROM user_profile.user_overview('s2', '(,)')), 1::bigint, 'and the user has everything');
SELECT isnt(user_profile.track('s2', 'y'), NULL, 'and is not suppressed');
SELECT test.sound('one that fails');
DROP TRIGGER keep ON user_profile.users;
SELECT is((SELECT array_agg(events) FROM user_profile.run_scheduled_deletions()), '{2}', 'it succeeds once it can');
SELECT test.gone('s2', 'nothing is left');
SELECT test.sound('and one that fails no more');

--
-- Companies
--
SELECT is(count(*), 1::bigint, 'delete a company') FROM user_profile.delete_company('c2') WHERE subject = 'company' AND memberships > 0 AND events = 0;
SELECT is_empty($$SELECT FROM user_profile.company_profile('c2')$$, 'it is gone');
SELECT is_empty($$SELECT * FROM test.rows_with('c2') WHERE source ~ 'memberships|companies'$$, 'and all memberships in it');
SELECT is((SELECT users FROM user_profile.workspace_overview('(,)')), (SELECT count(*) FROM user_profile.users), 'its users stay');
CREATE TABLE test.members AS SELECT user_id FROM user_profile.memberships WHERE company_id = 'c0';
INSERT INTO user_profile.memberships (user_id, company_id, joined_at, left_at)
SELECT user_id, 'c0', '2020-01-01', now() + interval '1 day' FROM test.members;
SELECT is((SELECT count(*) FROM user_profile.delete_company('c0', with_users => true)), (SELECT count(*) + 1 FROM test.members), 'with its users: a receipt each');
SELECT is_empty($$SELECT u.user_id FROM test.members JOIN user_profile.live_users u USING (user_id)$$, 'they are gone');
SELECT is_empty($$SELECT FROM test.members JOIN user_profile.events USING (user_id)$$, 'and their events');
SELECT throws_ok($$SELECT user_profile.delete_company('c0')$$, 'P0002', 'company "c0" does not exist', 'an unknown company');
SELECT throws_ok($$SELECT user_profile.delete_company('')$$, '22023', NULL, 'an empty id');
SELECT test.sound('companies');
CALL user_profile.refresh();
SELECT is_empty($$SELECT u.user_id FROM test.members JOIN user_profile.live_users u USING (user_id)$$, 'no refresh brings them back');

--
-- Alias
--
INSERT INTO user_profile.events (user_id, occurred_at, name, message_id)
SELECT (ARRAY['ann', 'bob', 'cat', 'dan'])[1 + i % 4], timestamptz '2024-05-01' + abs(hashint4(i)) % 400 * interval '10 min', 'e' || i,
	CASE WHEN i <= 12 THEN 'm-' || i / 4 END
FROM generate_series(1, 160) i;
CALL user_profile.refresh();
INSERT INTO user_profile.events (user_id, occurred_at, name)
SELECT (ARRAY['ann', 'bob', 'cat', 'eve'])[1 + i % 4], timestamptz '2024-05-01' + abs(hashint4(i + 9)) % 400 * interval '10 min', 'p' || i
FROM generate_series(1, 40) i;
SELECT user_profile.identify('ann', '{"name": "Ann", "email": "ann@x", "a": 1, "both": "ann"}') \g /dev/null
SELECT user_profile.identify('bob', '{"name": "Bob", "b": 2, "both": "bob"}') \g /dev/null
SELECT user_profile.join_company('ann', 'c1') \g /dev/null
CREATE TABLE test.log AS SELECT event_id, user_id, occurred_at FROM user_profile.events;
SELECT test.merged('test.log', '{ann}', 'ann', 'before an alias');
SELECT user_profile.alias('ann', 'bob') \g /dev/null
SELECT test.merged('test.log', '{ann,bob}', 'bob', 'an alias joins sessions, pending events included');
SELECT is_empty($$SELECT FROM user_profile.user_profile('ann')$$, 'the visitor is no user any more');
SELECT is_empty($$SELECT * FROM user_profile.user_sessions('ann', '(,)')$$, 'and has no session');
SELECT is((name, email, properties)::text, '(Bob,ann@x,"{""a"": 1, ""b"": 2, ""both"": ""bob""}")', 'traits: the known user''s win, the visitor''s fill')
FROM user_profile.user_profile('bob');
SELECT is(company_id, 'c1', 'memberships move') FROM user_profile.user_profile('bob');
SELECT test.sound('alias');
SELECT is(user_profile.track('bob', 'again', message_id => 'm-' || i), NULL, 'messages of both are known: m-' || i) FROM generate_series(0, 3) i;
SELECT is(user_profile.track('ann', 'again', message_id => 'm-1'), NULL, 'also under the old id');
CALL user_profile.refresh();
SELECT test.merged('test.log', '{ann,bob}', 'bob', 'refreshed');
SELECT test.sound('alias, refreshed');
-- Later arrivals, by COPY and by track()
COPY user_profile.events (user_id, occurred_at, name) FROM stdin;
ann	2024-05-02 10:07+00	later
ann	2024-06-01 10:07+00	later
\.
SELECT isnt(user_profile.track('ann', 'later', occurred_at => '2024-06-01 10:17+00'), NULL, 'an event under the old id');
TRUNCATE test.log;
INSERT INTO test.log SELECT event_id, user_id, occurred_at FROM user_profile.events;
SELECT test.merged('test.log', '{ann,bob}', 'bob', 'what arrives under the old id is the user''s');
SELECT is_empty($$SELECT FROM user_profile.user_profile('ann')$$, 'and nobody else''s');
SELECT test.sound('arrivals');
-- Chains: a later arrival of the first is pending when the second is made
SELECT user_profile.alias('bob', 'cat') \g /dev/null
SELECT test.merged('test.log', '{ann,bob,cat}', 'cat', 'a chain');
SELECT is((SELECT string_agg(previous_id || '>' || user_id, ' ' ORDER BY previous_id) FROM user_profile.aliases WHERE user_id = 'cat'), 'ann>cat bob>cat', 'is one step for each');
INSERT INTO user_profile.events (user_id, occurred_at, name) VALUES ('ann', '2024-06-02', 'x'), ('bob', '2024-06-02 00:10', 'x');
SELECT user_profile.alias('dan', 'ann') \g /dev/null
SELECT user_profile.alias('eve', 'cat') \g /dev/null
TRUNCATE test.log;
INSERT INTO test.log SELECT event_id, user_id, occurred_at FROM user_profile.events;
SELECT test.merged('test.log', '{ann,bob,cat,dan,eve}', 'cat', 'an alias of an alias is one of the user; a user with nothing folded');
CALL user_profile.refresh();
SELECT test.merged('test.log', '{ann,bob,cat,dan,eve}', 'cat', 'all of it refreshed');
SELECT is_empty($$SELECT FROM user_profile.live_users WHERE user_id IN ('ann', 'bob', 'dan', 'eve')$$, 'which brings no alias back');
SELECT test.sound('chains');
-- An exclusion and a deletion are decisions about the person
SELECT user_profile.track(id, 'x') FROM unnest('{out-1,out-2,in-1,in-2}'::text[]) id \g /dev/null
SELECT user_profile.exclude_user('out-1', 'tester') \g /dev/null
SELECT user_profile.schedule_delete('out-1', '2 days', suppress => true) \g /dev/null
SELECT user_profile.schedule_delete('in-1', '9 days') \g /dev/null
SELECT user_profile.alias('out-1', 'in-1') \g /dev/null
SELECT is((reason, excluded_at IS NOT NULL)::text, '(tester,t)', 'who was excluded still is') FROM user_profile.excluded_users WHERE user_id = 'in-1';
SELECT ok(due_at < now() + interval '3 days' AND suppress, 'and will be deleted at the earlier time, by the stricter rule')
FROM user_profile.scheduled_deletions WHERE user_id = 'in-1';
SELECT is_empty($$SELECT FROM user_profile.scheduled_deletions WHERE user_id = 'out-1'$$, 'once');
SELECT user_profile.exclude_user(id, id) FROM unnest('{out-2,in-2}'::text[]) id \g /dev/null
SELECT user_profile.alias('out-2', 'in-2') \g /dev/null
SELECT is(reason, 'in-2', 'one''s own reason stays') FROM user_profile.excluded_users WHERE user_id = 'in-2';
SELECT user_profile.delete_user(id) FROM unnest('{in-1,in-2}'::text[]) id \g /dev/null
-- What comes under the old id by COPY or INSERT is the user's, and fills what is not known
COPY user_profile.users (user_id, name, country, properties) FROM stdin;
ann	Not Cat	SE	{"b": 9, "new": 1}
\.
COPY user_profile.memberships (user_id, company_id, joined_at) FROM stdin;
ann	c9	2024-01-01
\.
COPY user_profile.session_replays (user_id, started_at, url) FROM stdin;
ann	2024-05-02 10:07+00	https://replay
\.
SELECT is((name, country, properties ->> 'b', properties ->> 'new')::text, '(Bob,SE,2,1)', 'copied under the old id: traits') FROM user_profile.users WHERE user_id = 'cat';
SELECT is(array_agg(user_id), '{cat}', 'memberships') FROM user_profile.memberships WHERE company_id = 'c9';
SELECT is(array_agg(user_id), '{cat}', 'recordings') FROM user_profile.session_replays WHERE url = 'https://replay';
SELECT is_empty($$SELECT FROM user_profile.live_users WHERE user_id = 'ann'$$, 'and no user comes to be');
-- Who was in a company under both ids is in it since the earlier time
SELECT user_profile.join_company('cat', 'c8', '2024-06-01'), user_profile.join_company('old-cat', 'c8', '2024-02-01') \g /dev/null
SELECT user_profile.alias('old-cat', 'cat') \g /dev/null
SELECT is(array_agg(user_id || ' ' || joined_at::date), '{"cat 2024-02-01"}', 'since the earlier time') FROM user_profile.memberships WHERE company_id = 'c8';
-- What was left under the old id is moved by the same alias again
UPDATE user_profile.users SET country = NULL WHERE user_id = 'cat';
ALTER TABLE user_profile.users DISABLE TRIGGER settle_row;
INSERT INTO user_profile.users (user_id, country) VALUES ('ann', 'DK');
ALTER TABLE user_profile.users ENABLE TRIGGER settle_row;
SELECT user_profile.alias('ann', 'cat') \g /dev/null
SELECT is(array_agg(user_id || ' ' || country), '{"cat DK"}', 'the same alias again moves what was left behind') FROM user_profile.users WHERE country = 'DK';
UPDATE user_profile.users SET country = NULL WHERE user_id = 'cat';
CREATE TABLE test.before_errors AS SELECT * FROM test.figures();
SELECT lives_ok($$SELECT user_profile.alias('ann', 'cat')$$, 'the same alias again');
SELECT throws_ok($$SELECT user_profile.alias('cat', 'cat')$$, '22023', 'user "cat" cannot be an alias of itself', 'an alias of itself');
SELECT throws_ok($$SELECT user_profile.alias('cat', 'ann')$$, '22023', 'aliases would form a cycle: "ann" is an alias of "cat" already', 'a cycle');
SELECT throws_ok($$SELECT user_profile.alias('ann', 'u4')$$, '22023', 'user "ann" is an alias of "cat" already', 'an alias of two');
SELECT throws_ok($$SELECT user_profile.alias('', 'cat')$$, '22023', NULL, 'an empty id');
SELECT throws_ok($$SELECT user_profile.alias('cat', NULL)$$, '22004', NULL, 'a NULL id');
SELECT throws_ok($$SELECT user_profile.delete_user('ann')$$, 'P0002', 'user "ann" does not exist', 'an operation on an alias');
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT throws_ok(query, '25001', name || ' needs the isolation level read committed', 'with an old snapshot: ' || query)
FROM (VALUES ($$SELECT user_profile.alias('u4', 'cat')$$, 'alias()'), ('SELECT user_profile.rebuild_timelines()', 'rebuild_timelines()'),
	($$SELECT user_profile.expire_events('2020-01-01')$$, 'expire_events()')) q (query, name);
ROLLBACK;
BEGIN;
SELECT throws_ok($$DO $do$ BEGIN PERFORM user_profile.alias('u4', 'cat'); RAISE 'stop'; END $do$ $$, 'P0001', 'stop', 'an alias that is undone');
SELECT test.same('test.before_errors', false, 'errors changed nothing');
COMMIT;
SELECT lives_ok($$SELECT user_profile.alias('never-seen', 'cat')$$, 'an alias of an id that nobody had');
SELECT is((SELECT count(*) FROM user_profile.delete_user('cat', true)), 1::bigint, 'a user of many ids is deleted');
SELECT is(user_profile.track(id, 'x'), NULL, 'and suppressed under each: ' || id) FROM unnest('{ann,bob,dan,eve,never-seen,cat}'::text[]) id;
SELECT test.sound('at the end');

SELECT * FROM finish();
