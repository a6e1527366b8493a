-- Attacks by name. Others are in roles.sql (search path, shadowed operators, functions and types, leaky functions, row
-- security, dropped roles), commit.sql (looks before the commit), grants.sql (wrappers) and hostile.sql (sources that
-- raise what they hold).
SET client_min_messages = warning;
CREATE EXTENSION tablediffusion;
DROP ROLE IF EXISTS td_victim, td_attacker, td_curious;
CREATE ROLE td_victim;
CREATE ROLE td_attacker;
GRANT CREATE ON SCHEMA public TO td_victim, td_attacker;
GRANT EXECUTE ON FUNCTION tablediffusion_train TO td_victim, td_attacker;
SET ROLE td_victim;
CREATE TABLE people AS SELECT i % 5 AS kind, i % 2 = 0 AS ok, 'planted' || '-value' AS word FROM generate_series(1, 500) AS i;
CREATE FUNCTION quickly(source regclass, model text DEFAULT NULL) RETURNS text LANGUAGE sql AS
$$ SELECT tablediffusion_train(source, 1, model, columns => '{kind,ok}', options => '{"rounds": 0}') $$;
SELECT quickly('people');
SELECT tablediffusion_set_budget('people', 3, 1e-6);

-- Elevation: none of the victim's things is the attacker's to use or change, whatever words are used.
SET ROLE td_attacker;
SELECT quickly('people', 'mine');
SELECT count(*) FROM tablediffusion_sample('people', 10);
SELECT tablediffusion_create_table('stolen', 'people', 10);
SELECT tablediffusion_drop('people');
SELECT tablediffusion_grant('people', 'td_attacker');
SELECT tablediffusion_revoke('people', 'public');
SELECT tablediffusion_set_budget('people', NULL);
SELECT * FROM tablediffusion_plan('people', 1);
SELECT count(*) FROM tablediffusion.models UNION ALL SELECT count(*) FROM tablediffusion.columns UNION ALL
SELECT count(*) FROM tablediffusion.ledger UNION ALL SELECT count(*) FROM tablediffusion.budgets UNION ALL
SELECT count(*) FROM tablediffusion.grants;

-- Direct access: every table and view behind the scenes.
DO $$
DECLARE
    relation regclass;
    statement text;
BEGIN
    FOR relation IN SELECT oid FROM pg_class WHERE relnamespace = 'tablediffusion'::regnamespace AND relkind IN ('r', 'v', 'S')
        AND NOT (relkind = 'v' AND relname IN ('models', 'columns', 'ledger', 'budgets', 'grants', 'progress')) LOOP
        FOREACH statement IN ARRAY '{SELECT * FROM %s, DELETE FROM %s, TRUNCATE %s, COPY %s TO STDOUT}'::text[] LOOP
            BEGIN
                EXECUTE format(statement, relation);
                RAISE WARNING 'allowed: % on %', statement, relation;
            EXCEPTION WHEN insufficient_privilege OR wrong_object_type OR object_not_in_prerequisite_state
                OR feature_not_supported OR syntax_error THEN NULL;
            END;
        END LOOP;
    END LOOP;
END $$;

-- A model named like another's: names are taken letter by letter, and a name that is taken stays so.
CREATE TABLE own AS SELECT i % 5 AS kind, i % 2 = 0 AS ok FROM generate_series(1, 500) AS i;
SELECT quickly('own', 'people');
SELECT tablediffusion_train('own', 1, 'people', replace => true);
SELECT quickly('own', 'People');
SELECT quickly('own', 'people ');
SELECT name, owner FROM tablediffusion.models ORDER BY name COLLATE "C";

