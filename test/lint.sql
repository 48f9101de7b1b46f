-- What the rules of doc and design say about the objects of the extension, asked of the
-- catalogs. Run by lint.sh in a database where it is installed; prints one line "rule: object"
-- a violation.

SET search_path = pg_catalog;

CREATE TEMP VIEW members AS
SELECT d.classid, d.objid
FROM pg_depend d
JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
WHERE d.deptype = 'e' AND e.extname = 'user_profile';

CREATE TEMP VIEW functions AS
SELECT p.*, l.lanname, p.oid::regprocedure::text AS signature,
    EXISTS (SELECT FROM unnest(p.proconfig) AS setting
            WHERE setting IN ('search_path=pg_catalog, pg_temp',
                              'search_path="pg_catalog", "pg_temp"')) AS pinned,
    -- A body parsed when the function was made means what it meant then
    p.prosqlbody IS NOT NULL AS parsed
FROM members m
JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
JOIN pg_language l ON l.oid = p.prolang;

SELECT 'user_profile is not installed'
WHERE NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'user_profile');

-- C functions run no SQL of their own, or run it through the helper that pins the path
SELECT 'search_path is not pinned to pg_catalog, pg_temp: ' || signature
FROM functions
WHERE lanname NOT IN ('c', 'internal') AND NOT pinned
  AND NOT (lanname = 'sql' AND (parsed OR provolatile IN ('i', 's')))
  AND prokind <> 'a'
UNION ALL
SELECT 'an unsafe search_path: ' || signature
FROM functions
WHERE NOT pinned
  AND EXISTS (SELECT FROM unnest(proconfig) AS setting WHERE setting LIKE 'search\_path=%');

-- SQL bodies that are kept as text and not pinned: the caller's search_path decides what an
-- unqualified name or operator means. Strings, comments and qualified operators are taken out first.
CREATE TEMP VIEW open_bodies AS
SELECT signature,
    regexp_replace(regexp_replace(regexp_replace(regexp_replace(prosrc,
        $$--[^\n]*|/\*.*?\*/$$, ' ', 'g'),
        $$'(?:[^']|'')*'$$, ' literal ', 'g'),
        $$operator\s*\(\s*pg_catalog\s*\.\s*[^)]*\)$$, ' , ', 'gi'),
        $$"(?:[^"]|"")*"$$, ' quoted ', 'g') AS body
FROM functions
WHERE lanname = 'sql' AND NOT pinned AND NOT parsed;

SELECT 'unqualified operator ' || m[1] || ': ' || signature
FROM open_bodies, regexp_matches(
    -- * and => and :: are syntax here, not operators
    regexp_replace(body, $$\(\s*\*\s*\)|\.\s*\*|select\s+\*|=>$$, ' ', 'gi'),
    '([-+*/<>=~!@#%^&|`?]+)', 'g') AS m
