-- Refresh, its batches and parts; rebuild and expire; what the ingestion functions leave.

\ir begin.psql

-- Every figure of every user, for "unchanged"
CREATE FUNCTION test.figures() RETURNS text
LANGUAGE sql AS $$
	SELECT md5(concat(
		(SELECT string_agg(x::text, '|' ORDER BY user_id) FROM user_profile.user_profiles x),
		(SELECT string_agg(x::text, '|' ORDER BY user_id, session_number) FROM user_profile.user_sessions x),
		(SELECT string_agg(x::text, '|' ORDER BY user_id) FROM user_profile.users_overview('[2024-02-01,2024-03-01)') x),
		(SELECT string_agg(x::text, '|' ORDER BY user_id, kind, name) FROM user_profile.users_top_events('(,)') x),
		(SELECT string_agg(x::text, '|' ORDER BY user_id, page) FROM user_profile.users_top_pages('(,)') x),
		(SELECT string_agg((user_id, session_number, event_id, occurred_at, kind, name, action, page)::text, '|' ORDER BY event_id)
			FROM user_profile.user_events x)))
$$;
CREATE FUNCTION test.sound(description text) RETURNS text
LANGUAGE sql AS $$
	SELECT is_empty('SELECT * FROM user_profile.check_timelines()', description || ': timelines are sound')
$$;
-- Open parts that are not a user's last: there may be none
CREATE VIEW test.open_before_last AS
SELECT user_id, part FROM (
	SELECT user_id, part, open, max(part) OVER (PARTITION BY user_id) AS last FROM user_profile.timelines) t
WHERE open AND part < last;

-- Nothing yet
SELECT is((events, pending_events, folded_through, users, timeline_parts)::text, '(0,0,0,0,0)', 'an empty status')
FROM user_profile.status;
CALL user_profile.refresh();
SELECT is((events, pending_events, folded_through)::text, '(0,0,0)', 'a refresh of nothing') FROM user_profile.status;

-- 3,000 events of 40 users in the first quarter of 2024, survey answers among them
INSERT INTO user_profile.events (user_id, occurred_at, kind, name, action, page, properties)
SELECT 'u' || i % 40, '2024-01-01'::timestamptz + hashint4(i)::bigint % 3900000 * interval '1 second' + interval '45 days',
	(ARRAY['tracked', 'page_view', 'labeled', 'feature_tag', 'flow', 'nps', 'survey'])[1 + i % 7]::user_profile.event_kind,
	'name ' || i % 11, CASE WHEN i % 7 = 4 THEN 'seen' END, '/page/' || i % 13,
	CASE WHEN i % 7 = 5 THEN jsonb_build_object('score', i % 11) END
FROM generate_series(1, 3000) i;
SELECT test.figures() AS figures \gset
SELECT is((events, pending_events, folded_through, users, timeline_parts)::text, '(3000,3000,0,40,0)', 'status, all pending')
FROM user_profile.status;
SELECT is((SELECT count(*) FROM user_profile.users), 0::bigint, 'the table users knows nobody yet');

-- Batches: each moves the watermark by as many ids
SET user_profile.batch_size = 700;
SELECT is((SELECT last_refresh_at FROM user_profile.status), NULL, 'no refresh so far');
-- What the planner learns of an empty table must not make it read the whole of a full one, again and again
VACUUM user_profile.timelines, user_profile.users;
CALL user_profile.refresh();
SELECT pg_stat_force_next_flush() \g /dev/null
-- CLUSTER at the end reads the versions of five batches, for the table and for its index
SELECT cmp_ok(seq_tup_read, '<=', CASE relname WHEN 'users' THEN 0 ELSE 2 * 5 * 40 END::bigint, relname || ' are looked up by their keys')
FROM pg_stat_user_tables WHERE schemaname = 'user_profile' AND relname IN ('timelines', 'users') ORDER BY relname;
SELECT is((events, pending_events, folded_through, users, timeline_parts)::text, '(3000,0,3000,40,40)', 'status, all folded, a part a user')
FROM user_profile.status;
SELECT ok(last_refresh_at BETWEEN now() - interval '10 minutes' AND clock_timestamp() AND last_refresh_error IS NULL,
	'the time of the refresh') FROM user_profile.status;
