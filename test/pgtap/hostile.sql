-- Every function of the extension with NULL and with extreme values in each position and in each
-- pair of positions: it answers, or raises an error that is meant for users. No internal error
-- (SQLSTATE XX...), no crash. The functions come from the catalogs, so that a new one is in here too.

\ir begin.psql
SET client_min_messages = error;

-- Somebody for the good values to mean
INSERT INTO user_profile.events (user_id, occurred_at, kind, name, page, properties)
SELECT 'ada', '2024-05-01 10:00'::timestamptz + i * interval '7 minutes',
	(enum_range(NULL::user_profile.event_kind))[1 + i % 10], 'thing ' || i % 3, '/' || i % 5, '{"score": 7}'
FROM generate_series(1, 60) i;
CALL user_profile.refresh();
INSERT INTO user_profile.events (user_id, occurred_at, name) VALUES ('ada', '2024-05-02', 'pending');
SELECT user_profile.identify('ada', '{"name": "Ada"}') \g /dev/null
SELECT user_profile.join_company('ada', 'acme', '2024-01-01') \g /dev/null

-- A cast that lets through what the type's input refuses: damage of what is stored
CREATE CAST (bytea AS user_profile.timeline) WITHOUT FUNCTION;
CREATE TABLE test.timeline AS
SELECT user_profile.timeline_send(timeline) AS bytes FROM user_profile.timelines WHERE user_id = 'ada';

-- For each type a good value (rank 0), extremes that are also paired (1), and others (2)
CREATE TABLE test.vals (type regtype, rank int, val text);
INSERT INTO test.vals
SELECT t, 1, 'NULL' FROM (SELECT DISTINCT unnest(proargtypes)::regtype FROM pg_proc
	WHERE pronamespace = 'user_profile'::regnamespace) f (t)
