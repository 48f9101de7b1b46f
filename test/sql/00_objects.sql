-- The surface: what CREATE EXTENSION makes. A difference here is a change for users.
CREATE EXTENSION user_profile;
-- unaligned: a longer name changes no other line
\pset format unaligned
SELECT i.type, i.identity
FROM pg_depend d, pg_identify_object(d.classid, d.objid, 0) i
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
	AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'user_profile')
	-- row types and array types belong to their tables and types
	AND NOT (d.classid = 'pg_type'::regclass AND EXISTS (SELECT FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
		WHERE t.oid = d.objid AND (t.typcategory = 'A' OR c.relkind <> 'c')))
ORDER BY i.type COLLATE "C", i.identity COLLATE "C";
-- A schema that is there already is not taken over
DROP EXTENSION user_profile;
DROP SCHEMA IF EXISTS user_profile;
-- 18 adds where in the script
\set SHOW_CONTEXT never
CREATE SCHEMA user_profile;
CREATE EXTENSION user_profile;
\set SHOW_CONTEXT errors
DROP SCHEMA user_profile;
CREATE EXTENSION user_profile;