SELECT is(test.figures(), :'figures', 'a refresh changes no figure');
SELECT is((SELECT count(*) FROM user_profile.users), 40::bigint, 'a refresh makes the users');
SELECT test.sound('after a refresh');
CALL user_profile.refresh();
SELECT is(test.figures(), :'figures', 'a second refresh counts nothing twice');

-- Ids that never came: rolled back
BEGIN;
INSERT INTO user_profile.events (user_id, name) SELECT 'never', 'x' FROM generate_series(1, 50);
ROLLBACK;
INSERT INTO user_profile.events (user_id, occurred_at, name) VALUES ('after', '2024-02-02', 'x');
CALL user_profile.refresh();
SELECT is((events, pending_events, folded_through)::text, '(3001,0,3051)', 'the watermark passes ids that were rolled back')
FROM user_profile.status;
SELECT is_empty($$SELECT * FROM user_profile.user_profile('never')$$, 'of which there is no user');
BEGIN;
SELECT throws_ok('CALL user_profile.refresh()', '25001', 'refresh() cannot run inside a transaction block', 'not within a transaction block');
ROLLBACK;

--
-- A message is stored once for a user
--
SELECT isnt(user_profile.track('m', 'paid', message_id => 'm-1', occurred_at => '2024-02-03'), NULL, 'a message is taken');
SELECT is(user_profile.track('m', 'paid', message_id => 'm-1', occurred_at => '2024-02-03'), NULL, 'once');
SELECT isnt(user_profile.track('m2', 'paid', message_id => 'm-1', occurred_at => '2024-02-03'), NULL, 'for each user');
CALL user_profile.refresh();
SELECT is(user_profile.track('m', 'paid', message_id => 'm-1', occurred_at => '2024-02-04'), NULL, 'also when it is folded');
SELECT is(total_events, 1::bigint, 'it counts once') FROM user_profile.user_profile('m');
SELECT throws_ok($$INSERT INTO user_profile.events (user_id, name, message_id) VALUES ('m', 'paid', 'm-1')$$, '23505', NULL,
	'a plain INSERT of it is refused');
SELECT user_profile.track('full', 'seen', 'flow', '/p', '{"a": 1}', '2024-02-03', 'step_seen', 'id2') AS id \gset
SELECT is((e.name, e.kind, e.page, e.action, e.properties, e.occurred_at)::text, '(seen,flow,/p,step_seen,"{""a"": 1}","2024-02-03 00:00:00+00")',
	'track() stores what it is given')
FROM user_profile.events e WHERE event_id = :id;

--
-- Parts: a user of many events has several, each inline; only the last is open
--
SET user_profile.batch_size = 5000;
INSERT INTO user_profile.events (user_id, occurred_at, name, page)
SELECT 'many', '2024-01-01'::timestamptz + i * interval '97.123456 seconds', 'name ' || hashint4(i) % 300, '/page/' || hashint4(i + 1) % 500
FROM generate_series(1, 60000) i;
CALL user_profile.refresh();
-- Late ones, some of which join sessions; small batches that fill the open part
INSERT INTO user_profile.events (user_id, occurred_at, name)
SELECT 'many', '2024-01-01'::timestamptz + i * interval '1 hour 7 seconds', 'late' FROM generate_series(1, 500) i;
SET user_profile.batch_size = 60;
CALL user_profile.refresh();
RESET user_profile.batch_size;
SELECT cmp_ok(count(*), '>', 20::bigint, 'many events, several parts') FROM user_profile.timelines WHERE user_id = 'many';
SELECT is(sum(events)::bigint, 60500::bigint, 'which hold all of them') FROM user_profile.timelines WHERE user_id = 'many';
SELECT is_empty('TABLE test.open_before_last', 'only the last part of a user is open');
SELECT is_empty($$SELECT user_id FROM user_profile.timelines GROUP BY user_id HAVING max(part) + 1 <> count(*) OR min(part) <> 0$$,
	'parts are numbered from 0 on');