UNION ALL
SELECT 'user_profile.event_kind', CASE k WHEN 'tracked' THEN 0 ELSE 2 END, quote_literal(k)
FROM unnest(enum_range(NULL::user_profile.event_kind)) k
UNION ALL VALUES
	('text'::regtype, 0, $$'ada'$$), ('text', 1, $$''$$), ('text', 1, $$'no such; --''"\%_'$$), ('text', 2, $$'acme'$$),
	('text', 2, $$repeat('x', 1024)$$), ('text', 2, $$repeat('x', 1025)$$), ('text', 2, $$repeat(U&'\+01F600', 262144)$$),
	('text', 2, $$repeat('%', 5000)$$), ('text', 2, $$repeat('\', 3001)$$), ('text', 2, $$E'\x01\x7f\n\t\u202e\ufffe'$$),
	('text', 2, $$'email_domain'$$), ('text', 2, $$'viewer'$$), ('text', 2, $$'user_id'$$), ('text', 2, $$repeat('[', 100000)$$),
	('text', 2, $$'UTC'$$), ('text', 2, $$'null'$$), ('text', 2, $$'{"type": "track", "userId": {}}'$$),
	('cstring', 0, $$'01'$$), ('cstring', 1, $$''$$), ('cstring', 2, $$'0'$$), ('cstring', 2, $$'02'$$), ('cstring', 2, $$'zz'$$),
	('cstring', 2, $$repeat('ff', 500000)::cstring$$),
	('boolean', 0, 'true'), ('boolean', 1, 'false'),
	('integer', 0, '1'), ('integer', 1, '-2147483648'), ('integer', 1, '2147483647'), ('integer', 2, '0'), ('integer', 2, '-1'),
	('integer', 2, '16'),
	('bigint', 0, '1'), ('bigint', 1, '-9223372036854775808'), ('bigint', 1, '9223372036854775807'), ('bigint', 2, '0'),
	('timestamptz', 0, $$'2024-05-01 12:00'$$), ('timestamptz', 1, $$'infinity'$$), ('timestamptz', 1, $$'-infinity'$$),
	('timestamptz', 2, $$'4714-11-24 00:00:00+00 BC'$$), ('timestamptz', 2, $$'294276-12-31 23:59:59.999999+00'$$),
	('interval', 0, $$'30 minutes'$$), ('interval', 1, $$'0'$$), ('interval', 1, $$'178000000 years'$$),
	('interval', 1, $$'-178000000 years'$$), ('interval', 2, $$'2147483647 days'$$), ('interval', 2, $$'-1 microsecond'$$),
	('interval', 2, $$'-2562047788 hours'$$), ('interval', 2, $$'1 month -30 days'$$),
	('tstzrange', 0, $$'[2024-05-01,2024-05-02)'$$), ('tstzrange', 1, $$'empty'$$), ('tstzrange', 1, $$'(,)'$$),
	('tstzrange', 1, $$'[-infinity,infinity]'$$), ('tstzrange', 2, $$'[2024-05-01,)'$$), ('tstzrange', 2, $$'(,2024-05-01]'$$),
	('tstzrange', 2, $$'[infinity,infinity]'$$), ('tstzrange', 2, $$'[-infinity,-infinity]'$$), ('tstzrange', 2, $$'(infinity,)'$$),
	('tstzrange', 2, $$'[294276-12-31 23:59:59.999999+00,294276-12-31 23:59:59.999999+00]'$$),
	('tstzrange', 2, $$'[4714-11-24 00:00:00+00 BC,4714-11-24 00:00:00+00 BC]'$$),
	('jsonb', 0, $$'{"score": 7, "type": "track", "userId": "ada", "event": "x"}'$$), ('jsonb', 1, $$'null'$$), ('jsonb', 1, $$'[]'$$),
	('jsonb', 2, $$'{}'$$), ('jsonb', 2, $$'"NaN"'$$), ('jsonb', 2, $$'{"score": 1e400, "created_at": 1e400}'$$),
	('jsonb', 2, $$(repeat('[', 3000) || repeat(']', 3000))::jsonb$$),
	('jsonb', 2, $$(repeat('{"batch":', 3000) || '1' || repeat('}', 3000))::jsonb$$),
	('jsonb', 2, $$jsonb_build_object('userId', repeat('x', 1000000), 'answers', repeat('x', 1000000))$$),
	('jsonb', 2, $$'{"answers": [null, [], {}, 1, {"question": {}, "answer": [[]]}], "batch": [null, 1, []], "traits": 1}'$$),
	('jsonb', 2, $$'{"type": "identify", "userId": "u", "traits": {"created_at": 99999999999999999999, "company": [1]}}'$$),
	('jsonb', 2, $$'{"type": "track", "userId": "u", "event": "x", "timestamp": "99999999999999", "messageId": {}}'$$),
	('jsonb', 2, $$'{"type": "track", "userId": 1e300, "event": {}, "timestamp": "infinity", "properties": "x"}'$$),
	('jsonb[]', 0, $$'{}'$$), ('jsonb[]', 1, $$'{NULL,NULL}'$$), ('jsonb[]', 2, $$'{{1,2},{null,NULL}}'$$),
	('jsonb[]', 2, $$'[-5:-4]={"{}","[]"}'$$), ('jsonb[]', 2, $$array_fill('{}'::jsonb, '{20000}')$$),
	('bytea', 0, $$'\x01'$$), ('bytea', 1, $$''$$), ('bytea', 2, $$decode(repeat('ff', 100000), 'hex')$$),
	('regrole', 0, $$'postgres'$$), ('regrole', 1, $$'0'$$), ('regrole', 1, $$'4294967295'$$), ('regrole', 2, $$'pg_monitor'$$),
	('user_profile.timeline', 0, '(SELECT bytes::user_profile.timeline FROM test.timeline)'), ('user_profile.timeline', 1, $$'01'$$),
	-- Damaged: no byte at all, another version, cut, cut in a header, random, zeros
	('user_profile.timeline', 1, $$''::bytea::user_profile.timeline$$),
	('user_profile.timeline', 2, $$'\x02'::bytea::user_profile.timeline$$),
	('user_profile.timeline', 2, '(SELECT substr(bytes, 1, length(bytes) / 2)::user_profile.timeline FROM test.timeline)'),
	('user_profile.timeline', 2, '(SELECT substr(bytes, 1, length(bytes) - 1)::user_profile.timeline FROM test.timeline)'),
	('user_profile.timeline', 2, '(SELECT substr(bytes, 1, 9)::user_profile.timeline FROM test.timeline)'),
	('user_profile.timeline', 2, '(SELECT (bytes || substr(bytes, 2))::user_profile.timeline FROM test.timeline)'),
	('user_profile.timeline', 2, $$decode('01' || repeat(md5('x'), 100), 'hex')::user_profile.timeline$$),
	('user_profile.timeline', 2, $$decode('01' || repeat('00', 5000), 'hex')::user_profile.timeline$$);
UPDATE test.vals SET val = format('(%s)::%s', val, type);

SELECT is_empty($$SELECT DISTINCT t::regtype FROM pg_proc, unnest(proargtypes) t WHERE pronamespace = 'user_profile'::regnamespace
	AND t <> 'internal'::regtype AND NOT EXISTS (SELECT FROM test.vals WHERE type = t AND rank = 0)$$, 'every type of an argument has values here');

CREATE TABLE test.functions AS
SELECT oid::regprocedure AS function, format('%I.%I', 'user_profile', proname) AS name, prokind AS kind, proretset AS many,
	prorettype = 'trigger'::regtype AS no_text, proargtypes::oid[] AS types
FROM pg_proc WHERE pronamespace = 'user_profile'::regnamespace AND prokind <> 'p'
-- SQL has no values of type internal: support functions run as a part of their aggregates
	AND 'internal'::regtype <> ALL (proargtypes);

-- Good values everywhere, then one position spoilt, then two
CREATE TABLE test.calls AS
SELECT f.function, f.kind, f.many, f.no_text, format('%s(%s)', f.name, a.args) AS call
FROM test.functions f, LATERAL (
	SELECT (SELECT string_agg(val, ', ' ORDER BY i) FROM unnest(types) WITH ORDINALITY x (t, i)
		JOIN test.vals ON type = t AND rank = 0) AS args
	UNION
	SELECT (SELECT string_agg(CASE WHEN i = p.i THEN v.val ELSE g.val END, ', ' ORDER BY i)
		FROM unnest(types) WITH ORDINALITY x (t, i) JOIN test.vals g ON type = t AND rank = 0)
	FROM unnest(types) WITH ORDINALITY p (t, i) JOIN test.vals v ON v.type = p.t AND v.rank > 0
	UNION
	SELECT (SELECT string_agg(CASE i WHEN p.i THEN v.val WHEN q.i THEN w.val ELSE g.val END, ', ' ORDER BY i)
		FROM unnest(types) WITH ORDINALITY x (t, i) JOIN test.vals g ON type = t AND rank = 0)
	FROM unnest(types) WITH ORDINALITY p (t, i) JOIN test.vals v ON v.type = p.t AND v.rank = 1,
		unnest(types) WITH ORDINALITY q (t, i) JOIN test.vals w ON w.type = q.t AND w.rank = 1
	WHERE p.i < q.i
	UNION
	-- All of them NULL
	SELECT (SELECT string_agg(format('NULL::%s', t::regtype), ', ' ORDER BY i) FROM unnest(types) WITH ORDINALITY x (t, i))) a;

-- What a call comes to: its SQLSTATE and message. Whatever it did is undone.
CREATE FUNCTION test.outcome(statement text, OUT state text, OUT message text)
LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RAISE SQLSTATE 'UP000' USING MESSAGE = 'answered';
EXCEPTION WHEN OTHERS OR QUERY_CANCELED OR ASSERT_FAILURE THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
END
$$;

-- Rows and values are printed, so that what is wrong inside of them shows. Aggregates see two
-- rows, and also a moving frame.
CREATE TABLE test.outcomes AS
SELECT function, statement, o.*
FROM test.calls, LATERAL (
	SELECT CASE WHEN kind = 'w' THEN format('SELECT %s OVER () FROM generate_series(1, 2)', call)
		WHEN kind = 'a' THEN format('SELECT (%s)::text FROM generate_series(1, 2)', call)
		WHEN no_text THEN format('SELECT %s IS NULL', call)
		WHEN many THEN format('SELECT count(x::text) FROM %s x', call)
		ELSE format('SELECT (%s)::text', call) END
	UNION ALL
	SELECT format('SELECT (%s OVER (ORDER BY i ROWS 1 PRECEDING))::text FROM generate_series(1, 3) i', call) WHERE kind = 'a'
	UNION ALL
	SELECT format('SELECT (%s)::text FROM generate_series(1, 2)', call) WHERE many) s (statement),
	test.outcome(statement) o;

SELECT is_empty($$SELECT state, left(message, 200), count(*), left(min(statement), 300) FROM test.outcomes
	WHERE state LIKE 'XX%' AND state <> 'XX001' OR state LIKE '58%' OR state = 'P0004' OR message ~ 'cache lookup|unrecognized|unexpected'
	GROUP BY 1, 2, function$$,
	'no call raises an internal error');
-- Damaged bytes are damaged data
SELECT is_empty($$SELECT left(message, 200), left(statement, 300) FROM test.outcomes WHERE state = 'XX001' AND statement !~ 'bytea|decode|substr'$$,
	'only damaged timelines are called damaged');
-- A mistake of this file would be a syntax error, or a function that isn't found
SELECT is_empty($$SELECT state, message, left(statement, 300) FROM test.outcomes
	WHERE state IN ('42601', '42883', '42725', '42703', '42846', '42P01')$$, 'every call is one');
SELECT is_empty($$SELECT function FROM test.functions WHERE function NOT IN (SELECT function FROM test.outcomes)$$,
	'every function is called');
SELECT cmp_ok(count(*), '>', 5000::bigint, 'that are many calls') FROM test.outcomes;
SELECT cmp_ok(count(*) FILTER (WHERE state = 'UP000'), '>', 1000::bigint, 'many of which are answered') FROM test.outcomes;
SELECT diag(format('%s functions, %s calls: %s answered, %s refused, by SQLSTATE: %s', count(DISTINCT function), sum(n), sum(n) FILTER (WHERE state = 'UP000'),
	sum(n) FILTER (WHERE state <> 'UP000'), (SELECT string_agg(state || ' ' || n, ', ' ORDER BY state)
		FROM (SELECT state, count(*) AS n FROM test.outcomes WHERE state <> 'UP000' GROUP BY 1) x)))
FROM (SELECT function, state, count(*) AS n FROM test.outcomes GROUP BY 1, 2) x;
SELECT is(pg_postmaster_start_time() || ' ' || pg_backend_pid(), :'started' || ' ' || :pid, 'the server and the session live');

SELECT * FROM finish();
