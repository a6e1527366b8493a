-- A timeout is answered at once at every stage, and leaves nothing behind.
SET client_min_messages = warning;
CREATE EXTENSION tablediffusion;
CREATE TABLE people AS SELECT i % 50 + 18 AS age, (ARRAY['f', 'm'])[i % 2 + 1] AS sex FROM generate_series(1, 200000) AS i;
CREATE VIEW slow AS SELECT age, sex FROM people, LATERAL (SELECT pg_sleep(0.01) WHERE age = 20) AS s;

-- While counting and reading.
SELECT clock_timestamp() AS began \gset
SET statement_timeout = '300ms';
SELECT tablediffusion_train('slow', 1);
RESET statement_timeout;
SELECT clock_timestamp() - :'began' < interval '800 ms' AS at_once;

-- While training.
SELECT clock_timestamp() AS began \gset
SET statement_timeout = '2s';
SELECT tablediffusion_train('people', 1, method => 'tablediffusion', options => '{"epochs": 1000}');
RESET statement_timeout;
SELECT clock_timestamp() - :'began' < interval '2500 ms' AS at_once;

-- While sampling.
SELECT tablediffusion_train('people', 1, method => 'tablediffusion', options => '{"epochs": 0.1}');
SELECT clock_timestamp() AS began \gset
SET statement_timeout = '500ms';
SELECT count(*) FROM tablediffusion_sample('people', 1000000000);
RESET statement_timeout;
SELECT clock_timestamp() - :'began' < interval '1000 ms' AS at_once;
SELECT clock_timestamp() AS began \gset
SET statement_timeout = '500ms';
SELECT tablediffusion_create_table('too_large', 'people', 1000000000);
RESET statement_timeout;
SELECT clock_timestamp() - :'began' < interval '1000 ms' AS at_once;

SELECT count(*) AS models FROM tablediffusion.models;
SELECT count(*) AS charges FROM tablediffusion.ledger;
SELECT to_regclass('too_large');
-- The session lives on.
SELECT count(*) FROM tablediffusion_sample('people', 10);
