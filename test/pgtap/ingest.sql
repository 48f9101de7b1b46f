-- Messages of Segment, RudderStack and Userpilot: what each leaves in the tables, that a
-- repeated one leaves nothing more, and that a bad one leaves nothing at all. Expectations come
-- from the table in doc/ingestion.md.

\set ECHO none
SET client_min_messages = warning;
SET timezone = 'America/New_York';	-- times without a zone are UTC nevertheless
SELECT no_plan();

CREATE SCHEMA test;

-- Take a message; its event as text, or why there is none
CREATE FUNCTION test.event(message jsonb) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	id bigint := user_profile.ingest(message);
BEGIN
	RETURN coalesce((SELECT concat_ws(' | ', e.user_id, e.kind, e.name, coalesce(e.action, '-'),
			coalesce(e.page, '-'), e.occurred_at AT TIME ZONE 'UTC', coalesce(e.message_id, '-'),
			e.properties)
		FROM user_profile.events e WHERE e.event_id = id), 'none');
END $$;

-- The SQLSTATE and message with which a message is refused
CREATE FUNCTION test.refusal(message jsonb) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM user_profile.ingest(message);
	RETURN 'taken';
EXCEPTION WHEN OTHERS THEN
	RETURN sqlstate || ' ' || sqlerrm;
END $$;

CREATE FUNCTION test.refusal(messages jsonb[]) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM user_profile.ingest(messages);
	RETURN 'taken';
EXCEPTION WHEN OTHERS THEN
	RETURN sqlstate || ' ' || sqlerrm;
END $$;

--
-- track
--
SELECT is(test.event('{"type": "track", "userId": "ada", "event": "Order placed", "messageId": "m-1",
		"timestamp": "2024-05-05T10:00:00.123Z", "properties": {"total": 12.5},
		"context": {"page": {"path": "/cart", "url": "https://shop.example/cart?x=1"}, "ip": "192.0.2.1"}}'),
	'ada | tracked | Order placed | - | /cart | 2024-05-05 10:00:00.123 | m-1 | {"total": 12.5}',
	'a track call is a tracked event on the page of its context');
SELECT is(test.event('{"type": "track", "userId": "ada", "event": "Order placed", "messageId": "m-1",
		"timestamp": "2024-05-05T10:00:00.123Z"}'),
	'none', 'a message id that was seen is not taken again');
SELECT is(test.event('{"type": "track", "userId": "bob", "event": "Order placed", "messageId": "m-1",
		"timestamp": "2024-05-05T10:00:00Z"}'),
	'bob | tracked | Order placed | - | - | 2024-05-05 10:00:00 | m-1',
	'but is, for another user');
SELECT is(test.event('{"type": "track", "anonymousId": "anon-1", "userId": null, "event": "Looked", "timestamp": 1714903200}'),
	'anon-1 | tracked | Looked | - | - | 2024-05-05 10:00:00 | -',
	'the anonymous id stands in for a user id that is null; a time may be in seconds');
SELECT is(test.event('{"type": "track", "anonymousId": "anon-1", "userId": "", "event": "Looked", "timestamp": 1714903200123}'),
	'anon-1 | tracked | Looked | - | - | 2024-05-05 10:00:00.123 | -',
	'or empty; a time may be in milliseconds');
SELECT is(test.event('{"type": "track", "userId": "ada", "anonymousId": "anon-2", "event": "Looked", "timestamp": "2024-05-05T10:00:00"}'),
	'ada | tracked | Looked | - | - | 2024-05-05 10:00:00 | -',
	'with both ids it is the user''s; a time without a zone is UTC');
SELECT is((SELECT count(*) FROM user_profile.aliases), 0::bigint, 'and the two ids are not joined');
SELECT is(test.event('{"type": "track", "userId": 42, "event": "Looked", "originalTimestamp": "2024-05-05T12:00:00+02:00",
		"sentAt": "2024-05-05T12:00:01+02:00", "receivedAt": "2024-05-05T10:00:02Z",
		"context": {"page": {"url": "https://shop.example"}}}'),
	'42 | tracked | Looked | - | / | 2024-05-05 10:00:00 | -',
	'a numeric id is text; originalTimestamp comes before sentAt and receivedAt; a URL without a path is /');
