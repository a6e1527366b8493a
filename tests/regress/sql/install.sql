-- What CREATE EXTENSION makes: owners, privileges, comments, what pg_dump takes.
CREATE EXTENSION tablediffusion;
SELECT tablediffusion_version() = extversion AS versions_agree FROM pg_extension WHERE extname = 'tablediffusion';

-- Every object has a comment.
SELECT pg_describe_object(d.classid, d.objid, d.objsubid) AS without_comment
FROM pg_depend AS d
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
  AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'tablediffusion')
  AND d.classid IN ('pg_proc'::regclass, 'pg_class'::regclass, 'pg_namespace'::regclass)
  AND NOT (d.classid = 'pg_class'::regclass
           AND (SELECT relkind FROM pg_class WHERE oid = d.objid) IN ('S', 'i', 'c'))
  AND obj_description(d.objid, d.classid::regclass::name) IS NULL;
SELECT attrelid::regclass AS without_comment, attname
FROM pg_attribute JOIN pg_class AS c ON c.oid = attrelid
WHERE relnamespace = 'tablediffusion'::regnamespace AND attnum > 0
  AND (relkind = 'r' OR relkind = 'v' AND has_table_privilege('public', c.oid, 'SELECT'))
  AND col_description(attrelid, attnum) IS NULL;

-- Functions that run as their owner or are not granted to PUBLIC. docs/reference.md lists all functions.
SELECT proname, prosecdef AS definer, has_function_privilege('public', oid, 'EXECUTE') AS public
FROM pg_proc
WHERE proname LIKE 'tablediffusion%' AND (prosecdef OR NOT has_function_privilege('public', oid, 'EXECUTE')) ORDER BY 1;

SELECT relname, relkind, has_table_privilege('public', oid, 'SELECT') AS public_reads,
       has_table_privilege('public', oid, 'INSERT, UPDATE, DELETE, TRUNCATE') AS public_writes, reloptions
FROM pg_class WHERE relnamespace = 'tablediffusion'::regnamespace AND relkind IN ('r', 'v', 'S') ORDER BY 1;

SELECT unnest(extconfig)::regclass AS dumped, unnest(extcondition) AS filter
FROM pg_extension WHERE extname = 'tablediffusion' ORDER BY 1::text;

-- Settings: documented, bounded, prefix reserved.
SELECT name, setting, unit, context, min_val, max_val, short_desc IS NOT NULL AS documented
FROM pg_settings WHERE name LIKE 'tablediffusion.%' AND name <> 'tablediffusion.progress_interval' ORDER BY 1;
SET tablediffusion.no_such_setting = 1;
SET tablediffusion.delta = 2;
SET tablediffusion.threads = -1;

-- Texts have to be UTF-8.
CREATE DATABASE regress_latin1 ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0;
\c regress_latin1
CREATE EXTENSION tablediffusion;
CREATE TABLE t AS SELECT 1 AS a;
SELECT tablediffusion_train('t', 1);
\c regress_install
DROP DATABASE regress_latin1;

-- Nothing is left behind, and it can come back.
DROP EXTENSION tablediffusion;
SELECT count(*) FROM pg_namespace WHERE nspname = 'tablediffusion';
CREATE SCHEMA elsewhere;
CREATE EXTENSION tablediffusion SCHEMA elsewhere;
SELECT elsewhere.tablediffusion_version() IS NOT NULL AS found;
