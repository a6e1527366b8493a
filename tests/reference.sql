-- Generates docs/reference.md from the catalogs. Run by tests/readme.sh with psql -XAtq.
WITH extension AS (SELECT oid FROM pg_extension WHERE extname = 'tablediffusion'),
functions AS (
    SELECT p.*, row_number() OVER (ORDER BY p.proname, pg_get_function_arguments(p.oid)) AS place
    FROM pg_proc AS p JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
    JOIN extension AS e ON d.refobjid = e.oid AND d.deptype = 'e'
), views AS (
    SELECT c.oid, c.relname FROM pg_class AS c JOIN pg_depend AS d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid
    JOIN extension AS e ON d.refobjid = e.oid AND d.deptype = 'e'
    WHERE c.relkind = 'v' AND has_table_privilege('public', c.oid, 'SELECT')
), lines (part, name, place, line) AS (
    SELECT 1, '', 0, E'# Reference\n\nGenerated from the comments in the catalogs by `tests/readme.sh`, which also checks that it is up to date. '
        || E'Who may call what is in [security.md](security.md).\n\n## Functions\n'
    UNION ALL
    SELECT 2, proname, place, format(E'### `%s`\n\n```text\n%s(%s)\nRETURNS %s\n%s PARALLEL %s%s\n```\n\n%s%s\n', proname, proname,
        CASE WHEN pg_get_function_arguments(oid) = '' THEN ''
             ELSE E'\n    ' || replace(regexp_replace(pg_get_function_arguments(oid), ', (?=\w+ )', E',\n    ', 'g'), '::', '::') || E'\n' END,
        regexp_replace(pg_get_function_result(oid), ', ', E', ', 'g'),
        CASE provolatile WHEN 'i' THEN 'IMMUTABLE' WHEN 's' THEN 'STABLE' ELSE 'VOLATILE' END,
        CASE proparallel WHEN 's' THEN 'SAFE' WHEN 'r' THEN 'RESTRICTED' ELSE 'UNSAFE' END, CASE WHEN proisstrict THEN ' STRICT' ELSE '' END,
        upper(left(obj_description(oid, 'pg_proc'), 1)) || substr(obj_description(oid, 'pg_proc'), 2) || '.',
        CASE WHEN has_function_privilege('public', oid, 'EXECUTE') THEN '' ELSE ' Initially, only superusers may call it.' END)
    FROM functions
    UNION ALL
    SELECT 3, '', 0, E'## Views\n'
    UNION ALL
    SELECT 4, relname, 0, format(E'### `tablediffusion.%s`\n\n%s.\n\n| column | type | |\n|---|---|---|', relname,
        upper(left(obj_description(oid, 'pg_class'), 1)) || substr(obj_description(oid, 'pg_class'), 2))
    FROM views
    UNION ALL
    SELECT 4, relname, a.attnum, format('| `%s` | %s | %s |', a.attname, format_type(a.atttypid, a.atttypmod), col_description(v.oid, a.attnum))
    FROM views AS v JOIN pg_attribute AS a ON a.attrelid = v.oid WHERE a.attnum > 0
    UNION ALL
    SELECT 4, relname, 10000, '' FROM views
    UNION ALL
    SELECT 5, '', 0, E'## Settings\n\n| setting | default | unit | from | to | who | |\n|---|---|---|---|---|---|---|'
    UNION ALL
    SELECT 6, name, 0, format('| `%s` | %s | %s | %s | %s | %s | %s %s |', name, boot_val, coalesce(unit, ''), min_val, max_val,
        CASE context WHEN 'superuser' THEN 'superuser' ELSE 'anybody' END, short_desc, extra_desc)
    FROM pg_settings WHERE name LIKE 'tablediffusion.%'
)
SELECT line FROM lines ORDER BY part, name COLLATE "C", place;