SELECT is(test.event('{"type": "track", "userId": "ada", "event": "Looked", "sentAt": "", "receivedAt": "2024-05-05T10:00:02Z",
		"context": {"page": "odd"}}'),
	'ada | tracked | Looked | - | - | 2024-05-05 10:00:02 | -',
	'receivedAt where nothing else is; an odd page is none');
BEGIN;
SELECT is((SELECT occurred_at FROM user_profile.events
		WHERE event_id = user_profile.ingest('{"type": "track", "userId": "ada", "event": "Now"}'::jsonb)),
	NULL, 'volatile: ingest() is not called in a look-up by its own result');
SELECT is((SELECT occurred_at FROM user_profile.events WHERE name = 'Now' LIMIT 1), now(),
	'without any time it is now');
ROLLBACK;

--
-- page and screen
--
SELECT is(test.event('{"type": "page", "userId": "ada", "name": "Home", "timestamp": "2024-05-05T10:00:00Z",
		"properties": {"path": "/", "url": "https://shop.example/?utm=x", "title": "Shop"}}'),
	'ada | page_view | Home | - | / | 2024-05-05 10:00:00 | - | {"url": "https://shop.example/?utm=x", "path": "/", "title": "Shop"}',
	'a page call is a page view of its path, by its name');
SELECT is(test.event('{"type": "page", "userId": "ada", "category": "Docs", "timestamp": "2024-05-05T10:00:00Z",
		"context": {"page": {"url": "https://shop.example/docs/a?token=1#b"}}}'),
	'ada | page_view | /docs/a | - | /docs/a | 2024-05-05 10:00:00 | - | {"category": "Docs"}',
	'without a name it is named by its path, which has no query; the category is a property');
SELECT is(test.event('{"type": "screen", "userId": "ada", "name": "Settings", "timestamp": "2024-05-05T10:00:00Z",
		"properties": {"tab": "me"}}'),
	'ada | page_view | Settings | - | - | 2024-05-05 10:00:00 | - | {"tab": "me"}',
	'a screen call is a page view, of the screen by its name');
SELECT is((SELECT page FROM user_profile.user_events WHERE user_id = 'ada' AND name = 'Settings'), 'Settings',
	'whose page is its name');

--
-- identify
--
SELECT is(test.event('{"type": "identify", "userId": "ada", "messageId": "m-2", "timestamp": "2024-05-05T10:00:00Z",
		"traits": {"firstName": "Ada", "lastName": "Byron", "email": "ada@shop.example", "createdAt": "2023-01-02T03:04:05",
			"address": {"country": "UK"}, "plan": "pro"},
		"context": {"ip": "192.0.2.1", "locale": "en-GB", "timezone": "Europe/London", "library": {"name": "analytics.js"},
			"userAgent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 Edg/120.0.0.0",
			"screen": {"width": 1920, "height": 1080}, "page": {"url": "https://shop.example:8443/x"}}}'),
	'none', 'an identify call makes no event');
SELECT results_eq(
	$$SELECT name, email, country, signed_up_at AT TIME ZONE 'UTC' FROM user_profile.users WHERE user_id = 'ada'$$,
	$$VALUES ('Ada Byron', 'ada@shop.example', 'UK', timestamp '2023-01-02 03:04:05')$$,
	'it sets the columns');
SELECT is((SELECT properties FROM user_profile.users WHERE user_id = 'ada'),
	'{"plan": "pro", "firstName": "Ada", "lastName": "Byron", "address": {"country": "UK"},
	  "browser": "Edge", "operating_system": "Windows", "device_type": "desktop", "browser_language": "en-GB",
	  "timezone": "Europe/London", "hostname": "shop.example:8443", "screen_width": 1920, "screen_height": 1080}',
	'and the properties, with what the context says of the device, without the IP address');
SELECT is(test.event('{"type": "identify", "userId": "ada", "context": {"traits": {"plan": null, "role": "admin"},
		"userAgent": "analytics-python/2.2", "library": {"name": "http"}}}'),
	'none', 'RudderStack has the traits in the context');
SELECT is((SELECT properties - '{firstName,lastName,address,timezone,hostname,screen_width,screen_height}'::text[]
		FROM user_profile.users WHERE user_id = 'ada'),
	'{"role": "admin", "browser": "Edge", "operating_system": "Windows", "device_type": "desktop", "browser_language": "en-GB"}',
	'they are merged, a null removes its key, and a server''s library is no browser');