UNION
SELECT 'operator hidden in ' || upper(m[1]) || ': ' || signature
FROM open_bodies, regexp_matches(body,
    $$\y(between|like|ilike|similar\s+to|nullif|is\s+(?:not\s+)?distinct\s+from|(?:not\s+)?in(?=\s*\())\y$$, 'gi') AS m
UNION
SELECT 'unqualified function ' || m[1] || ': ' || signature
FROM open_bodies, regexp_matches(body, '(?<![.\w])([a-z_]\w*)\s*\(', 'gi') AS m
WHERE lower(m[1]) NOT IN ('all', 'and', 'any', 'array', 'as', 'by', 'case', 'cast', 'coalesce',
    'distinct', 'else', 'except', 'exists', 'extract', 'filter', 'from', 'greatest', 'group', 'grouping',
    'having', 'in', 'intersect', 'interval', 'join', 'lateral', 'least', 'limit', 'materialized', 'not',
    'nullif', 'offset', 'on', 'or', 'over', 'partition', 'returning', 'row', 'rows', 'select', 'set', 'some',
    'then', 'union', 'using', 'values', 'when', 'where', 'with', 'within')
  -- WITH name (columns) AS
  AND NOT body ~* ('\ywith\y.*\y' || m[1] || '\s*\([^)]*\)\s+as')
UNION
SELECT 'unqualified type ' || m[1] || ': ' || signature
FROM open_bodies, regexp_matches(body, '::\s*([a-z_]\w*)(?!\s*[.\w])', 'gi') AS m
UNION
SELECT 'unqualified relation ' || m[1] || ': ' || signature
FROM open_bodies, regexp_matches(body, '\y(?:from|join|into|update)\s+(?!lateral\y|select\y|only\y|values\y|unnest\y)([a-z_]\w*)(?!\s*[.(\w])', 'gi') AS m
WHERE NOT body ~* ('\y' || m[1] || '(\s*\([^)]*\))?\s+as\s+(not\s+materialized|materialized)?\s*\(');

-- The rights of the caller decide, except where a reason for the opposite is given in its comment
SELECT 'SECURITY DEFINER without "security definer" and a reason in its comment: ' || signature
FROM functions
WHERE prosecdef AND coalesce(obj_description(oid, 'pg_proc'), '') !~* 'security definer';

SELECT 'view is not security_invoker: ' || c.oid::regclass
FROM members m
JOIN pg_class c ON m.classid = 'pg_class'::regclass AND m.objid = c.oid
WHERE c.relkind = 'v' AND NOT coalesce('security_invoker=true' = ANY (c.reloptions)
                                       OR 'security_invoker=on' = ANY (c.reloptions)
                                       OR 'security_invoker=1' = ANY (c.reloptions), false);

-- Nothing for PUBLIC
SELECT 'PUBLIC may ' || a.privilege_type || ': ' || objects.name
FROM (
    SELECT signature AS name, coalesce(proacl, acldefault('f', proowner)) AS acl FROM functions
    WHERE prokind = 'p' OR provolatile = 'v'
    UNION ALL
    SELECT c.oid::regclass::text, c.relacl
    FROM members m
    JOIN pg_class c ON m.classid = 'pg_class'::regclass AND m.objid = c.oid
    UNION ALL
    SELECT 'schema ' || nspname, nspacl FROM pg_namespace WHERE nspname = 'user_profile'
) AS objects, aclexplode(objects.acl) AS a
WHERE a.grantee = 0;

-- Data survive a dump
SELECT 'no pg_extension_config_dump: ' || c.oid::regclass
FROM members m
JOIN pg_class c ON m.classid = 'pg_class'::regclass AND m.objid = c.oid
JOIN pg_extension e ON e.extname = 'user_profile'
WHERE c.relkind IN ('r', 'p', 'S') AND c.oid <> ALL (coalesce(e.extconfig, '{}'));

-- psql's \d+ and \df+ are the manual
SELECT 'no comment: ' || pg_describe_object(m.classid, m.objid, 0)
FROM members m
WHERE m.classid IN ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_type'::regclass, 'pg_namespace'::regclass)
  AND obj_description(m.objid, m.classid::regclass::text::name) IS NULL
  -- A table's row type, an array type and an aggregate's support functions have no users
  AND NOT (m.classid = 'pg_proc'::regclass
           AND EXISTS (SELECT FROM pg_aggregate a
                       WHERE m.objid IN (a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggserialfn,
                                         a.aggdeserialfn, a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn)))
  AND NOT (m.classid = 'pg_type'::regclass
           AND EXISTS (SELECT FROM pg_type t WHERE t.oid = m.objid AND (t.typrelid <> 0 OR t.typelem <> 0)))
ORDER BY 1;

-- Everything lives in the extension's schema
SELECT 'outside schema user_profile: ' || pg_describe_object(m.classid, m.objid, 0)
FROM members m
LEFT JOIN pg_class c ON m.classid = 'pg_class'::regclass AND m.objid = c.oid
LEFT JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
LEFT JOIN pg_type t ON m.classid = 'pg_type'::regclass AND m.objid = t.oid
WHERE coalesce(c.relnamespace, p.pronamespace, t.typnamespace) <> 'user_profile'::regnamespace;
