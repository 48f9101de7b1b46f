-- Events that cannot be folded: they are set aside, stay pending and exact, and hold up nobody
-- else.

\ir begin.psql
SET client_min_messages = error;

-- Every figure, for "unchanged"
CREATE FUNCTION test.figures() RETURNS text
LANGUAGE sql AS $$
	SELECT md5(concat(
		(SELECT string_agg(x::text, '|' ORDER BY user_id) FROM user_profile.user_profiles x),
		(SELECT string_agg(x::text, '|' ORDER BY user_id, session_number) FROM user_profile.user_sessions x),
		(SELECT string_agg(x::text, '|' ORDER BY user_id) FROM user_profile.users_overview('(,)') x),
		(SELECT string_agg(x::text, '|' ORDER BY user_id, kind, name) FROM user_profile.users_top_events('(,)') x),
		(SELECT string_agg(x::text, '|' ORDER BY user_id, page) FROM user_profile.users_top_pages('(,)') x),
		(SELECT string_agg(x::text, '|' ORDER BY event_id) FROM user_profile.users_sentiment('(,)') x),
		(SELECT x::text FROM user_profile.workspace_nps('(,)') x),
		(SELECT string_agg(x::text, '|' ORDER BY company_id) FROM user_profile.companies_nps('(,)') x),
		(SELECT string_agg(x::text, '|' ORDER BY company_id) FROM user_profile.companies_overview('(,)') x),
		(SELECT string_agg((user_id, session_number, event_id, occurred_at, kind, name, action, page)::text, '|' ORDER BY event_id)
			FROM user_profile.user_events x)))
$$;

-- Each event is in the log, and either in a timeline or pending, once
CREATE FUNCTION test.sound(description text) RETURNS SETOF text
LANGUAGE sql AS $$
	SELECT is_empty('SELECT * FROM user_profile.check_timelines()', description || ': timelines are sound')
	UNION ALL
	SELECT is((SELECT events FROM user_profile.status), (SELECT count(*) FROM user_profile.events),
		description || ': every event is folded or pending')
	UNION ALL
	SELECT bag_eq(
		'SELECT event_id FROM user_profile.pending_events UNION ALL SELECT event_id FROM user_profile.folded_events',
		'SELECT event_id FROM user_profile.events', description || ': and only one of them')
$$;