SELECT is((SELECT name FROM user_profile.users WHERE user_id = 'ada'), 'Ada Byron', 'what is not given stays');
SELECT is(test.event('{"type": "identify", "userId": "cyd", "timestamp": "2024-05-05T10:00:00Z",
		"traits": {"name": "Cyd", "company": {"id": 7, "name": "Seven", "createdAt": 1514862245, "size": 9}}}'),
	'none', 'a company may come with the traits');
SELECT results_eq(
	$$SELECT c.name, c.signed_up_at AT TIME ZONE 'UTC', c.properties, m.user_id, m.joined_at AT TIME ZONE 'UTC', u.properties
	  FROM user_profile.companies c JOIN user_profile.memberships m USING (company_id) JOIN user_profile.users u USING (user_id)
	  WHERE company_id = '7'$$,
	$$VALUES ('Seven', timestamp '2018-01-02 03:04:05', '{"size": 9}'::jsonb, 'cyd',
		timestamp '2024-05-05 10:00', '{}'::jsonb)$$,
	'it is set, and the user joins it');

CREATE TEMP TABLE agents (agent text, expected text);
INSERT INTO agents VALUES
	('Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1', 'Safari,iOS,mobile'),
	('Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Safari/605.1.15', 'Safari,macOS,desktop'),
	('Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36', 'Chrome,Android,mobile'),
	('Mozilla/5.0 (Linux; Android 13; SM-X200) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/23.0 Chrome/115.0.0.0 Safari/537.36', 'Samsung Internet,Android,tablet'),
	('Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0', 'Firefox,Linux,desktop'),
	('Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36', 'Chrome,ChromeOS,desktop'),
	('Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 OPR/106.0.0.0', 'Opera,Windows,desktop');
SELECT is(user_profile.ingest((SELECT array_agg(jsonb_build_object('type', 'identify', 'userId', agent,
		'context', jsonb_build_object('userAgent', agent))) FROM agents)),
	(SELECT array_agg(NULL::bigint) FROM agents), 'user agents');
SELECT is(concat_ws(',', u.properties ->> 'browser', u.properties ->> 'operating_system', u.properties ->> 'device_type'),
	a.expected, a.expected)
FROM agents a JOIN user_profile.users u ON u.user_id = a.agent;

--
-- group
--
SELECT is(test.event('{"type": "group", "userId": "ada", "groupId": "acme", "timestamp": "2024-05-05T10:00:00Z",
		"traits": {"name": "Acme", "createdAt": "2020-01-01", "industry": "Anvils"}}'),
	'none', 'a group call makes no event');
SELECT results_eq(
	$$SELECT c.name, c.signed_up_at AT TIME ZONE 'UTC', c.properties, m.user_id, m.joined_at AT TIME ZONE 'UTC', m.left_at
	  FROM user_profile.companies c JOIN user_profile.memberships m USING (company_id) WHERE company_id = 'acme'$$,
	$$VALUES ('Acme', timestamp '2020-01-01', '{"industry": "Anvils"}'::jsonb, 'ada',
		timestamp '2024-05-05 10:00', NULL::timestamptz)$$,
	'it sets the company, and the user joins it');
SELECT is(test.event('{"type": "group", "userId": "ada", "groupId": "acme", "timestamp": "2024-06-06T10:00:00Z"}'),
	'none', 'another one');
SELECT is((SELECT count(*) FROM user_profile.memberships WHERE company_id = 'acme'), 1::bigint,
	'leaves the membership as it is');
SELECT is((SELECT name FROM user_profile.companies WHERE company_id = 'acme'), 'Acme', 'and the company');

--
-- Userpilot
--
SELECT is(test.event('{"app_token": "NX-1", "event_type": "identify_user", "event_name": "", "source": "web-client", "user_id": "eve",
		"company_id": "acme", "hostname": "app.shop.example", "pathname": "/users", "country_code": "FR", "screen_width": 859,
		"screen_height": 746, "operating_system": "macOS", "browser": "Chrome", "browser_language": "fr-FR", "device_type": "desktop",
		"session": "3", "inserted_at": "2024-05-05T10:00:00.123456", "metadata": {"name": "Eve", "created_at": "1514862245", "role": "cto"}}'),
	'none', 'identify_user makes no event');
