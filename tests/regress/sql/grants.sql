-- Who may sample a model.
SET client_min_messages = warning;
CREATE EXTENSION tablediffusion;
DROP ROLE IF EXISTS td_maker, td_reader, td_member, td_leaver;
CREATE ROLE td_maker;
CREATE ROLE td_reader;
CREATE ROLE td_member IN ROLE td_reader;
CREATE ROLE td_leaver;
GRANT EXECUTE ON FUNCTION tablediffusion_train TO td_maker;
GRANT CREATE ON SCHEMA public TO td_reader;
CREATE TABLE people AS SELECT i % 5 AS kind, i % 2 = 0 AS ok FROM generate_series(1, 500) AS i;
GRANT SELECT ON people TO td_maker;
SET ROLE td_maker;
SELECT tablediffusion_train('people', 1, options => '{"rounds": 0}');

-- Nobody else, until granted.
SET ROLE td_reader;
SELECT count(*) FROM tablediffusion_sample('people', 10);
SELECT tablediffusion_grant('people', 'td_reader');
SET ROLE td_maker;
SELECT tablediffusion_grant('people', 'td_nobody');
SELECT tablediffusion_grant('nothing', 'td_reader');
SELECT tablediffusion_grant(NULL, 'td_reader');
SELECT tablediffusion_grant('people', NULL);
SELECT tablediffusion_grant('people', 'td_reader');
SELECT tablediffusion_grant('people', 'td_reader');
SELECT model, grantee, grantor FROM tablediffusion.grants;

-- What a grant gives, and what it does not.
SET ROLE td_member;
SELECT count(*) FROM tablediffusion_sample('people', 10);
SELECT count(*) FROM tablediffusion_sample('people', 10, NULL::people);
SELECT name, owner FROM tablediffusion.models;
SELECT count(*) FROM tablediffusion.columns;
SELECT count(*) FROM tablediffusion.ledger;
SELECT bytes FROM tablediffusion.models_store;
SELECT bytes FROM tablediffusion.models_usable;
SELECT tablediffusion_drop('people');
SELECT tablediffusion_grant('people', 'public');
SELECT tablediffusion_revoke('people', 'td_reader');
SELECT * FROM people LIMIT 1;
SET ROLE td_reader;
SELECT tablediffusion_create_table('mine', 'people', 10);
SELECT count(*) FROM mine;

-- A model trained anew keeps its grants; one that is dropped does not.
SET ROLE td_maker;
SELECT tablediffusion_train('people', 1, options => '{"rounds": 0}', replace => true);
SET ROLE td_reader;
SELECT count(*) FROM tablediffusion_sample('people', 10);
SET ROLE td_maker;
SELECT tablediffusion_drop('people');
SELECT tablediffusion_train('people', 1, options => '{"rounds": 0}');
SET ROLE td_reader;
SELECT count(*) FROM tablediffusion_sample('people', 10);

-- Everybody, and nobody again.
SET ROLE td_maker;
SELECT tablediffusion_grant('people', 'public');
SET ROLE td_reader;
SELECT count(*) FROM tablediffusion_sample('people', 10);
SELECT grantee FROM tablediffusion.grants;
SET ROLE td_maker;
SELECT tablediffusion_revoke('people', 'public');
SELECT tablediffusion_revoke('people', 'public');
SET ROLE td_reader;
SELECT count(*) FROM tablediffusion_sample('people', 10);
RESET ROLE;

-- A grant to a role that is dropped afterwards is a grant to nobody.
SELECT tablediffusion_grant('people', 'td_leaver');
DROP OWNED BY td_leaver;
DROP ROLE td_leaver;
CREATE ROLE td_leaver;
SET ROLE td_leaver;
SELECT count(*) FROM tablediffusion_sample('people', 10);
RESET ROLE;

-- A wrapper that runs as its owner samples as its owner. What it tells its caller has been charged: here the warning that
-- gives away about how many rows there are.
CREATE FUNCTION wrapped() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog
AS $$ SELECT count(*) FROM public.tablediffusion_sample('people', 10) $$;
CREATE FUNCTION wrapped_training() RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog
AS $$ SELECT public.tablediffusion_train('public.people', 20, 'wrapped', 0.4, replace => true, options => '{"rounds": 0}') $$;
SET ROLE td_leaver;
SELECT wrapped();
SET client_min_messages = notice;
\set VERBOSITY terse
BEGIN;
SELECT wrapped_training();
ROLLBACK;
\set VERBOSITY default
SELECT count(*) FROM tablediffusion_sample('wrapped', 10);
RESET client_min_messages;
RESET ROLE;
SELECT outcome FROM tablediffusion.ledger WHERE model = 'wrapped';

DROP OWNED BY td_maker, td_reader, td_member, td_leaver CASCADE;
DROP ROLE td_maker, td_reader, td_member, td_leaver;
