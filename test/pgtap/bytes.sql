-- Damaged bytes: every bit of short timelines flipped, random bits and cuts of many. The type's two
-- inputs refuse them or take a value that round-trips and that every reader reads; and where
-- damage is in the table already, past the inputs, readers answer or say that it is damaged.

\ir begin.psql
SET client_min_messages = error;

SELECT setseed(0.1234) \g /dev/null
-- Past the inputs
CREATE CAST (bytea AS user_profile.timeline) WITHOUT FUNCTION;

-- Short: of 1 to 12 events, of each time unit; long: up to 1,500 events, so that some have two blocks
CREATE TABLE test.timelines AS
SELECT g, n, user_profile.timeline_send(user_profile.timeline_agg(
	'2024-01-01'::timestamptz + floor(random() * 4000000) * (10 ^ (3 * (g % 3))) * interval '1 microsecond',
	(floor(random() ^ 2 * 30)::int << 4) + floor(random() * 10)::int, CASE WHEN random() < 0.6 THEN 1 + floor(random() * 40)::int END,
	(random() * 1000000)::bigint)) AS bytes
FROM (SELECT g, CASE WHEN g <= 12 THEN g ELSE 13 + floor(random() ^ 4 * 1500)::int END AS n FROM generate_series(1, 60) g) x,
	generate_series(1, n) GROUP BY g, n;

CREATE FUNCTION test.flip(b bytea, n int) RETURNS bytea LANGUAGE sql AS $$ SELECT set_bit(b, n, 1 - get_bit(b, n)) $$;
CREATE TABLE test.damaged AS
SELECT 'bit' AS what, test.flip(bytes, bit) AS bytes
FROM test.timelines, generate_series(0, 8 * length(bytes) - 1) bit WHERE g <= 6
UNION ALL
SELECT 'random bit', test.flip(bytes, floor(random() * 8 * length(bytes))::int)
FROM test.timelines, generate_series(1, 15) WHERE g > 6
UNION ALL
SELECT 'two bits', test.flip(test.flip(bytes, floor(random() * 8 * length(bytes))::int), floor(random() * 8 * length(bytes))::int)
FROM test.timelines, generate_series(1, 10)
UNION ALL
SELECT 'cut', substr(bytes, 1, floor(random() * length(bytes))::int) FROM test.timelines, generate_series(1, 10)
UNION ALL
SELECT 'spliced', substr(a.bytes, 1, 1 + floor(random() * length(a.bytes))::int) || substr(b.bytes, 2 + floor(random() * length(b.bytes))::int)
FROM test.timelines a, test.timelines b WHERE a.g % 3 = b.g % 5;

-- All that reads a timeline, by the catalogs: functions and aggregates of it, with these for the other arguments
CREATE TABLE test.readers AS
SELECT string_agg(CASE prokind WHEN 'a' THEN format('SELECT %s FROM (VALUES (1), (2)) two', call) ELSE 'SELECT ' || call END, E';\n') AS calls,
	count(*) AS n
FROM (
	SELECT prokind, CASE WHEN prokind = 'a' THEN format('user_profile.%I(%s)::text', proname, args)
		WHEN proretset THEN format('count(x::text) FROM user_profile.%I(%s) x', proname, args)
		ELSE format('user_profile.%I(%s)::text', proname, args) END AS call
	FROM pg_proc, LATERAL (SELECT string_agg(CASE t::regtype::text WHEN 'user_profile.timeline' THEN '$1' WHEN 'tstzrange' THEN '''[2023-12-31,2024-01-03)'''
		WHEN 'interval' THEN '''30 s''' WHEN 'text' THEN '''UTC''' WHEN 'timestamp with time zone' THEN '''2023-12-31''' WHEN 'integer' THEN '100' END, ', ' ORDER BY i) AS args
		FROM unnest(proargtypes) WITH ORDINALITY a (t, i)) a
	WHERE pronamespace = 'user_profile'::regnamespace AND 'user_profile.timeline'::regtype = ANY (proargtypes)
	AND 'internal'::regtype <> ALL (proargtypes)) x;
