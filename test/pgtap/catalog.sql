-- What the extension puts into the catalog: documented, closed to PUBLIC, safe against captured
-- names, and complete in a dump.

\set ECHO none
SET client_min_messages = warning;
SELECT no_plan();

CREATE SCHEMA test;

-- Its objects, by identity
CREATE TABLE test.members AS
SELECT d.classid, d.objid, i.type, i.identity
FROM pg_depend d, pg_identify_object(d.classid, d.objid, 0) i
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
	AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'user_profile');
-- Functions that only serve an aggregate are explained by its comment
CREATE TABLE test.support AS
SELECT unnest(ARRAY[aggtransfn, aggfinalfn, aggcombinefn, aggserialfn, aggdeserialfn]::oid[]) AS oid
FROM pg_aggregate WHERE aggfnoid IN (SELECT objid FROM test.members WHERE classid = 'pg_proc'::regclass);

SELECT ok(count(*) > 80, 'there are objects to look at') FROM test.members;
SELECT is_empty($$SELECT identity FROM test.members
	WHERE identity <> 'user_profile' AND identity !~ '^user_profile[.]' AND type NOT IN ('schema')
		AND identity !~ ' on user_profile[.]| for user_profile[.]'$$,
	'all of them are in the schema user_profile');
SELECT is_empty($$SELECT type, identity FROM test.members
	WHERE obj_description(objid, classid::regclass::name) IS NULL
		AND objid NOT IN (SELECT oid FROM test.support)
		AND NOT (classid = 'pg_type'::regclass AND
			EXISTS (SELECT FROM pg_type t WHERE t.oid = objid AND (t.typelem <> 0 OR t.typrelid <> 0 AND
				(SELECT relkind FROM pg_class WHERE oid = t.typrelid) <> 'c')))$$,
	'every object has a comment');
SELECT is_empty($$SELECT c.oid::regclass, a.attname
	FROM test.members m JOIN pg_class c ON c.oid = m.objid AND m.classid = 'pg_class'::regclass
	JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
	WHERE c.oid = 'user_profile.events'::regclass AND col_description(c.oid, a.attnum) IS NULL$$,
	'every column that a loader fills in events has a comment');
SELECT is_empty($$SELECT identity FROM test.members
	WHERE classid = 'pg_proc'::regclass AND obj_description(objid, 'pg_proc') ~ '[.] *$|^ *$'$$,
	'no comment ends with a full stop');

-- PUBLIC
SELECT is_empty($$SELECT identity, a.privilege_type
	FROM test.members m JOIN pg_proc p ON p.oid = m.objid AND m.classid = 'pg_proc'::regclass,
		aclexplode(COALESCE(p.proacl, acldefault('f', p.proowner))) a WHERE a.grantee = 0$$,
	'PUBLIC may run no function');
SELECT is_empty($$SELECT identity, a.privilege_type
	FROM test.members m JOIN pg_class c ON c.oid = m.objid AND m.classid = 'pg_class'::regclass,
		aclexplode(COALESCE(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner))) a
	WHERE a.grantee = 0$$,
	'PUBLIC may read no relation');
SELECT is_empty($$SELECT identity, a.privilege_type
	FROM test.members m JOIN pg_type t ON t.oid = m.objid AND m.classid = 'pg_type'::regclass,
		aclexplode(COALESCE(t.typacl, acldefault('T', t.typowner))) a
	WHERE a.grantee = 0 AND t.typrelid = 0 AND t.typelem = 0$$,
	'PUBLIC may use no type');
SELECT is_empty($$SELECT nspname, a.privilege_type
	FROM pg_namespace n, aclexplode(COALESCE(n.nspacl, acldefault('n', n.nspowner))) a
	WHERE nspname = 'user_profile' AND a.grantee = 0$$,
	'PUBLIC may not look into the schema');
CREATE ROLE nobody_in_particular;
SET ROLE nobody_in_particular;
SELECT throws_ok('SELECT * FROM user_profile.events', '42501', NULL, 'a role without rights reads nothing');
SELECT throws_ok($$SELECT user_profile.track('u', 'x')$$, '42501', NULL, 'and writes nothing');
RESET ROLE;
DROP ROLE nobody_in_particular;