SELECT results_eq(
	$$SELECT name, country, signed_up_at AT TIME ZONE 'UTC', properties FROM user_profile.users WHERE user_id = 'eve'$$,
	$$VALUES ('Eve', 'FR', timestamp '2018-01-02 03:04:05', '{"role": "cto", "hostname": "app.shop.example", "screen_width": 859,
		"screen_height": 746, "operating_system": "macOS", "browser": "Chrome", "browser_language": "fr-FR", "device_type": "desktop"}'::jsonb)$$,
	'it sets the user, with what was captured of the device');
SELECT is((SELECT joined_at AT TIME ZONE 'UTC' FROM user_profile.memberships WHERE user_id = 'eve' AND company_id = 'acme'),
	'2024-05-05 10:00:00.123456', 'who joins the company, at the microsecond');
SELECT is(test.event('{"event_type": "identify_company", "user_id": "", "company_id": "bolt", "inserted_at": "2024-05-05T10:00:00Z",
		"metadata": {"name": "Bolt", "plan": "free"}}'),
	'none', 'identify_company makes no event, and needs no user');
SELECT results_eq($$SELECT name, properties FROM user_profile.companies WHERE company_id = 'bolt'$$,
	$$VALUES ('Bolt', '{"plan": "free"}'::jsonb)$$, 'it sets the company');
SELECT is(test.event('{"event_type": "track", "event_name": "Exported", "user_id": "eve", "internal_event_id": "1234567890123456789",
		"hostname": "app.shop.example", "pathname": "/users", "inserted_at": "2024-05-05T10:00:00.123456Z", "metadata": {"rows": 3}}'),
	'eve | tracked | Exported | - | /users | 2024-05-05 10:00:00.123456 | 1234567890123456789 | {"rows": 3}',
	'track is a tracked event on the path');
SELECT is(test.event('{"event_type": "track", "event_name": "Exported", "user_id": "eve", "internal_event_id": 1234567890123456789}'),
	'none', 'once, be its id a string or a number');
SELECT is(test.event('{"event_type": "page_view", "event_name": "", "user_id": "eve", "pathname": "https://app.shop.example/a/b?c=d",
		"inserted_at": "2024-05-05T10:00:00Z", "metadata": {}}'),
	'eve | page_view | /a/b | - | /a/b | 2024-05-05 10:00:00 | - | {}',
	'page_view is one, of the path where all of the URL is collected');
SELECT is(test.event('{"event_type": "track_feature", "event_name": "17", "user_id": "eve", "pathname": "/a",
		"inserted_at": "2024-05-05T10:00:00Z"}'),
	'eve | feature_tag | 17 | - | /a | 2024-05-05 10:00:00 | -', 'track_feature is a feature tag');
SELECT is(test.event(jsonb_build_object('event_type', 'interaction', 'event_name', i.name, 'user_id', 'eve', 'pathname', '/a',
		'inserted_at', '2024-05-05T10:00:00Z', 'metadata', i.metadata)),
	'eve | ' || i.expected || ' | /a | 2024-05-05 10:00:00 | - | ' || coalesce(i.properties, i.metadata)::text, i.name)
FROM (VALUES
	('experience:448:DISMISSED', '{"step": 2}'::jsonb, 'flow | 448 | dismissed', NULL::jsonb),
	('flow:448:COMPLETED', '{}', 'flow | 448 | completed', NULL),
	('checklist:2:SEEN', '{"name": "Get going"}', 'checklist | Get going | seen', NULL),
	('spotlight:a:b:STEP_SEEN', '{}', 'spotlight | a:b | step_seen', NULL),
	('banner:9:SEEN', '{}', 'banner | 9 | seen', NULL),
	('resource_center:5:OPENED', '{}', 'tracked | resource_center:5 | opened', NULL),
	('survey:6:SUBMITTED', '{"question": "How?", "answer": "So"}', 'survey | 6 | submitted', NULL),
	('nps:3:SCORED', '{"score": "9", "feedback": "good"}', 'nps | 3 | scored', '{"score": 9, "feedback": "good", "comment": "good"}'),
	('nps:3:SCORED', '{"score": 10.0}', 'nps | 3 | scored', '{"score": 10}'),
	('nps:3:SCORED', '{"score": 0}', 'nps | 3 | scored', '{"score": 0}'),
	('nps:3:DISMISSED', '{"score": "", "x": 1}', 'nps | 3 | dismissed', '{"x": 1}'),
	('nps:3:DISMISSED', '{"score": null}', 'nps | 3 | dismissed', NULL))
	AS i (name, metadata, expected, properties);
