-- Bad input: an error that names value and column, of the right kind, and nothing changes.

\ir begin.psql

-- One good row of each sort, so that there is something to spoil
INSERT INTO user_profile.events (user_id, occurred_at, name, page) VALUES ('ada', '2024-05-01 10:00', 'Login', '/login');
CALL user_profile.refresh();
SELECT user_profile.identify('ada', '{"name": "Ada", "plan": "pro"}') \g /dev/null
SELECT user_profile.join_company('ada', 'acme', '2024-01-01') \g /dev/null

-- All that may be written
CREATE FUNCTION test.contents() RETURNS text
LANGUAGE sql AS $$
	SELECT md5(concat((SELECT string_agg(e::text, '|' ORDER BY event_id) FROM user_profile.events e),
		(SELECT string_agg(u::text, '|' ORDER BY user_id) FROM user_profile.users u),
		(SELECT string_agg(c::text, '|' ORDER BY company_id) FROM user_profile.companies c),
		(SELECT string_agg(m::text, '|' ORDER BY user_id) FROM user_profile.memberships m),
		(SELECT string_agg(r::text, '|' ORDER BY user_id) FROM user_profile.session_replays r),
		(SELECT string_agg(t::text, '|' ORDER BY user_id) FROM user_profile.timelines t),
		(SELECT string_agg(s::text, '|') FROM user_profile.refresh_state s)))
$$;
SELECT test.contents() AS contents \gset

-- Does a statement fail with this SQLSTATE and a message, detail or column that has all these words?
CREATE FUNCTION test.refused(statement text, state text, VARIADIC words text[]) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	got_state text;
	message text;
	detail text;
	column_ text;
	constraint_ text;
	said text;
BEGIN
	BEGIN
		EXECUTE statement;
		RETURN fail(statement) || E'\n' || diag('no error');
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS got_state = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
			detail = PG_EXCEPTION_DETAIL, column_ = COLUMN_NAME, constraint_ = CONSTRAINT_NAME;
	END;
	said := concat_ws(' / ', message, detail, column_, constraint_);
	RETURN ok(got_state = state AND (SELECT bool_and(strpos(said, w) > 0) FROM unnest(words) w),
			format('%s: %s', state, statement))
		|| CASE WHEN got_state <> state OR (SELECT NOT bool_and(strpos(said, w) > 0) FROM unnest(words) w)
			THEN E'\n' || diag(format('got %s: %s', got_state, said)) ELSE '' END;
END
$$;