-- Names. Layer 1 is C that looks up none, of which the first file of the script says so; SQL
-- functions are inlined, and qualify every name; all else pins the search path.
SELECT is_empty($$SELECT p.oid::regprocedure
	FROM test.members m JOIN pg_proc p ON p.oid = m.objid AND m.classid = 'pg_proc'::regclass
	JOIN pg_language l ON l.oid = p.prolang
	WHERE l.lanname NOT IN ('c', 'internal') AND p.prosqlbody IS NULL
		AND NOT COALESCE(p.proconfig @> '{"search_path=pg_catalog, pg_temp"}', false)$$,
	'what is not C pins its search path, or is parsed already');
SELECT is_empty($$SELECT p.oid::regprocedure
	FROM test.members m JOIN pg_proc p ON p.oid = m.objid AND m.classid = 'pg_proc'::regclass
	JOIN pg_language l ON l.oid = p.prolang
	WHERE l.lanname = 'c' AND p.prokind = 'f' AND p.provolatile <> 'i' AND p.proparallel <> 's'
		AND p.proname NOT LIKE 'intern%'
		AND NOT COALESCE(p.proconfig @> '{"search_path=pg_catalog, pg_temp"}', false)$$,
	'entry points in C pin their search path');
SELECT is_empty($$SELECT p.oid::regprocedure
	FROM test.members m JOIN pg_proc p ON p.oid = m.objid AND m.classid = 'pg_proc'::regclass
	WHERE p.prosecdef AND NOT COALESCE(p.proconfig @> '{"search_path=pg_catalog, pg_temp"}', false)$$,
	'what runs with the owner''s rights pins its search path');
SELECT is_empty($$SELECT c.oid::regclass
	FROM test.members m JOIN pg_class c ON c.oid = m.objid AND m.classid = 'pg_class'::regclass
	WHERE c.relkind = 'v' AND NOT COALESCE(c.reloptions && '{security_invoker=true,security_invoker=on}', false)$$,
	'views are read with the rights of the reader');

-- A hostile search path captures nothing
CREATE SCHEMA hostile;
CREATE FUNCTION hostile.now() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN RAISE 'captured now()'; END $$;
CREATE FUNCTION hostile.lower(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE 'captured lower()'; END $$;
CREATE FUNCTION hostile.isfinite(timestamptz) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'captured isfinite()'; END $$;
CREATE FUNCTION hostile.equal(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'captured ='; END $$;
CREATE OPERATOR hostile.= (LEFTARG = text, RIGHTARG = text, FUNCTION = hostile.equal);
CREATE FUNCTION hostile.greater(bigint, bigint) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'captured >'; END $$;
CREATE OPERATOR hostile.> (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = hostile.greater);
SET search_path = hostile, pg_catalog, public;
SELECT user_profile.track('h', 'x', page => '/p') IS NOT NULL AS tracked \gset
CALL user_profile.refresh();
SELECT (total_events, total_sessions)::text AS header FROM user_profile.user_profile('h') \gset
SELECT pg_catalog.count(*) AS top_events FROM user_profile.user_top_events('h', '(,)', 'X') \gset
SELECT pg_catalog.count(*) AS events FROM user_profile.user_events WHERE user_id OPERATOR(pg_catalog.=) 'h' \gset
SELECT pg_catalog.count(*) AS days FROM user_profile.user_daily('h') \gset
SELECT pg_catalog.count(*) AS differences FROM user_profile.check_timelines() \gset
RESET search_path;
SELECT is(:'header'::text, '(1,1)', 'a header with a hostile search path');
SELECT is(:top_events, 1, 'top events with it');
SELECT is(:events, 1, 'a view with it');
SELECT cmp_ok(:days, '>=', 30, 'days with it');
SELECT is(:differences, 0, 'a check with it');

-- A dump: every table with data, every sequence
SELECT set_eq(
	$$SELECT c.oid::regclass::text FROM pg_extension e, unnest(e.extconfig) c (oid) WHERE e.extname = 'user_profile'$$,
	$$SELECT c.oid::regclass::text FROM test.members m JOIN pg_class c ON c.oid = m.objid AND m.classid = 'pg_class'::regclass
		WHERE c.relkind IN ('r', 'p', 'S')$$,
	'every table and every sequence is in a dump');
SELECT is_empty($$SELECT identity FROM test.members WHERE classid = 'pg_class'::regclass AND objid IN
	(SELECT oid FROM pg_class WHERE relkind IN ('r', 'p') AND relpersistence <> 'p')$$, 'no table is unlogged');

SELECT * FROM finish();