SELECT is(test.event('{"event_type": "session_start", "user_id": "eve"}'), 'none', 'session_start is nothing: sessions are computed');
SELECT results_eq(
	$$SELECT score, category, comment, page FROM user_profile.user_sentiment('eve', '(,)') WHERE kind = 'nps' AND comment IS NOT NULL$$,
	$$VALUES (9, 'promoter', 'good', '/a')$$, 'an NPS answer is one of the profile');

--
-- Many, and forms of the argument
--
CREATE TEMP TABLE batch AS
SELECT user_profile.ingest(ARRAY[
	'{"type": "track", "userId": "fay", "event": "A", "messageId": "1"}',
	'{"type": "identify", "userId": "fay"}',
	'{"type": "track", "userId": "fay", "event": "A", "messageId": "1"}',
	'{"type": "track", "userId": "fay", "event": "B", "messageId": "2"}']::jsonb[]) AS event_ids;
SELECT results_eq(
	$$SELECT r.position, e.name FROM batch, unnest(event_ids) WITH ORDINALITY r (event_id, position)
	  LEFT JOIN user_profile.events e USING (event_id) ORDER BY 1$$,
	$$VALUES (1::bigint, 'A'), (2, NULL), (3, NULL), (4, 'B')$$,
	'an array gives the event ids in the places of their messages');
SELECT is(user_profile.ingest(ARRAY[
		'{"type": "identify", "userId": "fay"}',
		'{"type": "track", "userId": "fay", "event": "A", "messageId": "1"}']::jsonb[]),
	'{NULL,NULL}', 'and NULL where there is none');
SELECT is(user_profile.ingest('{}'::jsonb[]), '{}', 'no messages, no ids');
SELECT isnt(user_profile.ingest('{"type": "track", "userId": "fay", "event": "C"}'), NULL, 'an untyped literal is a message');
SELECT isnt(user_profile.ingest('{"type": "track", "userId": "fay", "event": "C"}'::text), NULL, 'a text is one');

--
-- alias
--
SELECT is(test.event('{"type": "alias", "previousId": "anon-1", "userId": "gus", "messageId": "m-9"}'), 'none', 'alias makes no event');
SELECT results_eq($$SELECT name, count(*) FROM user_profile.user_events WHERE user_id = 'gus' GROUP BY name$$,
	$$VALUES ('Looked', 2::bigint)$$, 'what was anonymous is the user''s');
SELECT is(test.event('{"type": "track", "anonymousId": "anon-1", "event": "Later", "timestamp": "2024-05-05T11:00:00Z"}'),
	'gus | tracked | Later | - | - | 2024-05-05 11:00:00 | -', 'and what still comes is');
SELECT is(test.event('{"type": "identify", "anonymousId": "anon-1", "traits": {"name": "Gus"}}'), 'none', 'traits too');
SELECT is((SELECT name FROM user_profile.users WHERE user_id = 'gus'), 'Gus', 'are the user''s');
SELECT is(test.event('{"type": "group", "anonymousId": "anon-1", "groupId": "acme"}'), 'none', 'and companies');
SELECT is((SELECT count(*) FROM user_profile.memberships WHERE user_id = 'gus'), 1::bigint, 'are');
SELECT is((SELECT count(*) FROM user_profile.user_profile('anon-1')), 0::bigint, 'nobody comes back under the old id');
SELECT isnt(test.event('{"type": "track", "userId": "anon-3", "event": "Once", "messageId": "once"}'), 'none', 'a message before the alias');
SELECT is(test.event('{"type": "alias", "previousId": "anon-3", "userId": "gus"}'), 'none', 'alias');
SELECT is(test.event('{"type": "track", "userId": "anon-3", "event": "Once", "messageId": "once"}'), 'none', 'is not taken again after it');
SELECT is(test.event('{"type": "alias", "previousId": "anon-3", "userId": "gus"}'), 'none', 'nor does the alias mind a repetition');

--
-- Suppressed users
--
SELECT lives_ok($$SELECT * FROM user_profile.delete_user('eve', suppress => true)$$, 'delete and suppress');
SELECT is(user_profile.ingest(ARRAY[
		'{"type": "track", "userId": "eve", "event": "Back"}',
		'{"type": "identify", "userId": "eve", "traits": {"name": "Eve"}}',
		'{"type": "group", "userId": "eve", "groupId": "acme"}',
		'{"type": "track", "userId": "ada", "event": "Still here", "messageId": "m-1"}']::jsonb[]),
	'{NULL,NULL,NULL,NULL}', 'messages of a suppressed user are taken, and make nothing');