--
-- Rows of the tables. What the server itself checks names the column; a constraint tells by its
-- name what must hold, and the failing row is in the detail; that of events names the column itself.
--
SELECT test.refused(format('INSERT INTO user_profile.events (%s) VALUES (%s)', columns, vals), state, VARIADIC words)
FROM (VALUES
	('user_id, name', 'NULL, ''x''', '23502', '{user_id,events}'::text[]),
	('user_id, name', '''u'', NULL', '23502', '{name,events}'),
	('user_id', '''u''', '23502', '{name,events}'),
	('user_id, name', ''''', ''x''', '23514', '{user_id must not be empty,event_is_valid}'),
	('user_id, name', 'repeat(''u'', 1025), ''x''', '23514', '{"user_id must have at most 1024 bytes, but has 1025",event_is_valid}'),
	('user_id, name', '''u'', ''''', '23514', '{name must not be empty,event_is_valid}'),
	('user_id, name, occurred_at', '''u'', ''x'', NULL', '23502', '{occurred_at,events}'),
	('user_id, name, occurred_at', '''u'', ''x'', ''infinity''', '23514', '{"occurred_at must be finite, not infinity",event_is_valid}'),
	('user_id, name, occurred_at', '''u'', ''x'', ''-infinity''', '23514', '{"occurred_at must be finite, not -infinity",event_is_valid}'),
	('user_id, name, occurred_at', '''u'', ''x'', ''2024-02-30''', '22008', '{2024-02-30}'),
	('user_id, name, kind', '''u'', ''x'', ''click''', '22P02', '{event_kind,click}'),
	('user_id, name, kind', '''u'', ''x'', NULL', '23502', '{kind,events}'),
	('user_id, name, kind, properties', '''u'', ''x'', ''nps'', ''{"score": 11}''', '23514', '{"\"score\" must be a whole number from 0 to 10, not 11",properties,event_is_valid}'),
	('user_id, name, kind, properties', '''u'', ''x'', ''nps'', ''{"score": -1}''', '23514', '{"\"score\" must be a whole number from 0 to 10, not -1",properties,event_is_valid}'),
	('user_id, name, kind, properties', '''u'', ''x'', ''nps'', ''{"score": 7.5}''', '23514', '{"\"score\" must be a whole number from 0 to 10, not 7.5",properties,event_is_valid}'),
	('user_id, name, kind, properties', '''u'', ''x'', ''nps'', ''{"score": "9"}''', '23514', '{"\"score\" must be a whole number from 0 to 10, not the string \"9\"",properties,event_is_valid}'),
	('user_id, name, kind, properties', '''u'', ''x'', ''nps'', ''{"score": true}''', '23514', '{"\"score\" must be a whole number from 0 to 10, not boolean",properties,event_is_valid}'),
	('user_id, name, kind, properties', '''u'', ''x'', ''nps'', ''{"score": [7]}''', '23514', '{"\"score\" must be a whole number from 0 to 10, not array",properties,event_is_valid}'),
	('user_id, name, kind, properties', '''u'', ''x'', ''nps'', ''{"score": 1e400}''', '23514', '{"\"score\" must be a whole number from 0 to 10, not 10000000000",properties,event_is_valid}'),
	('user_id, name, properties', '''u'', ''x'', ''{''', '22P02', '{json}')) v (columns, vals, state, words);
SELECT test.refused(statement, state, VARIADIC words)
FROM (VALUES
	('INSERT INTO user_profile.users (user_id) VALUES (NULL)', '23502', '{user_id,users}'::text[]),
	('INSERT INTO user_profile.users (user_id) VALUES ('''')', '23514', '{user_id_has_1_to_1024_bytes}'),
	('INSERT INTO user_profile.users (user_id, signed_up_at) VALUES (''u'', ''infinity'')', '23514', '{signed_up_at_is_finite,infinity}'),
	('INSERT INTO user_profile.users (user_id, properties) VALUES (''u'', ''[1]'')', '23514', '{properties_is_an_object,[1]}'),
	('INSERT INTO user_profile.users (user_id) VALUES (''ada'')', '23505', '{ada,users_pkey}'),
	('INSERT INTO user_profile.companies (company_id) VALUES ('''')', '23514', '{company_id_has_1_to_1024_bytes}'),
	('INSERT INTO user_profile.companies (company_id, signed_up_at) VALUES (''c'', ''-infinity'')', '23514', '{signed_up_at_is_finite,-infinity}'),
	('INSERT INTO user_profile.memberships (user_id, company_id) VALUES ('''', ''c'')', '23514', '{user_id_has_1_to_1024_bytes}'),
	('INSERT INTO user_profile.memberships (user_id, company_id) VALUES (''u'', '''')', '23514', '{company_id_has_1_to_1024_bytes}'),
	('INSERT INTO user_profile.memberships (user_id, company_id, joined_at) VALUES (''u'', ''c'', ''infinity'')', '23514', '{joined_at_is_finite,infinity}'),
	('INSERT INTO user_profile.memberships (user_id, company_id, joined_at, left_at) VALUES (''u'', ''c'', ''2024-02-01'', ''2024-01-31'')', '23514', '{left_at_is_after_joined_at,2024-01-31}'),
	('INSERT INTO user_profile.memberships (user_id, company_id) VALUES (''ada'', ''acme'')', '23505', '{ada,acme}'),
	('INSERT INTO user_profile.session_replays (user_id, started_at, url) VALUES ('''', now(), ''u'')', '23514', '{user_id_has_1_to_1024_bytes}'),
	('INSERT INTO user_profile.session_replays (user_id, started_at, url) VALUES (''u'', ''infinity'', ''u'')', '23514', '{started_at_is_finite,infinity}')) v (statement, state, words);

-- The check of events, against conditions in plain SQL, over all combinations of these values
CREATE FUNCTION test.passes(user_id text, name text, occurred_at timestamptz, kind user_profile.event_kind, properties jsonb) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
	RETURN user_profile.check_event(user_id, name, occurred_at, kind, properties);
EXCEPTION WHEN check_violation THEN
	RETURN false;
END
$$;
CREATE TABLE test.event_values AS
SELECT row_number() OVER () AS id, user_id, name, occurred_at, kind, properties
FROM unnest(ARRAY[NULL, '', 'u', ' ', repeat('u', 1024), repeat('u', 1025), repeat(U&'\00fc', 512), repeat(U&'\00fc', 512) || 'u']) user_id,
	unnest(ARRAY[NULL, '', 'x', ' ', repeat('x', 100000)]) name,
	unnest(ARRAY[NULL, '-infinity', '2024-05-01', 'infinity', '4713-01-01 BC', '294276-12-31']::timestamptz[]) occurred_at,
	(SELECT NULL UNION ALL SELECT unnest(enum_range(NULL::user_profile.event_kind))) k (kind),
	unnest(ARRAY[NULL, 'null', '7', '11', '"score"', '["score"]', '["score", 11]', '[]', '{}', '{"Score": 11}', '{"a": {"score": 11}}',
		'{"score": null}', '{"score": 0}', '{"score": -0}', '{"score": 10}', '{"score": 10.000}', '{"score": 1e1}', '{"score": 5}',
		'{"score": 0.0001}', '{"score": 10.00000000000000000001}', '{"score": -1}', '{"score": 1e-300}', '{"score": 11}', '{"score": 1e400}',
		'{"score": "5"}', '{"score": true}', '{"score": [5]}', '{"score": {}}', '{"comment": "x", "score": 5}',
		'{"comment": "x", "score": 5.5}']::jsonb[]) properties
WHERE (user_id = 'u')::int + (name = 'x')::int + (occurred_at = '2024-05-01')::int >= 1;
SELECT results_eq($$SELECT id FROM test.event_values WHERE test.passes(user_id, name, occurred_at, kind, properties) ORDER BY id$$,
	$$SELECT id FROM test.event_values
	WHERE octet_length(user_id) BETWEEN 1 AND 1024 IS NOT FALSE AND name <> '' IS NOT FALSE AND isfinite(occurred_at) IS NOT FALSE
		AND (kind <> 'nps' OR properties -> 'score' IS NULL OR
			CASE jsonb_typeof(properties -> 'score')
				WHEN 'null' THEN true
				WHEN 'number' THEN (properties ->> 'score')::numeric BETWEEN 0 AND 10 AND (properties ->> 'score')::numeric % 1 = 0
				ELSE false
			END) IS NOT FALSE
	ORDER BY id$$,
	'the check takes what these conditions take');

-- Scores at the ends, none, and on other kinds
SELECT lives_ok(format('INSERT INTO user_profile.events (user_id, name, kind, properties) VALUES (''good'', ''x'', %L, %L)', kind, properties),
	format('%s with %s is well', kind, properties))
FROM (VALUES ('nps', '{"score": 0}'), ('nps', '{"score": 10}'), ('nps', '{"score": 7.0}'), ('nps', '{"score": null}'),
	('nps', '{"comment": "none"}'), ('nps', NULL), ('survey', '{"score": 99}'), ('tracked', '{"score": "many"}')) v (kind, properties);
DELETE FROM user_profile.events WHERE user_id = 'good';

-- A COPY with one bad row among good ones changes nothing
SELECT test.refused(format('COPY user_profile.events (user_id, occurred_at, kind, name) FROM PROGRAM %L (FORMAT csv)',
	'printf ''bob,2024-05-01 10:00,tracked,Login\n' || line || '\nbob,2024-05-01 10:02,tracked,Login\n'''),
	state, VARIADIC words)
FROM (VALUES
	('bob,infinity,tracked,Logout', '23514', '{"occurred_at must be finite, not infinity",event_is_valid}'::text[]),
	('bob,2024-05-01 10:01,clicked,Logout', '22P02', '{event_kind,clicked}'),
	('"",2024-05-01 10:01,tracked,Logout', '23514', '{user_id must not be empty,event_is_valid}'),
	(',2024-05-01 10:01,tracked,Logout', '23502', '{user_id,events}'),
	('bob,2024-05-01 10:01,tracked,', '23502', '{name,events}'),
	('bob,,tracked,Logout', '23502', '{occurred_at,events}'),
	('bob,yesterdaze,tracked,Logout', '22007', '{yesterdaze}'),
	('bob,2024-05-01 10:01,tracked', '22P04', '{name}')) v (line, state, words);
SELECT is(test.contents(), :'contents', 'and none of them changes anything');
SELECT is_empty($$SELECT * FROM user_profile.user_profile('bob')$$, 'not even the good rows');

--
-- Arguments: the message names the argument
--
SELECT test.refused(format('SELECT * FROM user_profile.%s', call), state, VARIADIC words)
FROM (SELECT format(f, 'NULL') AS call, '22004' AS state, '{user_id must not be null}'::text[] AS words
	FROM unnest('{user_profile(%s),user_overview(%s),user_top_events(%s),user_top_pages(%s),user_daily(%s),user_sessions(%s),
		user_companies(%s)}'::text[]) f
	UNION ALL
	SELECT format(f, ''''''), '22023', '{user_id must not be empty}'
	FROM unnest('{user_profile(%s),user_overview(%s),user_top_events(%s),user_top_pages(%s),user_daily(%s),user_sessions(%s),
		user_companies(%s)}'::text[]) f
	UNION ALL
	SELECT format(f, p), s, w
	FROM unnest('{"user_overview(''ada'', %s)","user_top_events(''ada'', %s)","user_top_pages(''ada'', %s)","user_daily(''ada'', %s)",
		"user_sessions(''ada'', %s)"}'::text[]) f,
	(VALUES ('NULL', '22004', '{period must not be null}'::text[]),
		('''empty''', '22023', '{period must not be empty}'),
		('''[2024-01-01,2024-01-01)''', '22023', '{period must not be empty}'),
		('''(2024-01-01,2024-01-01 00:00:00.000001)''', '22023', '{period must not be empty}'),
		('''[2024-01-02,2024-01-01)''', '22000', '{"range lower bound must be less than or equal to range upper bound"}')) v (p, s, w)
	UNION ALL VALUES
	('session_events(NULL, now())', '22004', '{user_id must not be null}'::text[]),
	('session_events('''', now())', '22023', '{user_id must not be empty}'),
	('session_events(''ada'', NULL)', '22004', '{started_at must not be null}'),
	('session_events(''ada'', ''infinity'')', '22008', '{started_at must be finite,infinity}'),
	('user_top_events(''ada'', ''(,)'', NULL, -1)', '2201W', '{max_rows must not be negative,-1}'),
	('user_top_pages(''ada'', ''(,)'', NULL, -5)', '2201W', '{max_rows must not be negative,-5}'),
	('user_daily(''ada'', ''(,)'', ''Mars/Olympus'')', '22023', '{time zone,Mars/Olympus}'),
	('user_daily(''ada'', ''(,)'', '''')', '22023', '{time zone}'),
	('user_daily(''nobody'', ''(,)'', ''Mars/Olympus'')', '22023', '{time zone,Mars/Olympus}'),
	('last_days(0)', '22023', '{period must not be empty}'),
	('last_days(-3)', '22023', '{period must not be empty}'),
	('identify(NULL, ''{}'')', '22004', '{user_id must not be null}'),
	('identify('''', ''{}'')', '22023', '{user_id must not be empty}'),
	('identify(''u'', ''[1]'')', '22023', '{traits must be a JSON object,array}'),
	('identify(''u'', ''"x"'')', '22023', '{traits must be a JSON object,string}'),
	('identify(''u'', ''{"created_at": "yesterdaze"}'')', '22007', '{yesterdaze}'),
	('identify(''u'', ''{"signed_up_at": "infinity"}'')', '22008', '{signed_up_at must be finite,infinity}'),
	('identify_company(NULL, ''{}'')', '22004', '{company_id must not be null}'),
	('identify_company('''', ''{}'')', '22023', '{company_id must not be empty}'),
	('join_company(NULL, ''acme'')', '22004', '{user_id must not be null}'),
	('join_company(''ada'', NULL)', '22004', '{company_id must not be null}'),
	('join_company('''', ''acme'')', '22023', '{user_id must not be empty}'),
	('join_company(''ada'', '''')', '22023', '{company_id must not be empty}'),
	('join_company(''ada'', ''acme'', NULL)', '22004', '{at must not be null}'),
	('join_company(''ada'', ''acme'', ''infinity'')', '22008', '{at must be finite,infinity}'),
	('leave_company(NULL, ''acme'')', '22004', '{user_id must not be null}'),
	('leave_company(''ada'', '''')', '22023', '{company_id must not be empty}'),
	('leave_company(''ada'', ''acme'', ''-infinity'')', '22008', '{at must be finite,-infinity}'),
	('leave_company(''nobody'', ''acme'')', 'P0002', '{nobody,acme}'),
	('leave_company(''ada'', ''nowhere'')', 'P0002', '{ada,nowhere}'),
	('leave_company(''ada'', ''acme'', ''2023-12-31'')', '22023', '{ada,acme,2023-12-31}'),
	('track(NULL, ''x'')', '22004', '{user_id must not be null}'),
	('track('''', ''x'')', '22023', '{user_id must not be empty}'),
	('track(''u'', NULL)', '22004', '{name must not be null}'),
	('track(''u'', '''')', '22023', '{name must not be empty}'),
	('track(''u'', ''x'', NULL)', '22004', '{kind must not be null}'),
	('track(''u'', ''x'', ''click'')', '22P02', '{event_kind,click}'),
	('track(''u'', ''x'', occurred_at => NULL)', '22004', '{occurred_at must not be null}'),
	('track(''u'', ''x'', occurred_at => ''infinity'')', '22008', '{occurred_at must be finite,infinity}'),
	('track(''u'', ''x'', ''nps'', properties => ''{"score": 10.5}'')', '23514', '{"\"score\" must be a whole number from 0 to 10, not 10.5",properties,event_is_valid}'),
	('check_timelines('''')', '22023', '{user_id must not be empty}'),
	('rebuild_timelines('''')', '22023', '{user_id must not be empty}'),
	('expire_events(NULL)', '22004', '{before must not be null}'),
	('expire_events(''infinity'')', '22008', '{before must be finite,infinity}'),
	('users_overview(NULL)', '22004', '{period must not be null}'),
	('users_overview(''empty'')', '22023', '{period must not be empty}'),
	('users_daily(''empty'')', '22023', '{period must not be empty}'),
	('users_daily(''(,)'', ''Mars/Olympus'')', '22023', '{time zone,Mars/Olympus}')) x (call, state, words);

-- Also where there is nobody to compute it for
SELECT test.refused(format('SELECT * FROM user_profile.%s(''nobody'', ''empty'')', f), '22023', 'period must not be empty')
FROM unnest('{user_overview,user_top_events,user_top_pages,user_daily,user_sessions}'::text[]) f;

SELECT test.refused(format('SET user_profile.%s = %L', setting, value), '22023', 'user_profile.' || setting, value)
FROM (VALUES ('session_timeout', '-1'), ('session_timeout', '1 month'), ('session_timeout', 'soon'), ('session_timeout', ''),
	('session_timeout', '36601 days'), ('period', '0'), ('period', '-1 day'), ('period', 'long'), ('batch_size', '0')) v (setting, value);
SELECT lives_ok(format('SET user_profile.session_timeout = %L', value), format('a timeout of %s is well', value))
FROM unnest('{0,1800,30 min,PT30M,00:00:00.000001,36600 days}'::text[]) value;
RESET user_profile.session_timeout;
SELECT test.refused('SET user_profile.no_such_setting = 1', '42602', 'user_profile.no_such_setting');

SELECT is(test.contents(), :'contents', 'no refused statement has changed anything');

--
-- Unknown users: a function that reads gives no row
--
SELECT is_empty(format('SELECT * FROM user_profile.%s', f), format('of an unknown user: %s', f))
FROM unnest('{user_profile(''nobody''),"user_overview(''nobody'', ''(,)'')","user_top_events(''nobody'', ''(,)'')",
	"user_top_pages(''nobody'', ''(,)'')","user_daily(''nobody'')","user_sessions(''nobody'', ''(,)'')",
	"session_events(''nobody'', now())",user_companies(''nobody''),check_timelines(''nobody'')}'::text[]) f;
SELECT is(user_profile.rebuild_timelines('nobody'), 0::bigint, 'an unknown user has nothing to rebuild');
SELECT is_empty($$SELECT * FROM user_profile.session_events('ada', '2024-05-01 11:00')$$, 'no session spans that time');
-- A name is data, never a statement
SELECT lives_ok($$SELECT user_profile.track('x''; DROP TABLE user_profile.events; --', 'a'';b')$$, 'quotes in an id');
SELECT is(total_events, 1::bigint, 'are part of it') FROM user_profile.user_profile('x''; DROP TABLE user_profile.events; --');

SELECT * FROM finish();