SELECT cmp_ok(n, '>=', 20::bigint, 'the readers are found') FROM test.readers;

-- What reading comes to
CREATE FUNCTION test.read(value user_profile.timeline) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	call text;
	outcome text := 'read';
BEGIN
	FOREACH call IN ARRAY (SELECT string_to_array(calls, E';\n') FROM test.readers)
	LOOP
		BEGIN
			EXECUTE call USING value;
		EXCEPTION WHEN data_corrupted THEN
			outcome := 'damaged';
		WHEN OTHERS THEN
			RETURN format('%s %s: %s', SQLSTATE, SQLERRM, call);
		END;
	END LOOP;
	RETURN outcome;
END
$$;

CREATE FUNCTION test.by_text(bytes bytea) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	value user_profile.timeline;
BEGIN
	value := encode(bytes, 'hex')::user_profile.timeline;
	RETURN CASE WHEN user_profile.timeline_send(value) <> bytes THEN 'changed' ELSE test.read(value) END;
EXCEPTION WHEN invalid_text_representation OR invalid_binary_representation THEN
	RETURN 'refused';
WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;

CREATE TABLE test.outcomes AS
SELECT what, bytes, input, CASE input WHEN 'refused' THEN test.read(bytes::user_profile.timeline) END AS stored
FROM (SELECT what, bytes, test.by_text(bytes) AS input FROM test.damaged OFFSET 0) d;
SELECT is_empty($$SELECT what, input, count(*), min(encode(bytes, 'hex')) FROM test.outcomes WHERE input NOT IN ('refused', 'read') GROUP BY 1, 2$$,
	'text input refuses, or the value round-trips and all read it');
SELECT is_empty($$SELECT what, stored, count(*), min(encode(bytes, 'hex')) FROM test.outcomes WHERE stored NOT IN ('damaged', 'read') GROUP BY 1, 2$$,
	'damage that is stored is read or reported');
SELECT is(count(*) FILTER (WHERE input = 'read'), 0::bigint, 'a cut timeline is a whole one only between two blocks')
FROM test.outcomes o WHERE what = 'cut' AND length(bytes) > 1
	AND NOT EXISTS (SELECT FROM test.timelines t WHERE t.n > 1024 AND substr(t.bytes, 1, length(o.bytes)) = o.bytes);
SELECT diag(format('%s %s: %s accepted, %s refused; of these, as stored, %s read, %s damaged', count(*), what,
	count(*) FILTER (WHERE input = 'read'), count(*) FILTER (WHERE input = 'refused'),
	count(*) FILTER (WHERE stored = 'read'), count(*) FILTER (WHERE stored = 'damaged')))
FROM test.outcomes GROUP BY what ORDER BY what;

-- Binary input: the same bytes in the binary format of COPY, a row a file
SELECT format('/tmp/user_profile_bytes_%s', :pid) AS file \gset
CREATE TABLE test.received (timeline user_profile.timeline);
CREATE FUNCTION test.receive(file text, bytes bytea) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('COPY (SELECT %L::bytea) TO %L (FORMAT binary)', bytes, file);
	TRUNCATE test.received;
	EXECUTE format('COPY test.received FROM %L (FORMAT binary)', file);
	RETURN CASE WHEN (SELECT user_profile.timeline_send(timeline) FROM test.received) = bytes THEN 'read' ELSE 'changed' END;
EXCEPTION WHEN invalid_binary_representation THEN
	RETURN 'refused';
WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
SELECT is_empty(format($$SELECT what, input, received, count(*) FROM (SELECT what, input, test.receive(%L, bytes) AS received
	FROM (SELECT * FROM test.outcomes ORDER BY random() LIMIT 1000) o) x
	WHERE received <> input GROUP BY 1, 2, 3$$, :'file'), 'binary input takes and refuses what text input does');
-- The server's file, which the server removes
SELECT format('COPY (SELECT) TO PROGRAM %L', 'cat >/dev/null; rm -f ' || :'file') \gexec

SELECT is(pg_postmaster_start_time() || ' ' || pg_backend_pid(), :'started' || ' ' || :pid, 'the server and the session live');

SELECT * FROM finish();
