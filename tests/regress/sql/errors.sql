-- Bad input: SQLSTATE, DETAIL and HINT of each.
SET client_min_messages = warning;
CREATE EXTENSION tablediffusion;
CREATE TABLE people AS SELECT i % 50 + 18 AS age, (ARRAY['f', 'm'])[i % 2 + 1] AS sex FROM generate_series(1, 1000) AS i;
CREATE FUNCTION report(command text) RETURNS TABLE (code text, message text, details text, advice text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE command;
    RETURN QUERY SELECT '00000', 'no error', '', '';
EXCEPTION WHEN others THEN
    GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, details = PG_EXCEPTION_DETAIL,
                            advice = PG_EXCEPTION_HINT;
    RETURN NEXT;
END $$;
\pset format unaligned
\pset expanded on
\pset footer off
SELECT * FROM report($$SELECT tablediffusion_train('people', 0)$$);
SELECT * FROM report($$SELECT tablediffusion_train('people', -1)$$);
SELECT * FROM report($$SELECT tablediffusion_train('people', 'NaN')$$);
SELECT * FROM report($$SELECT tablediffusion_train('people', 'Infinity')$$);
SELECT * FROM report($$SELECT tablediffusion_train('people', NULL)$$);
SELECT * FROM report($$SELECT tablediffusion_train(NULL, 1)$$);
SELECT * FROM report($$SELECT tablediffusion_train('people', 1, delta => 0)$$);
SELECT * FROM report($$SELECT tablediffusion_train('people', 1, delta => 1)$$);
SELECT * FROM report($$SELECT tablediffusion_train('people', 1, delta => 'NaN')$$);
SELECT * FROM report($$SELECT tablediffusion_train('nowhere', 1)$$);
SELECT * FROM report($$SELECT tablediffusion_train(4294967295::oid::regclass, 1)$$);
SELECT code, message, details FROM report($$SELECT tablediffusion_train('people', 1, method => 'magic')$$);
SELECT * FROM report($$SELECT tablediffusion_train('people', 1, method => NULL)$$);
SELECT * FROM report($$SELECT tablediffusion_train('people', 1, method => 'tablediffusion', options => '{"magic": 1}')$$);
SELECT * FROM report($$SELECT tablediffusion_train('people', 1, method => 'tablediffusion', options => '{"epochs": "many"}')$$);
SELECT * FROM report($$SELECT tablediffusion_train('people', 1, options => '[1]')$$);
SELECT * FROM report($$SELECT tablediffusion_train('people', 1, columns => '{age,nothing}')$$);
SELECT * FROM report($$SELECT tablediffusion_train('people', 1, exclude => '{Age}')$$);
SELECT * FROM report($$SELECT tablediffusion_train('people', 1, exclude => '{age,NULL}')$$);
SELECT * FROM report($$SELECT tablediffusion_train('people', 1, exclude => '{age,sex}')$$);
SELECT * FROM report($$SELECT tablediffusion_train('people', 1, columns => '{}')$$);
SELECT * FROM report($$SELECT tablediffusion_train('people', 1, model => '')$$);
SELECT * FROM report($$SELECT tablediffusion_train('people', 1, model => repeat('x', 201))$$);
CREATE TABLE shapes (a int, p point);
SELECT code, message, advice FROM report($$SELECT tablediffusion_train('shapes', 1)$$);
-- By the statistics, the table has so many rows that the draws of noise exceed delta. Nothing is charged.
CREATE TABLE vast AS SELECT 1 AS a;
UPDATE pg_class SET reltuples = 1e8 WHERE oid = 'vast'::regclass;
SELECT * FROM report($$SELECT tablediffusion_train('vast', 1, delta => 1e-9, method => 'wgan')$$);
SELECT * FROM report($$SELECT * FROM tablediffusion_plan('vast', 1, delta => 1e-9, method => 'wgan', rows => 100000000)$$);
SELECT count(*) AS charged FROM tablediffusion.ledger WHERE source = 'public.vast';
CREATE TABLE empty_row ();
SELECT * FROM report($$SELECT tablediffusion_train('empty_row', 1)$$);
SET tablediffusion.memory_limit = '1MB';
SELECT code, message, advice FROM report($$SELECT tablediffusion_train('people', 1, method => 'tablediffusion')$$);
RESET tablediffusion.memory_limit;

SELECT * FROM report($$SELECT tablediffusion_train('people', 20, method => 'tablediffusion', options => '{"epochs": 0.1}')$$);
SELECT * FROM report($$SELECT tablediffusion_train('people', 20)$$);
SELECT * FROM report($$SELECT tablediffusion_sample('nothing', 1)$$);
SELECT * FROM report($$SELECT tablediffusion_sample(NULL, 1)$$);
SELECT * FROM report($$SELECT tablediffusion_sample('people', 0)$$);
SELECT * FROM report($$SELECT tablediffusion_sample('people', -5)$$);
SELECT * FROM report($$SELECT tablediffusion_sample('people', NULL::bigint)$$);
SELECT * FROM report($$SELECT tablediffusion_sample('people', 1, 1)$$);
SELECT * FROM report($$SELECT tablediffusion_sample('people', 1, NULL::record)$$);
CREATE TABLE stranger (age int, height int, weight int);
SELECT * FROM report($$SELECT tablediffusion_sample('people', 1, NULL::stranger)$$);
CREATE TABLE changed (age date, sex text);
SELECT * FROM report($$SELECT tablediffusion_sample('people', 1, NULL::changed)$$);
SELECT * FROM report($$SELECT tablediffusion_create_table('people', 'people', 1)$$);
SELECT * FROM report($$SELECT tablediffusion_create_table('a.b.c.d', 'people', 1)$$);
SELECT * FROM report($$SELECT tablediffusion_create_table('x); DROP TABLE people; --', 'people', 1)$$);
SELECT * FROM report($$SELECT tablediffusion_create_table('"x); DROP TABLE people; --"', 'people', 1)$$);
SELECT count(*) FROM people;
SELECT * FROM report($$SELECT tablediffusion_drop('nothing')$$);
SELECT * FROM report($$SELECT tablediffusion_drop('people'' OR true; --')$$);

-- Damaged and newer models.
UPDATE tablediffusion.models_store SET bytes = set_byte(bytes, 100, get_byte(bytes, 100) # 1);
SELECT * FROM report($$SELECT tablediffusion_sample('people', 1)$$);
UPDATE tablediffusion.models_store SET bytes = set_byte(set_byte(bytes, 100, get_byte(bytes, 100) # 1), 8, 200);
SELECT * FROM report($$SELECT tablediffusion_sample('people', 1)$$);
UPDATE tablediffusion.models_store SET bytes = 'short';
SELECT * FROM report($$SELECT tablediffusion_sample('people', 1)$$);
\pset format aligned
\pset expanded off