-- What the owner of a database may have put there: no event may be folded into a page or a
-- timeline that a list names. (The id of the error is the list's.)
CREATE TABLE test.poison (what text PRIMARY KEY, errcode text NOT NULL DEFAULT 'P0001');
CREATE FUNCTION test.refuse() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
	poison test.poison;
BEGIN
	SELECT * INTO poison FROM test.poison p WHERE p.what = to_jsonb(NEW) ->> TG_ARGV[0] OR p.what = '*';
	IF FOUND THEN
		RAISE EXCEPTION USING errcode = poison.errcode, message = poison.what || ' is refused',
			detail = 'by a trigger';
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER refuse BEFORE INSERT ON user_profile.pages
	FOR EACH ROW EXECUTE FUNCTION test.refuse('page');
CREATE TRIGGER refuse BEFORE INSERT OR UPDATE OF timeline ON user_profile.timelines
	FOR EACH ROW EXECUTE FUNCTION test.refuse('user_id');

-- 3,000 events of 40 users, answers among them; two companies
CREATE FUNCTION test.add(users int, events int) RETURNS void
LANGUAGE sql AS $$
	INSERT INTO user_profile.events (user_id, occurred_at, kind, name, action, page, properties)
	SELECT 'u' || i % users, '2024-01-01'::timestamptz + hashint4(i)::bigint % 3900000 * interval '1 second' + interval '45 days',
		(ARRAY['tracked', 'page_view', 'labeled', 'feature_tag', 'flow', 'nps', 'survey'])[1 + i % 7]::user_profile.event_kind,
		'name ' || i % 11, CASE WHEN i % 7 = 4 THEN 'seen' END, '/page/' || i % 13,
		CASE WHEN i % 7 = 5 THEN jsonb_build_object('score', i % 11) END
	FROM generate_series(1, events) i
$$;
SELECT test.add(40, 3000) \g /dev/null
SELECT user_profile.join_company('u' || i, 'c' || i % 2, '2024-01-01') FROM generate_series(1, 20) i \g /dev/null
SELECT is((events, pending_events, failed_events)::text, '(3000,3000,0)', 'nothing has failed yet') FROM user_profile.status;

--
-- One poisoned row in the middle
--
INSERT INTO test.poison VALUES ('/poison');
INSERT INTO user_profile.events (user_id, occurred_at, kind, name, page, properties) VALUES
	('u7', '2024-02-01', 'nps', 'how is it', '/poison', '{"score": 3}');
SELECT max(event_id) AS poisoned FROM user_profile.events \gset
SELECT test.add(40, 500) \g /dev/null
SELECT test.figures() AS figures \gset
SET user_profile.batch_size = 1000;
CALL user_profile.refresh();
SELECT is((events, pending_events, failed_events, folded_through)::text, '(3501,14,14,3501)',
	'the poisoned row is set aside, with what comes after it of its user; all others are folded')
FROM user_profile.status;
SELECT is((event_id, error)::text, format('(%s,"/poison is refused: by a trigger")', :poisoned), 'the row is named, and why')
FROM user_profile.refresh_failures WHERE error IS NOT NULL;
SELECT is((SELECT last_refresh_error FROM user_profile.status), NULL, 'the refresh has not failed');
SELECT is(array_agg(DISTINCT user_id), '{u7}', 'only events of that user are pending') FROM user_profile.pending_events;
SELECT is(test.figures(), :'figures', 'all figures are those of before');
SELECT * FROM test.sound('with a poisoned row');

-- Later events of the user wait behind it, those of others don't
SELECT test.add(40, 400) \g /dev/null
SELECT test.figures() AS figures \gset
SELECT failed_at FROM user_profile.refresh_failures WHERE error IS NOT NULL \gset
CALL user_profile.refresh();
SELECT is((pending_events, failed_events)::text, '(24,24)', 'what comes later waits behind it') FROM user_profile.status;
SELECT ok(failed_at > :'failed_at', 'it was tried again') FROM user_profile.refresh_failures WHERE error IS NOT NULL;
SELECT is(count(*), 1::bigint, 'there is one error') FROM user_profile.refresh_failures WHERE error IS NOT NULL;
SELECT is(test.figures(), :'figures', 'no figure changes');
SELECT * FROM test.sound('with what waits behind it');

SELECT is(user_profile.rebuild_timelines(), 3901 - 24::bigint, 'a rebuild of all folds what was folded');
SELECT is(test.figures(), :'figures', 'and changes no figure');
SELECT * FROM test.sound('after a rebuild of all');

-- Two further users, one of whom nothing can be folded
INSERT INTO test.poison VALUES ('u9', 'data_corrupted');
INSERT INTO user_profile.events (user_id, name, page) VALUES ('stranger', 'first', '/poison'), ('u8', 'x', '/page/1');
SELECT test.add(40, 2000) \g /dev/null
SELECT test.figures() AS figures \gset
CALL user_profile.refresh();
SELECT is(array_agg(DISTINCT user_id ORDER BY user_id), '{stranger,u7,u9}', 'three users fail, each apart')
FROM user_profile.pending_events;
SELECT is(count(*), 3::bigint, 'each with an error') FROM user_profile.refresh_failures WHERE error IS NOT NULL;
SELECT is(test.figures(), :'figures', 'no figure changes by that');
SELECT * FROM test.sound('with three users that fail');

--
-- Whatever else is done meanwhile
--
SELECT throws_ok($$SELECT user_profile.rebuild_timelines('u9')$$, 'XX001', NULL, 'a rebuild of one who fails fails');
SELECT lives_ok($$SELECT user_profile.rebuild_timelines('u7')$$, 'where the poisoned row is aside, it does not');
SELECT is(test.figures(), :'figures', 'and changes nothing');
SELECT * FROM test.sound('after a rebuild');

SELECT test.figures() AS figures \gset
SELECT user_profile.expire_events('2024-02-15') > 1000 AS expired \gset
SELECT ok(:'expired', 'events expire');
SELECT isnt_empty($$SELECT FROM user_profile.events WHERE user_id = 'u7' AND occurred_at < '2024-02-15' AND kind = 'tracked'$$,
	'not those that are only in the log');
SELECT is(test.figures(), :'figures', 'figures stay');
SELECT is_empty($$SELECT * FROM user_profile.check_timelines()$$, 'timelines are sound');

-- An alias of one who fails, and one that takes a failing user's id along
SELECT user_profile.alias('u7', 'u3') \g /dev/null
SELECT user_profile.alias('u4', 'u9') \g /dev/null
SELECT is(array_agg(DISTINCT user_id ORDER BY user_id), '{stranger,u3,u9}', 'events set aside have the id of the alias')
FROM user_profile.pending_events;
SELECT is_empty($$SELECT * FROM user_profile.check_timelines()$$, 'aliases: timelines are sound');
SELECT test.figures() AS figures \gset
CALL user_profile.refresh();
SELECT is(test.figures(), :'figures', 'a refresh after the aliases changes no figure');
SELECT is_empty($$SELECT * FROM user_profile.check_timelines()$$, 'and timelines are sound');
-- What still comes under the old id
INSERT INTO user_profile.events (user_id, occurred_at, name) VALUES ('u7', '2024-03-03', 'under the old id');
SELECT test.figures() AS figures \gset
CALL user_profile.refresh();
SELECT is(test.figures(), :'figures', 'nor what comes under the old id');
SELECT is((SELECT user_id FROM user_profile.events WHERE name = 'under the old id'), 'u3', 'which is the new one''s');

-- Deletion takes what is aside along
SELECT user_profile.delete_user('stranger') \g /dev/null
SELECT is(count(*), 2::bigint, 'a user who fails can be deleted') FROM user_profile.refresh_failures WHERE error IS NOT NULL;
SELECT is_empty($$SELECT FROM user_profile.events WHERE user_id = 'stranger'$$, 'and is gone');

--
-- Cured
--
SELECT test.figures() AS figures \gset
DELETE FROM test.poison WHERE what = 'u9';
CALL user_profile.refresh();
SELECT is(array_agg(DISTINCT user_id), '{u3}', 'one whose cause is gone is folded') FROM user_profile.pending_events;
SELECT is(test.figures(), :'figures', 'and has the figures of before');
SELECT is_empty($$SELECT * FROM user_profile.check_timelines()$$, 'timelines are sound');
-- The other remedy: without the row
DELETE FROM user_profile.events WHERE event_id = :poisoned;
SELECT test.figures() AS figures \gset
CALL user_profile.refresh();
SELECT is((pending_events, failed_events)::text, '(0,0)', 'without the poisoned row what waited for it is folded') FROM user_profile.status;
SELECT is(test.figures(), :'figures', 'with the figures of before');
SELECT is_empty($$SELECT * FROM user_profile.check_timelines()$$, 'and sound timelines');

-- One who is suppressed, by a deletion, while events are aside
INSERT INTO user_profile.events (user_id, name, page) VALUES ('gone', 'first', '/poison'), ('gone', 'second', '/page/1');
CALL user_profile.refresh();
SELECT is(failed_events, 2::bigint, 'another one fails') FROM user_profile.status;
INSERT INTO user_profile.events (user_id, name) VALUES ('gone', 'third');
SELECT user_profile.delete_user('gone', suppress => true) \g /dev/null
INSERT INTO user_profile.events (user_id, name) VALUES ('gone', 'fourth');
CALL user_profile.refresh();
SELECT is((pending_events, failed_events, (SELECT count(*) FROM user_profile.events WHERE user_id = 'gone'))::text, '(0,0,0)',
	'nothing is left of one who was deleted for good') FROM user_profile.status;

--
-- Errors that concern no event, or all
--
INSERT INTO test.poison VALUES ('*', 'insufficient_privilege');
SELECT test.add(40, 100) \g /dev/null
INSERT INTO user_profile.events (user_id, name) SELECT 'w' || i, 'x' FROM generate_series(1, 150) i;
SELECT test.figures() AS figures \gset
\set ON_ERROR_STOP off
\set VERBOSITY terse
CALL user_profile.refresh();
SELECT is(:'LAST_ERROR_SQLSTATE'::text, '42501', 'an error of rights ends the refresh');
SELECT is((pending_events, failed_events)::text, '(250,0)', 'and sets nothing aside') FROM user_profile.status;
SELECT is(test.figures(), :'figures', 'figures are those of before');
UPDATE test.poison SET errcode = 'raise_exception' WHERE what = '*';
CALL user_profile.refresh();
SELECT is(:'LAST_ERROR_SQLSTATE'::text, 'P0001', 'one that befalls everybody ends it as well');
SELECT is(count(*), 100::bigint, 'after 100 users') FROM user_profile.refresh_failures WHERE error IS NOT NULL;
SELECT is(test.figures(), :'figures', 'figures are those of before, still');
SELECT is_empty($$SELECT * FROM user_profile.check_timelines()$$, 'and timelines sound');
\set ON_ERROR_STOP on
DELETE FROM test.poison;
CALL user_profile.refresh();
SELECT is((pending_events, failed_events)::text, '(0,0)', 'without the cause all are folded') FROM user_profile.status;
SELECT is(test.figures(), :'figures', 'with the figures of before');
SELECT is_empty($$SELECT * FROM user_profile.check_timelines()$$, 'and timelines are sound');

SELECT * FROM finish();