SELECT is(user_profile.track('eve', 'Back'), NULL, 'nor does track()');
SELECT is((SELECT count(*) FROM user_profile.events WHERE user_id = 'eve')
	+ (SELECT count(*) FROM user_profile.users WHERE user_id = 'eve')
	+ (SELECT count(*) FROM user_profile.memberships WHERE user_id = 'eve'), 0::bigint, 'nothing of the user is there');

--
-- What is refused, and how it is said
--
CREATE TEMP TABLE size_before AS
SELECT (SELECT count(*) FROM user_profile.events) AS events, (SELECT count(*) FROM user_profile.users) AS users,
	(SELECT count(*) FROM user_profile.companies) AS companies, (SELECT count(*) FROM user_profile.memberships) AS memberships;

SELECT is(test.refusal(r.message), r.expected, r.message::text)
FROM (VALUES
	('3'::jsonb, '22023 message must be a JSON object, not number'),
	('[]', '22023 message must be a JSON object, not array'),
	('"track"', '22023 message must be a JSON object, not string'),
	('{}', '22023 message has no "type" or "event_type"'),
	('{"type": ""}', '22023 message has no "type" or "event_type"'),
	('{"type": {}}', '22023 "type" must be a string, not object'),
	('{"type": "trace", "userId": "new"}', '22023 unknown type of message "trace"'),
	('{"type": "Track", "userId": "new", "event": "e"}', '22023 unknown type of message "Track"'),
	('{"type": "track", "event": "e"}', '22023 message of type "track" has no "userId" or "user_id" or "anonymousId" or "anonymous_id"'),
	('{"type": "track", "event": "e", "userId": ""}', '22023 message of type "track" has no "userId" or "user_id" or "anonymousId" or "anonymous_id"'),
	('{"type": "identify"}', '22023 message of type "identify" has no "userId" or "user_id" or "anonymousId" or "anonymous_id"'),
	('{"type": "group", "userId": "new"}', '22023 message of type "group" has no "groupId" or "group_id" or "company_id"'),
	('{"event_type": "identify_company", "user_id": "new"}', '22023 message of type "identify_company" has no "groupId" or "group_id" or "company_id"'),
	('{"type": "alias", "userId": "new"}', '22023 message of type "alias" has no "previousId" or "previous_id" or "anonymousId" or "anonymous_id"'),
	('{"type": "alias", "previousId": "new"}', '22023 message of type "alias" has no "userId" or "user_id"'),
	('{"type": "track", "userId": "new"}', '22023 message of type "track" has no "event" or "event_name"'),
	('{"type": "screen", "userId": "new"}', '22023 message of type "screen" has no "name"'),
	('{"type": "page", "userId": "new"}', '22023 message of type "page" names no page'),
	('{"type": "track", "userId": ["new"], "event": "e"}', '22023 "userId" must be a string, not array'),
	('{"type": "track", "userId": "new", "event": true}', '22023 "event" must be a string, not boolean'),
	('{"type": "track", "userId": "new", "event": "e", "properties": [1]}', '22023 "properties" must be a JSON object, not array'),
	('{"type": "track", "userId": "new", "event": "e", "context": 1}', '22023 "context" must be a JSON object, not number'),
	('{"type": "identify", "userId": "new", "traits": "x"}', '22023 "traits" must be a JSON object, not string'),
	('{"event_type": "identify_user", "user_id": "new", "metadata": []}', '22023 "metadata" must be a JSON object, not array'),
	('{"type": "track", "userId": "new", "event": "e", "timestamp": "soon"}', '22007 timestamp: invalid input syntax for type timestamp with time zone: "soon"'),
	('{"type": "track", "userId": "new", "event": "e", "timestamp": "infinity"}', '22008 timestamp must be finite, not infinity'),
	('{"type": "track", "userId": "new", "event": "e", "timestamp": false}', '22023 timestamp must be a time, not boolean'),
	('{"type": "identify", "userId": "new", "traits": {"createdAt": "x"}}', '22007 createdAt: invalid input syntax for type timestamp with time zone: "x"'),
	('{"type": "identify", "userId": "new", "traits": {"created_at": "x"}}', '22007 created_at: invalid input syntax for type timestamp with time zone: "x"'),
	('{"type": "identify", "userId": "new", "traits": {"company": {"id": "new", "created_at": []}}}', '22023 created_at must be a time, not array'),
	('{"event_type": "interaction", "user_id": "new", "event_name": "flow"}', '22023 name of an interaction must be entity:id:STATUS, not "flow"'),
	('{"event_type": "interaction", "user_id": "new", "event_name": "flow:1"}', '22023 name of an interaction must be entity:id:STATUS, not "flow:1"'),
	('{"event_type": "interaction", "user_id": "new", "event_name": "flow::SEEN"}', '22023 name of an interaction must be entity:id:STATUS, not "flow::SEEN"'),
	('{"event_type": "interaction", "user_id": "new", "event_name": "flow:1:"}', '22023 name of an interaction must be entity:id:STATUS, not "flow:1:"'),
	('{"event_type": "interaction", "user_id": "new", "event_name": "poster:1:SEEN"}', '22023 unknown entity "poster" of an interaction'),
	('{"event_type": "interaction", "user_id": "new", "event_name": "nps:1:SCORED", "metadata": {"score": 11}}', '22023 "score" must be a whole number from 0 to 10, not 11'),
	('{"event_type": "interaction", "user_id": "new", "event_name": "nps:1:SCORED", "metadata": {"score": -1}}', '22023 "score" must be a whole number from 0 to 10, not -1'),
	('{"event_type": "interaction", "user_id": "new", "event_name": "nps:1:SCORED", "metadata": {"score": 7.5}}', '22023 "score" must be a whole number from 0 to 10, not 7.5'),
	('{"event_type": "interaction", "user_id": "new", "event_name": "nps:1:SCORED", "metadata": {"score": "ten"}}', '22023 "score" must be a whole number from 0 to 10, not ten'),
	('{"event_type": "interaction", "user_id": "new", "event_name": "nps:1:SCORED", "metadata": {"score": [9]}}', '22023 "score" must be a whole number from 0 to 10, not array'),
	('{"event_type": "interaction", "user_id": "new", "event_name": "nps:1:SCORED", "metadata": {"score": -4294967290}}', '22023 "score" must be a whole number from 0 to 10, not -4294967290'),
	('{"event_type": "interaction", "user_id": "new", "event_name": "nps:1:SCORED", "metadata": {"score": "-99999999999999999999"}}', '22023 "score" must be a whole number from 0 to 10, not -99999999999999999999'),
	('{"event_type": "interaction", "user_id": "new", "event_name": "nps:1:SCORED", "metadata": {"score": "9.0.0"}}', '22023 "score" must be a whole number from 0 to 10, not 9.0.0'))
	AS r (message, expected);
