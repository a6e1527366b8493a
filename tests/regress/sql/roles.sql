-- Who may do what.
SET client_min_messages = warning;
CREATE EXTENSION tablediffusion;
DROP ROLE IF EXISTS td_trainer, td_other, td_member;
CREATE ROLE td_trainer;
CREATE ROLE td_other;
CREATE ROLE td_member IN ROLE td_trainer;
CREATE TABLE people AS
SELECT i AS secret, i % 50 + 18 AS age, (ARRAY['f', 'm'])[i % 2 + 1] AS sex FROM generate_series(1, 1000) AS i;

-- Training is not for everybody.
SET ROLE td_trainer;
SELECT tablediffusion_train('people', 1);
RESET ROLE;
GRANT EXECUTE ON FUNCTION tablediffusion_train TO td_trainer, td_other;

-- It needs SELECT on the columns it reads.
SET ROLE td_trainer;
SELECT tablediffusion_train('people', 1);
RESET ROLE;
GRANT SELECT (age, sex) ON people TO td_trainer;
SET ROLE td_trainer;
SELECT tablediffusion_train('people', 1);
SELECT tablediffusion_train('people', 1, exclude => '{secret}', method => 'tablediffusion', options => '{"epochs": 0.1}');
SELECT count(*) FROM tablediffusion_sample('people', 10);
SELECT name, owner FROM tablediffusion.models;
SELECT count(*) FROM tablediffusion.columns;
SELECT role FROM tablediffusion.ledger;

-- Nobody reads the tables behind the views.
SELECT bytes FROM tablediffusion.models_store;
SELECT * FROM tablediffusion.ledger_store;
INSERT INTO tablediffusion.ledger_store DEFAULT VALUES;
UPDATE tablediffusion.models SET epsilon = 0;
DELETE FROM tablediffusion.ledger;

-- Other roles see and use nothing of it; members do.
SET ROLE td_other;
SELECT count(*) FROM tablediffusion.models;
SELECT count(*) FROM tablediffusion.columns;
SELECT count(*) FROM tablediffusion.ledger;
SELECT count(*) FROM tablediffusion_sample('people', 10);
SELECT tablediffusion_create_table('stolen', 'people', 10);
SELECT tablediffusion_drop('people');
SET ROLE td_member;
SELECT count(*) FROM tablediffusion.models;
SELECT count(*) FROM tablediffusion_sample('people', 10);
RESET ROLE;
GRANT SELECT ON people TO td_other;
SET ROLE td_other;
SELECT tablediffusion_train('people', 1, replace => true);
SELECT tablediffusion_train('people', 1, model => 'mine', method => 'tablediffusion', options => '{"epochs": 0.1}');
RESET ROLE;

-- A leaky function pushed into a view sees no row of others.
CREATE FUNCTION leak(text) RETURNS boolean COST 0.0001 LANGUAGE plpgsql AS
$$ BEGIN RAISE WARNING 'saw %', $1; RETURN true; END $$;
SET ROLE td_other;
SELECT name FROM tablediffusion.models WHERE leak(name);
RESET ROLE;

-- Objects put in the way under every search path are not used: neither operators nor functions nor tables.
CREATE SCHEMA trap;
CREATE FUNCTION trap.eq(text, text) RETURNS boolean LANGUAGE plpgsql AS
$$ BEGIN RAISE WARNING 'trapped as %', current_user; RETURN true; END $$;
CREATE OPERATOR trap.= (LEFTARG = text, RIGHTARG = text, FUNCTION = trap.eq);
CREATE FUNCTION trap.count() RETURNS bigint LANGUAGE plpgsql AS
$$ BEGIN RAISE WARNING 'trapped as %', current_user; RETURN 1; END $$;
CREATE TYPE trap.text AS (x int);
GRANT USAGE ON SCHEMA trap TO PUBLIC;
GRANT CREATE ON SCHEMA public TO td_other;
SET ROLE td_other;
SET search_path = trap, public, pg_catalog;
SELECT public.tablediffusion_train('people', 1, model => 'hijack', method => 'tablediffusion', options => '{"epochs": 0.1}');
SELECT pg_catalog.count(*) FROM public.tablediffusion_sample('hijack', 10, seed => 1);
SELECT public.tablediffusion_create_table('public.hijacked', 'hijack', 10);
SELECT public.tablediffusion_drop('hijack');
RESET search_path;
\d hijacked
RESET ROLE;

-- Row security of the source applies to the caller.
CREATE TABLE guarded AS
SELECT i % 2 = 0 AS mine, CASE WHEN i % 2 = 0 THEN 'visible' ELSE 'planted' || '-value' END AS word
FROM generate_series(1, 2000) AS i;
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY only_mine ON guarded USING (mine);
GRANT SELECT ON guarded TO td_trainer;
SET ROLE td_trainer;
SELECT tablediffusion_train('guarded', 50, method => 'tablediffusion', options => '{"epochs": 0.1}');
SELECT "values" @> '[{"value": "visible"}]' AS visible, jsonb_array_length("values") AS n
FROM tablediffusion.columns WHERE model = 'guarded' AND name = 'word';
SET row_security = off;
SELECT tablediffusion_train('guarded', 50, replace => true);
RESET row_security;
RESET ROLE;

-- A role that is dropped leaves its models to superusers.
CREATE ROLE td_leaver;
GRANT EXECUTE ON FUNCTION tablediffusion_train TO td_leaver;
GRANT SELECT ON people TO td_leaver;
SET ROLE td_leaver;
SELECT tablediffusion_train('people', 1, model => 'orphan', method => 'tablediffusion', options => '{"epochs": 0.1}');
RESET ROLE;
DROP OWNED BY td_leaver;
DROP ROLE td_leaver;
SET ROLE td_other;
SELECT count(*) FROM tablediffusion.models WHERE name = 'orphan';
SELECT count(*) FROM tablediffusion_sample('orphan', 10);
RESET ROLE;
SELECT count(*) FROM tablediffusion_sample('orphan', 10);
SELECT tablediffusion_drop('orphan');

DROP OWNED BY td_trainer, td_other, td_member;
DROP ROLE td_trainer, td_other, td_member;