SELECT cmp_ok(max(pg_column_size(timeline)), '<', 8100, 'a part is smaller than a page') FROM user_profile.timelines;
SELECT cmp_ok(min(pg_column_size(timeline)), '>=', 1500, 'a closed part is not much too small')
FROM user_profile.timelines WHERE user_id = 'many' AND NOT open;
SELECT is(pg_relation_size(reltoastrelid), 0::bigint, 'nothing is out of line')
FROM pg_class WHERE oid = 'user_profile.timelines'::regclass;
SELECT is((SELECT count(*) FROM user_profile.live_timelines WHERE user_id = 'many'), 1::bigint, 'they are one timeline');
SELECT test.sound('many parts');
-- The timeline of one user, with and without the parts before some time; with what else is given
SELECT is(user_profile.user_timeline('many', since, given.part_0, given.pending)::text,
	(SELECT user_profile.timeline_agg(t.timeline)::text FROM (
		SELECT timeline FROM user_profile.timelines WHERE user_id = 'many' AND last_at >= since
		UNION ALL SELECT given.pending) t),
	format('user_timeline(): since %s, %s, %s', since,
		CASE WHEN given.part_0 IS NULL THEN 'part 0 read' ELSE 'part 0 given' END,
		CASE WHEN given.pending IS NULL THEN 'nothing pending' ELSE 'and what is pending' END))
FROM unnest('{-infinity,2025-01-01,infinity}'::timestamptz[]) since, LATERAL (
	SELECT p.part_0, q.pending
	FROM (SELECT timeline AS part_0 FROM user_profile.timelines WHERE user_id = 'many' AND part = 0 UNION ALL SELECT NULL) p,
		(SELECT user_profile.timeline_agg('2024-02-01'::timestamptz, 0, 0, 100000 + i) AS pending FROM generate_series(1, 2) i
			UNION ALL SELECT NULL) q) given;
SELECT is(user_profile.user_timeline('many', since, NULL, NULL)::text, NULL, 'no part ends in infinity')
FROM (VALUES ('infinity'::timestamptz)) v (since);
SELECT is(user_profile.user_timeline('nobody', '-infinity', NULL, NULL)::text, NULL, 'nobody has no timeline');

--
-- Late events go into the last closed part where they are within it, so that parts do not overlap
--
CREATE FUNCTION test.log(who text, first int, last int, every int DEFAULT 1) RETURNS void
LANGUAGE sql AS $$
	INSERT INTO user_profile.events (user_id, occurred_at, name)
	SELECT who, '2024-01-01'::timestamptz + i * interval '10 minutes', 'name ' || i % 7 FROM generate_series(first, last, every) i
