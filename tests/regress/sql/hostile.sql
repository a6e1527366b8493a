-- Tables that are hard to learn from, and sources that try to say what they hold.
SET client_min_messages = notice;
CREATE EXTENSION tablediffusion;

-- Empty, one row, all NULL, constant.
CREATE TABLE nobody (age int, sex text, born date, ok boolean NOT NULL);
CREATE TABLE one AS SELECT 42 AS age, 'planted' || '-value' AS sex, date '1999-01-01' AS born, true AS ok;
CREATE TABLE nulls AS SELECT NULL::int AS age, NULL::text AS sex, NULL::date AS born, NULL::boolean AS ok FROM generate_series(1, 1000);
CREATE TABLE constant AS SELECT 42 AS age, 'same' AS sex, date '1999-01-01' AS born, true AS ok FROM generate_series(1, 1000);
SELECT tablediffusion_train('nobody', 1, delta => 1e-9, method => 'tablediffusion', options => '{"epochs": 0.1}');
SELECT tablediffusion_train('one', 1, delta => 1e-9, method => 'tablediffusion', options => '{"epochs": 0.1}');
SELECT tablediffusion_train('nulls', 20, method => 'tablediffusion', options => '{"epochs": 0.1}');
SELECT tablediffusion_train('constant', 20, method => 'tablediffusion', options => '{"epochs": 0.1}');
SELECT count(*) FROM tablediffusion_sample('nobody', 100, NULL::nobody);
SELECT count(*), count(*) FILTER (WHERE sex LIKE 'planted%') AS planted FROM tablediffusion_sample('one', 1000, NULL::one);
SELECT count(*) FROM tablediffusion_sample('nulls', 100, NULL::nulls);
SELECT count(*), count(*) FILTER (WHERE sex = 'same') > 50 AS same FROM tablediffusion_sample('constant', 100, NULL::constant);
SELECT name, jsonb_array_length("values") AS released FROM tablediffusion.columns
WHERE model = 'one' AND kind = 'categories' AND domain = 'learned';

-- Each text held by one row only: none may come out.
CREATE TABLE diverse AS SELECT 'planted' || '-value-' || i AS word, i % 3 AS n FROM generate_series(1, 100000) AS i;
SELECT tablediffusion_train('diverse', 1, method => 'tablediffusion', options => '{"epochs": 0.1}');
SELECT name, jsonb_array_length("values") AS released FROM tablediffusion.columns WHERE model = 'diverse' AND kind = 'categories';
SELECT count(*) FROM tablediffusion_sample('diverse', 1000) AS j WHERE j ->> 'word' LIKE 'planted%';
-- Where NULL cannot be either, the plainest value of the type stands in.
CREATE TABLE strict AS SELECT word, gen_random_uuid() AS token, n FROM diverse LIMIT 1000;
ALTER TABLE strict ALTER word SET NOT NULL, ALTER token SET NOT NULL;
SELECT tablediffusion_train('strict', 1, delta => 1e-9, method => 'tablediffusion', options => '{"epochs": 0.1}');
SELECT tablediffusion_create_table('strict_copy', 'strict', 100);
SELECT DISTINCT word, token FROM strict_copy;
SELECT DISTINCT j ->> 'word' AS word, j ->> 'token' AS token FROM tablediffusion_sample('strict', 100) AS j;

-- delta that is large for the table; what is said of it depends on a noisy count.
\set VERBOSITY terse
SELECT tablediffusion_train('constant', 20, delta => 0.4, model => 'careless', method => 'tablediffusion', options => '{"epochs": 0.1}') = 'careless' AS trained;
\set VERBOSITY default

-- Sources that raise errors with values in them: neither the client nor the log sees the words.
CREATE TABLE base AS SELECT i AS n, CASE WHEN i = 700 THEN 'planted' || '-value' ELSE '1' END AS t FROM generate_series(1, 1000) AS i;
CREATE VIEW bad_cast AS SELECT n % 10 AS n, t::int AS t FROM base;
CREATE VIEW bad_division AS SELECT 1 / (n - 700) AS q FROM base;
CREATE FUNCTION shout(text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RAISE DEBUG 'here: %', $1;
    RAISE LOG 'here: %', $1;
    RAISE INFO 'here: %', $1;
    RAISE NOTICE 'here: %', $1;
    RAISE WARNING 'here: %', $1;
    PERFORM set_config('client_min_messages', 'debug5', true);
    IF $1 <> '1' THEN RAISE EXCEPTION 'saw %', $1 USING DETAIL = $1, HINT = $1, ERRCODE = 'query_canceled'; END IF;
    RETURN $1;
END $$;
CREATE VIEW shouting AS SELECT shout(t) AS t FROM base;
CREATE VIEW counting AS SELECT n FROM base WHERE t::int > 0;
SELECT tablediffusion_train('bad_cast', 1);
SELECT tablediffusion_train('bad_division', 1);
SELECT tablediffusion_train('shouting', 1);
SELECT tablediffusion_train('counting', 1);
DO $$ BEGIN
    PERFORM tablediffusion_train('bad_cast', 1);
EXCEPTION WHEN OTHERS THEN RAISE NOTICE 'caught: % %', SQLSTATE, SQLERRM;
END $$;
DO $$ BEGIN
    PERFORM tablediffusion_train('shouting', 1);
EXCEPTION WHEN OTHERS THEN RAISE NOTICE 'caught: % %', SQLSTATE, SQLERRM;
END $$;
-- Neither does what a source says reach anybody while its rows are compared.
SELECT count(*) FROM tablediffusion_quality('shouting', 'shouting');
-- Settings are as they were after an error.
SHOW client_min_messages;

-- 1,600 columns.
DO $$ BEGIN
    EXECUTE (SELECT format('CREATE TABLE wide (%s)', string_agg(format('c%s int CHECK (c%s BETWEEN 0 AND 3)', i, i), ', '))
             FROM generate_series(1, 1600) AS i);
END $$;
INSERT INTO wide (c1, c800, c1600) SELECT i % 4, i % 4, i % 4 FROM generate_series(1, 50) AS i;
SET client_min_messages = warning;
SELECT tablediffusion_train('wide', 1, delta => 1e-9, method => 'tablediffusion', options => '{"epochs": 0.1, "hidden": [8]}');
SELECT count(*) FROM tablediffusion_sample('wide', 10, NULL::wide);
