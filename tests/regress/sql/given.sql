-- Rows that have given values.
SET client_min_messages = warning;
CREATE EXTENSION tablediffusion;
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TABLE people (id serial PRIMARY KEY, sex text NOT NULL, age int CHECK (age BETWEEN 0 AND 99), pregnant boolean, feeling mood,
                     price numeric(8, 2) CHECK (price BETWEEN 0 AND 100), code char(4), seen timestamptz, note text);
INSERT INTO people (sex, age, pregnant, feeling, price, code, seen, note)
SELECT (ARRAY['Female', 'Male'])[i % 2 + 1], i % 80, i % 20 = 0, CASE WHEN i % 5 > 0 THEN (ARRAY['sad', 'happy'])[i / 2 % 2 + 1]::mood END,
       i % 90 + 0.25, 'c' || i % 3, timestamptz '2024-01-01 00:00+00' + i * interval '1 hour', 'planted-value ' || i
FROM generate_series(1, 6000) AS i;
SELECT tablediffusion_train('people', 50, exclude => '{note}', domain => '{"sex": {"values": ["Female", "Male"]}}');
SELECT tablediffusion_train('people', 50, 'network', exclude => '{note}', method => 'tablediffusion', options => '{"epochs": 0.1}');

-- Every row has the values, and there are as many as asked for.
SELECT count(*), count(DISTINCT sex) AS sexes, min(sex) AS sex, min(id), max(id)
FROM tablediffusion_sample('people', 5000, NULL::people, given => '{"sex": "Female"}', seed => 1);
SELECT count(*), min(r ->> 'sex') AS sex, max(r ->> 'sex') AS same
FROM tablediffusion_sample('people', 5000, given => '{"sex": "Female"}', seed => 1) AS r;
-- They are the model's rows that have it, in their order; only numbers are drawn anew within their bins, and so are texts
-- that the model knows as others.
WITH every AS (
    SELECT ROW(pregnant, feeling) AS r, row_number() OVER () AS n
    FROM tablediffusion_sample('people', 4000, NULL::people, seed => 1) WHERE sex = 'Female'
), given AS (
    SELECT ROW(pregnant, feeling) AS r, row_number() OVER () AS n
    FROM tablediffusion_sample('people', 5000, NULL::people, given => '{"sex": "Female"}', seed => 1)
)
SELECT count(*) > 1900 AS many, count(*) FILTER (WHERE every.r IS DISTINCT FROM given.r) AS differ FROM every LEFT JOIN given USING (n);
-- Equal seeds give equal rows, also as JSON and in a table of their own.
SELECT tablediffusion_create_table('women', 'people', 500, seed => 1, given => '{"sex": "Female", "feeling": "sad"}');
SELECT count(*), count(*) FILTER (WHERE sex = 'Female' AND feeling = 'sad') AS fit FROM women;
SELECT count(*) AS differ FROM
    (SELECT * FROM women EXCEPT
     SELECT id, sex, age, pregnant, feeling, price, code, seen
     FROM tablediffusion_sample('people', 500, NULL::people, given => '{"sex": "Female", "feeling": "sad"}', seed => 1)) AS d;

-- Values of every kind come back as they were given.
SELECT DISTINCT age, pregnant, feeling FROM tablediffusion_sample('people', 10, NULL::people, given => '{"age": 35, "pregnant": false, "feeling": null}');
SELECT DISTINCT price, code FROM tablediffusion_sample('people', 10, NULL::people, given => '{"price": "12.34", "code": "c0"}');
SELECT DISTINCT r -> 'seen' AS seen FROM tablediffusion_sample('people', 10, given => '{"seen": "2024-03-03 12:34:56+02"}') AS r;
SELECT count(*), min(sex) AS sex FROM tablediffusion_sample('network', 10, NULL::people, given => '{"sex": "Male"}');
SELECT count(*) FROM tablediffusion_sample('people', 10, NULL::people, given => '{}');
SELECT count(*) FROM tablediffusion_sample('people', 10, NULL::people, given => NULL);

-- What cannot be given. No message holds a value.
CREATE FUNCTION refusal(given jsonb, model text DEFAULT 'people') RETURNS TABLE (code text, message text, details text, advice text)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM * FROM tablediffusion_sample(model, 3, given => given, seed => 1);
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, details = PG_EXCEPTION_DETAIL, advice = PG_EXCEPTION_HINT;
    RETURN NEXT;
END $$;
\pset format unaligned
\pset expanded on
SELECT * FROM refusal('{"height": 3}');
SELECT * FROM refusal('{"id": 3}');
SELECT * FROM refusal('{"note": "planted-value 7"}');
SELECT * FROM refusal('{"sex": ["Male", "Female"]}');
SELECT * FROM refusal('{"age": "planted-value"}');
SELECT * FROM refusal('{"price": "NaN"}');
SELECT * FROM refusal('{"pregnant": "planted-value"}');
SELECT * FROM refusal('{"sex": null}');
SELECT * FROM refusal('{"sex": "planted-value"}');
SELECT * FROM refusal('{"feeling": "planted-value"}');
SELECT * FROM refusal('{"age": 100}');
SELECT * FROM refusal('{"sex": "female"}');
SELECT * FROM refusal('[1]');
-- Values that do not go together.
CREATE TABLE never (a boolean NOT NULL, b boolean NOT NULL, c boolean NOT NULL, d boolean NOT NULL, e boolean NOT NULL, f boolean NOT NULL, g boolean NOT NULL, h boolean NOT NULL);
INSERT INTO never SELECT i % 2 = 0, i % 2 = 0, i % 2 = 0, i % 2 = 0, i % 2 = 0, i % 2 = 0, i % 2 = 0, i % 2 = 0 FROM generate_series(1, 100000) AS i;
SELECT tablediffusion_train('never', 50);
SELECT * FROM refusal('{"a": true, "b": false, "c": true, "d": false, "e": true, "f": false, "g": true, "h": false}', 'never');
-- The search for them can be cancelled.
SET statement_timeout = '300ms';
SELECT code, message FROM refusal('{"a": true, "b": false, "c": true, "d": false, "e": true, "f": false, "g": true, "h": false}', 'never');
RESET statement_timeout;