SELECT matches(test.refusal(jsonb_build_object('type', 'track', 'userId', repeat('x', 1025), 'event', 'e')),
	'^23514 user_id must have at most 1024 bytes, but has 1025', 'an id that is too long');
SELECT is(test.refusal(NULL::jsonb), '22004 message must not be null', 'NULL');
SELECT is(test.refusal(NULL::jsonb[]), '22004 messages must not be null', 'NULL for an array');
SELECT throws_ok($$SELECT user_profile.ingest('{"type":')$$, '22P02', NULL, 'what is no JSON');

SELECT is(test.refusal(ARRAY['{"type": "track", "userId": "new", "event": "e"}', '{"type": "group", "userId": "new", "groupId": "new"}',
		r.message]::jsonb[]), r.expected, 'in a batch: ' || coalesce(r.message::text, 'NULL'))
FROM (VALUES
	('{"type": "track", "userId": "new"}'::jsonb, '22023 message 3 of 3: message of type "track" has no "event" or "event_name"'),
	('{"type": "trace"}', '22023 message 3 of 3: unknown type of message "trace"'),
	('{"type": "track", "userId": "new", "event": "e", "timestamp": "soon"}',
		'22007 message 3 of 3: timestamp: invalid input syntax for type timestamp with time zone: "soon"'),
	('{"type": "alias", "previousId": "new", "userId": "new"}', NULL),
	(NULL, '22004 message 3 of 3: message must not be null'))
	AS r (message, expected)
WHERE r.expected IS NOT NULL;
SELECT matches(test.refusal(ARRAY['{"type": "alias", "previousId": "new", "userId": "new"}']::jsonb[]),
	'^22023 message 1 of 1: ', 'in a batch: an alias of itself');
