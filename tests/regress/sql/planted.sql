-- Names planted where the extension goes: operators, functions and types of another role, older than the extension, that
-- fit better than PostgreSQL's own where they are found. Whoever runs them says so.
CREATE ROLE regress_planter;
GRANT CREATE ON SCHEMA public TO regress_planter;
GRANT CREATE ON DATABASE regress_planted TO regress_planter;
SET ROLE regress_planter;
SET check_function_bodies = off;
DO $$
DECLARE
    pair text[];
    operator text;
    number int := 0;
BEGIN
    FOREACH pair SLICE 1 IN ARRAY ARRAY[
        ['float8', 'int4'], ['float8', 'float8'], ['oid', 'int4'], ['oid', 'oid'], ['oid', 'regclass'],
        ['regrole', 'int4'], ['int8', 'int4'], ['int8', 'int8'], ['int4', 'int4'], ['numeric', 'int4'],
        ['interval', 'numeric'], ['timestamptz', 'timestamptz'], ['name', 'name'], ['name', 'text'], ['text', 'name'],
        ['text', 'text'], ['jsonb', 'text'], ['jsonb', 'int4'], ['uuid', 'uuid']] LOOP
        number := number + 1;
        EXECUTE format($f$CREATE FUNCTION public.planted_%s(%s, %s) RETURNS bool LANGUAGE plpgsql AS
            'BEGIN RAISE WARNING ''planted code ran''; RETURN true; END'$f$, number, pair[1], pair[2]);
        FOREACH operator IN ARRAY ARRAY['=', '<>', '<', '<=', '>', '>=', '+', '-', '*', '/', '^', '||', '->', '->>'] LOOP
            EXECUTE format('CREATE OPERATOR public.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = public.planted_%s)',
                operator, pair[1], pair[2], number);
        END LOOP;
    END LOOP;
    FOR operator IN SELECT unnest(ARRAY['now()', 'gen_random_uuid()', 'quote_ident(name)', 'pg_has_role(oid, text)',
            'octet_length(bytea)', 'to_regclass(text)', 'pg_get_userbyid(oid)', 'current_database()',
            'tablediffusion_spent_epsilon(float8, float8, int4)', 'tablediffusion_spent_epsilon(numeric, numeric, numeric)',
            'tablediffusion_remaining_epsilon(float8, float8, int4, float8)',
            'pg_extension_config_dump(text, text)', 'jsonb_array_length(text)']) LOOP
        EXECUTE format($f$CREATE FUNCTION public.%s RETURNS bool LANGUAGE plpgsql AS
            'BEGIN RAISE WARNING ''planted code ran''; RETURN true; END'$f$, operator);
    END LOOP;
END $$;
CREATE DOMAIN public.float8 AS pg_catalog.text;
CREATE DOMAIN public.regrole AS pg_catalog.text;
CREATE DOMAIN public.uuid AS pg_catalog.text;

-- What is there already is not taken over.
CREATE SCHEMA tablediffusion;
RESET ROLE;
CREATE EXTENSION tablediffusion;
DROP SCHEMA tablediffusion;
CREATE FUNCTION public.tablediffusion_version() RETURNS text LANGUAGE sql AS 'SELECT ''mine''';
CREATE EXTENSION tablediffusion;
DROP FUNCTION public.tablediffusion_version();
CREATE FUNCTION public.tablediffusion_progress(int DEFAULT 1) RETURNS text LANGUAGE sql AS 'SELECT ''mine''';
\set VERBOSITY sqlstate
CREATE EXTENSION tablediffusion;
\set VERBOSITY default
DROP FUNCTION public.tablediffusion_progress(int);