-- Injection: every text argument.
SELECT quickly('own', '''); DROP TABLE own; --');
SELECT count(*) FROM tablediffusion_sample('''); DROP TABLE own; --', 5);
SELECT tablediffusion_drop('''); DROP TABLE own; --');
\set VERBOSITY terse
SELECT tablediffusion_train('own', 1, method => 'guided''; DROP TABLE own; --');
\set VERBOSITY default
SELECT tablediffusion_train('own', 1, columns => ARRAY['kind"; DROP TABLE own; --']::name[]);
SELECT tablediffusion_train('own', 1, exclude => ARRAY['kind''; DROP TABLE own; --']::name[]);
SELECT tablediffusion_train('own', 1, privacy_unit => 'kind"; DROP TABLE own; --');
SELECT tablediffusion_train('own', 1, domain => '{"kind\"; DROP TABLE own; --": {"min": 0}}');
SELECT tablediffusion_train('own', 1, options => '{"rounds\"; DROP TABLE own; --": 1}');
SELECT tablediffusion_grant('People', 'td_victim"; DROP TABLE own; --');
SELECT tablediffusion_create_table('x (a int); DROP TABLE own; --', 'People', 5);
CREATE TABLE "a""; DROP TABLE own; --" ("b""; DROP TABLE own; --" int, "c'; DROP TABLE own; --" text);
INSERT INTO "a""; DROP TABLE own; --" SELECT i % 3, 'x' FROM generate_series(1, 500) AS i;
SELECT tablediffusion_train('"a""; DROP TABLE own; --"', 5, 'quoted', options => '{"rounds": 0}');
SELECT tablediffusion_set_budget('"a""; DROP TABLE own; --"', 9, 1e-6);
SELECT source, trainings FROM tablediffusion.budgets;
SELECT count(*) FROM own;

-- SET ROLE inside a transaction: what one role trained, another does not have.
RESET ROLE;
BEGIN;
SET LOCAL ROLE td_attacker;
SELECT quickly('own', 'switched');
SET LOCAL ROLE td_victim;
SELECT count(*) FROM tablediffusion_sample('switched', 10);
ROLLBACK;

-- Malicious views: what runs inside them runs as the reader, and cannot see or change what the reader cannot.
SET ROLE td_attacker;
CREATE FUNCTION meddle() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    BEGIN
        DELETE FROM tablediffusion.budgets_store;
        RETURN true;
    EXCEPTION WHEN insufficient_privilege THEN
        RETURN false;
    END;
END $$;
CREATE VIEW meddling AS SELECT kind, ok, meddle() AS meddled FROM own;
SELECT tablediffusion_train('meddling', 20, columns => '{meddled}', options => '{"rounds": 0}');
SELECT meddled, count(*) > 400 AS often FROM tablediffusion_sample('meddling', 500, NULL::meddling) GROUP BY 1 ORDER BY 2 DESC LIMIT 1;
-- One that trains while it is read: it ends in an error, as the second scan finds the name of its model taken.
CREATE FUNCTION recurse() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM quickly('own', 'inner_model');
    RETURN true;
END $$;
CREATE VIEW recursing AS SELECT recurse() AS done FROM own LIMIT 1;
SELECT tablediffusion_train('recursing', 1, options => '{"rounds": 0}');
-- A view that shows more rows at each scan.
CREATE SEQUENCE scans;
CREATE VIEW growing AS SELECT kind, ok FROM own, generate_series(1, (SELECT nextval('scans')::int));
SELECT tablediffusion_train('growing', 1, delta => 1e-9, options => '{"rounds": 0}');

-- Triggers and casts on the source: reading fires none.
CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'fired'; END $$;
CREATE TABLE armed AS SELECT * FROM own;
CREATE TRIGGER armed BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON armed EXECUTE FUNCTION fire();
SELECT quickly('armed');
RESET ROLE;
CREATE TYPE pair AS (a int, b int);
CREATE FUNCTION cast_out(pair) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'cast of %', $1; END $$;
CREATE CAST (pair AS text) WITH FUNCTION cast_out(pair) AS IMPLICIT;
CREATE TABLE pairs AS SELECT ROW(i, i)::pair AS p, i % 2 = 0 AS ok FROM generate_series(1, 100) AS i;
\set VERBOSITY terse
SELECT tablediffusion_train('pairs', 1);
\set VERBOSITY default
SELECT tablediffusion_train('pairs', 1, delta => 1e-9, exclude => '{p}', options => '{"rounds": 0}');

-- Leaky functions in queries of the views see no row of others'.
CREATE FUNCTION leak(text) RETURNS boolean COST 0.0001 LANGUAGE plpgsql AS
$$ BEGIN RAISE WARNING 'saw %', $1; RETURN true; END $$;
CREATE ROLE td_curious;
SET ROLE td_curious;
SELECT source FROM tablediffusion.budgets WHERE leak(source);
SELECT source FROM tablediffusion.ledger WHERE leak(source);
SELECT model FROM tablediffusion.grants WHERE leak(model);
SELECT name FROM tablediffusion.columns WHERE leak(name);
RESET ROLE;

DROP OWNED BY td_victim, td_attacker, td_curious CASCADE;
DROP ROLE td_victim, td_attacker, td_curious;