SELECT matches(test.refusal(ARRAY['{"type": "track", "userId": "new", "event": "e"}',
		jsonb_build_object('type', 'track', 'userId', repeat('x', 1025), 'event', 'e')]::jsonb[]),
	'^23514 message 2 of 2: user_id must have at most 1024 bytes, but has 1025', 'in a batch: an id that is too long');

SELECT results_eq('TABLE size_before',
	$$SELECT (SELECT count(*) FROM user_profile.events), (SELECT count(*) FROM user_profile.users),
		(SELECT count(*) FROM user_profile.companies), (SELECT count(*) FROM user_profile.memberships)$$,
	'nothing of what was refused is there, nor of a batch with it');

--
-- The functions below it
--
SELECT throws_ok($$SELECT user_profile.identify('new', '{"created_at": "x"}')$$, '22007',
	'created_at: invalid input syntax for type timestamp with time zone: "x"', 'identify() names the trait that is no time');
SELECT throws_ok($$SELECT user_profile.identify('new', '{"signed_up_at": "-infinity"}')$$, '22008',
	'signed_up_at must be finite, not -infinity', 'or an endless one');
SELECT throws_ok($$SELECT user_profile.identify('new', '[]')$$, '22023', 'traits must be a JSON object, not array', 'or traits that are none');
SELECT lives_ok($$SELECT user_profile.identify('hal', '{"created_at": "2024-01-01 00:00", "name": "Hal", "a": 1, "b": 2}')$$, 'identify');
SELECT is((SELECT signed_up_at FROM user_profile.users WHERE user_id = 'hal'), '2024-01-01 00:00',
	'a time without a zone is the session''s, when a function is called directly');
SELECT lives_ok($$SELECT user_profile.identify('hal', '{"created_at": null, "name": null, "a": null, "c": 3}')$$, 'identify again');
SELECT results_eq($$SELECT name, signed_up_at, properties FROM user_profile.users WHERE user_id = 'hal'$$,
	$$VALUES (NULL::text, NULL::timestamptz, '{"b": 2, "c": 3}'::jsonb)$$, 'nulls remove');

--
-- track() asks for aliases and suppressions only where there are any: in each state in turn
--
CREATE FUNCTION test.put(id text, message text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	event bigint := user_profile.track(id, 'x', message_id => message);
BEGIN
	RETURN coalesce((SELECT e.user_id FROM user_profile.events e WHERE e.event_id = event), 'none');
END $$;
TRUNCATE user_profile.aliases, user_profile.suppressions;
SELECT is(ARRAY[test.put('guest'), test.put('guest', 'g1'), test.put('guest', 'g1'), test.put('leaver'), test.put('leaver', 'l1')],
	'{guest,guest,none,leaver,leaver}', 'neither aliases nor suppressions');
BEGIN;
SELECT user_profile.alias('guest', 'host') \g /dev/null
SELECT is(ARRAY[test.put('guest'), test.put('guest', 'g1'), test.put('guest', 'g2'), test.put('guest', 'g2'), test.put('leaver')],
	'{host,none,host,none,leaver}', 'an alias, of this transaction');
COMMIT;
SELECT user_profile.delete_user('leaver', suppress => true) \g /dev/null
SELECT is(ARRAY[test.put('guest'), test.put('guest', 'g3'), test.put('leaver'), test.put('leaver', 'l2')],
	'{host,host,none,none}', 'both');
SELECT user_profile.delete_user('host', suppress => true) \g /dev/null
SELECT is(ARRAY[test.put('guest'), test.put('guest', 'g4'), test.put('host'), test.put('other')],
	'{none,none,none,other}', 'an alias of a suppressed user');
TRUNCATE user_profile.aliases;
SELECT is(ARRAY[test.put('guest'), test.put('leaver'), test.put('leaver', 'l3'), test.put('other'), test.put('other', 'o1')],
	'{none,none,none,other,other}', 'suppressions alone');
TRUNCATE user_profile.suppressions;
SELECT is(ARRAY[test.put('guest'), test.put('guest', 'g5'), test.put('leaver')], '{guest,guest,leaver}', 'neither, again');
INSERT INTO user_profile.aliases (previous_id, user_id) VALUES ('guest', 'host');
DELETE FROM user_profile.aliases;
SELECT is(ARRAY[test.put('guest'), test.put('guest', 'g6'), test.put('guest', 'g6')], '{guest,guest,none}', 'an alias that was deleted');

SELECT * FROM finish();