$$;
CREATE VIEW test.overlaps AS
SELECT user_id, part FROM (
	SELECT user_id, part, first_at, max(last_at) OVER (PARTITION BY user_id ORDER BY part
		ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before FROM user_profile.timelines) t
WHERE first_at <= before AND user_id LIKE 'late %';
SELECT test.log('late open', 1, 8000) \g /dev/null
CALL user_profile.refresh();
SELECT max(events) FILTER (WHERE part = 0) AS full, max(events) FILTER (WHERE part = 0) * 9 / 10 AS closed,
	max(part) > 1 AND bool_or(open) AS several
FROM user_profile.timelines WHERE user_id = 'late open' \gset
SELECT ok(:'several', 'closed parts, and an open one');
SELECT test.log('late closed', 1, :full), test.log('late old', 1, 8000), test.log('late one', 1, :closed) \g /dev/null
CALL user_profile.refresh();
SELECT test.log('late one', :closed + 1, :closed + 1) \g /dev/null
CALL user_profile.refresh();
SELECT set_eq($$SELECT user_id, array_agg(open ORDER BY part) FROM user_profile.timelines
	WHERE user_id IN ('late closed', 'late one') GROUP BY user_id$$,
	$$VALUES ('late closed', '{f}'::boolean[]), ('late one', '{f,t}')$$, 'a part that is closed, and one with another of one event');
-- Within the last closed part of each; before it; and some that are not late
SELECT test.log(user_id, extract(epoch FROM (first_at - '2024-01-01') / 600)::int + 7,
	extract(epoch FROM (last_at - '2024-01-01') / 600)::int, 200)
FROM user_profile.timelines t WHERE user_id IN ('late open', 'late closed', 'late one') AND NOT open
	AND part = (SELECT max(part) FROM user_profile.timelines l WHERE l.user_id = t.user_id AND NOT open) \g /dev/null
SELECT test.log('late old', 1, 100), test.log('late open', 8001, 8010) \g /dev/null
SELECT test.figures() AS figures, (SELECT jsonb_object_agg(user_id, parts) FROM (
	SELECT user_id, count(*) AS parts FROM user_profile.timelines WHERE user_id LIKE 'late %' GROUP BY user_id) p) AS parts \gset
CALL user_profile.refresh();
SELECT is(test.figures(), :'figures', 'late events, folded, change no figure');
SELECT test.sound('late events');
SELECT set_eq('SELECT DISTINCT user_id FROM test.overlaps', ARRAY['late old'], 'only the parts of who has older ones overlap');
SELECT is_empty('TABLE test.open_before_last', 'only the last part of a user is open, with late events');
SELECT is((SELECT count(*) FROM user_profile.timelines WHERE user_id = 'late one'), (:'parts'::jsonb ->> 'late one')::bigint,
	'no part is lost where all would fit into one');
SELECT cmp_ok(max(pg_column_size(timeline)), '<', 8100, 'a part is smaller than a page, with late events') FROM user_profile.timelines;

--
-- Values that come compressed or out of line, and names of page views
--
INSERT INTO user_profile.events (user_id, kind, name, action, page)
SELECT u, k, n, a, p
FROM unnest(ARRAY[repeat('u', 1024), repeat('v', 1024), 'w']) u, unnest('{tracked,page_view,flow}'::user_profile.event_kind[]) k,
	unnest(ARRAY['/a', '/b', repeat('n', 100000), repeat('m', 100000)]) n, unnest(ARRAY[NULL, '', 'seen', repeat('a', 100000)]) a,
	unnest(ARRAY[NULL, '', '/a', repeat('n', 100000), repeat('p', 100000)]) p;
UPDATE user_profile.events SET properties = (SELECT jsonb_object_agg(i, md5(i::text)) FROM generate_series(1, 200) i)
WHERE length(user_id) = 1024 AND kind = 'tracked';
CALL user_profile.refresh();
SELECT test.sound('long values');
SELECT is(count(*), 3 * 240::bigint, 'long values are folded') FROM user_profile.folded_events WHERE user_id = 'w' OR length(user_id) = 1024;
SELECT is_empty($$SELECT kind, name, action FROM user_profile.event_types GROUP BY 1, 2, 3 HAVING count(*) > 1$$, 'an event type is in the dictionary once');
SELECT is_empty($$SELECT page FROM user_profile.pages GROUP BY 1 HAVING count(*) > 1$$, 'a page likewise');

--
-- Rebuild
--
ANALYZE;
SELECT test.figures() AS figures \gset
SELECT is(user_profile.rebuild_timelines('many'), 60500::bigint, 'rebuild of one user tells the number of events');
SELECT is(user_profile.rebuild_timelines(), (SELECT count(*) FROM user_profile.events
	WHERE event_id <= (SELECT folded_through FROM user_profile.status)), 'rebuild of all folds all that was folded');
SELECT is(test.figures(), :'figures', 'a rebuild changes no figure');
SELECT test.sound('after a rebuild');
-- From damage: some lost, some changed
DELETE FROM user_profile.timelines WHERE user_id = 'u1';
UPDATE user_profile.timelines SET timeline = (SELECT timeline FROM user_profile.timelines WHERE user_id = 'u3') WHERE user_id = 'u2';
SELECT isnt_empty($$SELECT * FROM user_profile.check_timelines('u1')$$, 'check_timelines() sees a lost timeline');
SELECT isnt_empty($$SELECT * FROM user_profile.check_timelines('u2')$$, 'and a wrong one');
SELECT is_empty($$SELECT * FROM user_profile.check_timelines('u3')$$, 'and no fault where there is none');
SELECT is(count(DISTINCT of_user_id), 2::bigint, 'among all users as well') FROM user_profile.check_timelines();
SELECT user_profile.rebuild_timelines('u1') \g /dev/null
SELECT is(count(DISTINCT of_user_id), 1::bigint, 'a rebuild of one mends that one') FROM user_profile.check_timelines();
SELECT user_profile.rebuild_timelines() \g /dev/null
SELECT is(test.figures(), :'figures', 'a rebuild mends damage');
SELECT test.sound('after the damage');

--
-- Expire: the log gets smaller, the figures stay
--
INSERT INTO user_profile.events (user_id, occurred_at, name) VALUES ('u1', '2024-01-20', 'pending');
SELECT test.figures() AS figures \gset
SELECT count(*) AS old FROM user_profile.events
WHERE occurred_at < '2024-02-15' AND kind NOT IN ('nps', 'survey') AND name <> 'pending' \gset
SELECT is(user_profile.expire_events('2024-02-15'), :old::bigint, 'expire_events() tells how many it dropped');
SELECT ok(:old > 10000, 'which are many');
SELECT is_empty($$SELECT kind, name FROM user_profile.events WHERE occurred_at < '2024-02-15'
	AND kind NOT IN ('nps', 'survey') AND name <> 'pending'$$, 'they are gone from the log');
SELECT isnt_empty($$SELECT FROM user_profile.events WHERE occurred_at < '2024-02-15' AND kind = 'nps'$$, 'answers stay');
SELECT isnt_empty($$SELECT FROM user_profile.events WHERE name = 'pending'$$, 'what is pending stays');
SELECT is(test.figures(), :'figures', 'no figure changes, nor does an event but for its properties');
SELECT test.sound('after expiring');
SELECT is(user_profile.expire_events('2024-02-15'), 0::bigint, 'a second time there is nothing to drop');
CALL user_profile.refresh();
SELECT is(test.figures(), :'figures', 'nor does a refresh change any');
SELECT user_profile.rebuild_timelines() \g /dev/null
SELECT is(test.figures(), :'figures', 'a rebuild keeps what was expired');
SELECT test.sound('after a rebuild of expired events');
SELECT user_profile.rebuild_timelines('many') \g /dev/null
SELECT is(test.figures(), :'figures', 'also of one user');
SELECT is_empty('TABLE test.open_before_last', 'only the last part of a user is open, still');
-- A late event into the expired time
INSERT INTO user_profile.events (user_id, occurred_at, name) VALUES ('u5', '2024-01-10', 'late');
CALL user_profile.refresh();
SELECT is(occurrences, 1::bigint, 'a late event before that time counts')
FROM user_profile.user_top_events('u5', '(,)', 'late');
SELECT test.sound('after a late event');

--
-- Ids with large gaps, and a sequence that was set back
--
SELECT nextval('user_profile.events_event_id_seq') AS last_id \gset
SELECT setval('user_profile.events_event_id_seq', 4000000000000000000) \g /dev/null
INSERT INTO user_profile.events (user_id, occurred_at, name) VALUES ('gaps', '2024-01-01', 'after a gap');
SET statement_timeout = '60s';
CALL user_profile.refresh();
SELECT is(pending_events, 0::bigint, 'a gap of 4e18 ids is no work') FROM user_profile.status;
SELECT is(user_profile.rebuild_timelines('gaps'), 1::bigint, 'nor for rebuild_timelines()');
RESET statement_timeout;
SELECT setval('user_profile.events_event_id_seq', :last_id) \g /dev/null
\set ON_ERROR_STOP off
CALL user_profile.refresh();
SELECT is(:'LAST_ERROR_SQLSTATE'::text, '55000', 'a sequence behind the watermark is an error');
\set ON_ERROR_STOP on
SELECT user_profile.delete_user('gaps') \g /dev/null
UPDATE user_profile.refresh_state SET folded_through = :last_id;
SELECT test.sound('gaps');
-- The settings of a procedure that calls it
CREATE TABLE test.outcome (path text, row_security text);
DO $$
BEGIN
	PERFORM set_config('search_path', 'test, public', false);
	PERFORM set_config('row_security', 'on', false);
	CALL user_profile.refresh();
	INSERT INTO outcome VALUES (current_setting('search_path'), current_setting('row_security'));
END $$;
RESET search_path;
SELECT is(path || ', ' || row_security, 'test, public, on', 'refresh() leaves the settings of its caller alone') FROM test.outcome;

--
-- identify: keys given are set, a JSON null removes, keys absent stay
--
SELECT last_seen_at AS seen FROM user_profile.user_profile('u7') \gset
SELECT user_profile.identify('u7', '{"name": "Grace", "email": "g@x.org", "country": "US", "plan": "pro", "n": 1, "deep": {"a": 1},
	"created_at": "2023-05-06T07:08:09Z"}') \g /dev/null
SELECT is((name, email, country, sign_up_date, sign_up_source, properties)::text,
	'(Grace,g@x.org,US,"2023-05-06 07:08:09+00",signed_up,"{""n"": 1, ""deep"": {""a"": 1}, ""plan"": ""pro""}")', 'traits are set')
FROM user_profile.user_profile('u7');
SELECT user_profile.identify('u7', '{"email": null, "plan": null, "n": 2, "city": "Rome", "no such": null}') \g /dev/null
SELECT is((name, email, country, sign_up_date, sign_up_source, properties)::text,
	'(Grace,,US,"2023-05-06 07:08:09+00",signed_up,"{""n"": 2, ""city"": ""Rome"", ""deep"": {""a"": 1}}")',
	'keys given are set, a null removes, keys absent stay')
FROM user_profile.user_profile('u7');
SELECT user_profile.identify('u7') \g /dev/null
SELECT user_profile.identify('u7', NULL) \g /dev/null
SELECT is(name, 'Grace', 'no traits change nothing') FROM user_profile.user_profile('u7');
SELECT user_profile.identify('u7', '{"signed_up_at": null, "deep": {"b": 2}}') \g /dev/null
SELECT is((sign_up_source, properties -> 'deep')::text, '(first_seen,"{""b"": 2}")',
	'without a sign-up it is the first event; a value is replaced as a whole')
FROM user_profile.user_profile('u7');
SELECT is(last_seen_at, :'seen'::timestamptz, 'identify() is no activity') FROM user_profile.user_profile('u7');
SELECT user_profile.identify('new', '{"name": "N", "created_at": 1700000000}') \g /dev/null
SELECT is((name, total_sessions, total_events, first_seen_at, last_seen_at, sign_up_date, sign_up_source)::text,
	'(N,0,0,,,"2023-11-14 22:13:20+00",signed_up)', 'a user without events; seconds since 1970')
FROM user_profile.user_profile('new');
SELECT user_profile.identify('new', '{"created_at": 1700000000000}') \g /dev/null
SELECT is(sign_up_date, '2023-11-14 22:13:20+00'::timestamptz, 'milliseconds since 1970') FROM user_profile.user_profile('new');
SELECT is((total_events, sessions, session_time, avg_session, previous_sessions)::text, '(0,0,,,0)', 'an overview without events: NULL averages')
FROM user_profile.user_overview('new', '[2024-01-01,2024-02-01)');

SELECT user_profile.identify_company('acme', '{"name": "Acme", "created_at": "2020-01-01", "size": 5}') \g /dev/null
SELECT user_profile.identify_company('acme', '{"name": null, "tier": "gold"}') \g /dev/null
SELECT is((name, signed_up_at, properties)::text, '(,"2020-01-01 00:00:00+00","{""size"": 5, ""tier"": ""gold""}")', 'a company likewise')
FROM user_profile.companies WHERE company_id = 'acme';

-- Memberships: the header has the latest that has not ended
SELECT user_profile.join_company('u7', 'acme', '2023-01-01') \g /dev/null
SELECT user_profile.join_company('u7', 'bolt', '2024-01-01') \g /dev/null
SELECT user_profile.join_company('u7', 'bolt', '2024-06-01') \g /dev/null
SELECT user_profile.join_company('u7', 'later', '2999-01-01') \g /dev/null
SELECT is(company_id, 'bolt', 'the company is the one joined last') FROM user_profile.user_profile('u7');
SELECT results_eq($$SELECT * FROM user_profile.user_companies('u7')$$,
	$$VALUES ('bolt'::text, NULL::text, '2024-01-01'::timestamptz, NULL::timestamptz, true), ('acme', NULL, '2023-01-01', NULL, true),
		('later', NULL, '2999-01-01', NULL, false)$$, 'joining twice is joining once; a membership to come is not current');
SELECT user_profile.leave_company('u7', 'bolt', '2024-03-01') \g /dev/null
SELECT is(company_id, 'acme', 'one that was left is not') FROM user_profile.user_profile('u7');
SELECT is((left_at, current)::text, '("2024-03-01 00:00:00+00",f)', 'it is dated') FROM user_profile.user_companies('u7') WHERE company_id = 'bolt';
SELECT throws_ok($$SELECT user_profile.leave_company('u7', 'bolt')$$, 'P0002', NULL, 'it cannot be left twice');
SELECT user_profile.join_company('u7', 'bolt', '2024-05-01') \g /dev/null
SELECT is((company_id, (SELECT count(*) FROM user_profile.user_companies('u7') WHERE company_id = 'bolt'))::text, '(bolt,2)', 'it can be joined again')
FROM user_profile.user_profile('u7');

SELECT * FROM finish();