-- What rules, defaults and columns of the extension's tables and views stand on, beyond PostgreSQL and the extension.
PREPARE strangers AS
WITH of_extension AS (
    SELECT classid, objid FROM pg_catalog.pg_depend
    WHERE refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass::pg_catalog.oid
      AND deptype OPERATOR(pg_catalog.=) 'e'
), parts AS (
    SELECT 'pg_catalog.pg_rewrite'::pg_catalog.regclass AS classid, r.oid AS objid
    FROM pg_catalog.pg_rewrite AS r JOIN of_extension AS e ON e.objid OPERATOR(pg_catalog.=) r.ev_class
    UNION ALL
    SELECT 'pg_catalog.pg_attrdef', a.oid
    FROM pg_catalog.pg_attrdef AS a JOIN of_extension AS e ON e.objid OPERATOR(pg_catalog.=) a.adrelid
    UNION ALL
    SELECT classid, objid FROM of_extension
)
SELECT pg_catalog.pg_describe_object(p.classid, p.objid, 0) AS part,
       pg_catalog.pg_describe_object(d.refclassid, d.refobjid, 0) AS stands_on
FROM parts AS p
JOIN pg_catalog.pg_depend AS d
    ON d.classid OPERATOR(pg_catalog.=) p.classid::pg_catalog.oid AND d.objid OPERATOR(pg_catalog.=) p.objid
CROSS JOIN LATERAL pg_catalog.pg_identify_object(d.refclassid, d.refobjid, 0) AS i
WHERE d.refclassid OPERATOR(pg_catalog.<>) 'pg_catalog.pg_namespace'::pg_catalog.regclass::pg_catalog.oid
  AND NOT coalesce(i.schema OPERATOR(pg_catalog.=) 'pg_catalog', true)
  AND NOT EXISTS (
      SELECT FROM of_extension AS e
      WHERE e.classid OPERATOR(pg_catalog.=) d.refclassid AND e.objid OPERATOR(pg_catalog.=) d.refobjid)
  AND NOT i.schema OPERATOR(pg_catalog.=) 'tablediffusion'
ORDER BY 1, 2;

CREATE EXTENSION tablediffusion;
EXECUTE strangers;

-- Training, and looking at everything, as superuser.
CREATE TABLE people AS SELECT i % 7 AS a, i % 3 OPERATOR(pg_catalog.=) 0 AS b FROM pg_catalog.generate_series(1, 2000) AS i;
SELECT tablediffusion_set_budget('people', 10);
SELECT tablediffusion_train('people', 1, 'm', options => '{"rounds": 0}');
SELECT tablediffusion_train('people', 1, 'm', replace => true, options => '{"rounds": 0}');
SELECT tablediffusion_grant('m', 'public');
SELECT count(*) FROM tablediffusion_sample('m', 10);
SELECT trainings, spent_epsilon IS NULL AS unknown, remaining_epsilon IS NULL AS unknown FROM tablediffusion.budgets;
SELECT model, source, charged FROM tablediffusion.ledger;
SELECT name, columns FROM tablediffusion.models;
SELECT model, name, kind FROM tablediffusion.columns;
SELECT model, grantee FROM tablediffusion.grants;
SELECT count(*) FROM tablediffusion.progress;
SELECT tablediffusion_drop('m');
DROP EXTENSION tablediffusion;

-- Scripts of older versions take nothing either.
CREATE EXTENSION tablediffusion VERSION '0.1.0';
EXECUTE strangers;
ALTER EXTENSION tablediffusion UPDATE TO '0.2.0';
EXECUTE strangers;
-- They did when they were released: such an install is mended by the update.
DO $$
BEGIN
    EXECUTE 'CREATE OR REPLACE VIEW tablediffusion.ledger AS '
        OPERATOR(pg_catalog.||) replace(pg_get_viewdef('tablediffusion.ledger'), ' = ', ' OPERATOR(public.=) ');
END $$;
EXECUTE strangers;
ALTER EXTENSION tablediffusion UPDATE;
EXECUTE strangers;
SELECT tablediffusion_train('people', 1, 'm', options => '{"rounds": 0}');

RESET ROLE;
DROP EXTENSION tablediffusion;
DROP OWNED BY regress_planter;
DROP ROLE regress_planter;
