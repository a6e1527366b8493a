-- What fuzz/sql.py plays with: relations of every sort and type, roles with few rights, and trained models.
SET statement_timeout = 60000;
SET client_min_messages = warning;
CREATE EXTENSION tablediffusion;
CREATE ROLE td_few;
CREATE ROLE td_some;
GRANT CREATE ON SCHEMA public TO td_some;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO td_some;

CREATE TYPE mood AS ENUM ('fine', 'so so', 'ba''d');
CREATE DOMAIN grade AS numeric(5, 2) CHECK (VALUE BETWEEN 0 AND 100);
CREATE DOMAIN word AS varchar(20) NOT NULL CHECK (VALUE <> '' AND length(VALUE) < 20);
CREATE TABLE kinds (
    id bigint PRIMARY KEY, yes boolean, small int2, "a b" int4 NOT NULL CHECK ("a b" >= 0), large int8, real4 float4,
    "quote""d" float8, exact numeric, price numeric(9, 2), "grün" text, fixed char(4), feeling mood, token uuid, born date,
    at time(0), stamp timestamp(3), zoned timestamptz, lasted interval, mark grade, said word, doc jsonb, list int[],
    twice int GENERATED ALWAYS AS ("a b" * 2) STORED, UNIQUE ("a b", large), CHECK (price > 0 OR exact IS NULL));
INSERT INTO kinds SELECT i, i % 3 = 0, i % 50, i, i * 1000, i / 7.0, i % 13 / 3.0, i % 99, i % 90 + 0.25,
       CASE WHEN i = 7 THEN 'planted-value 7' ELSE 'word ' || i % 5 END, 'c' || i % 3, (enum_range(NULL::mood))[i % 3 + 1],
       md5(i::text)::uuid, date '2000-01-01' + i, time '00:00' + i * interval '7 s', timestamp '2020-01-01' + i * interval '1 s',
       timestamptz '2020-01-01 UTC' + i * interval '1 h', i * interval '1 min', i % 100, 'said ' || i % 4, '{"a": 1}', '{1}'
FROM generate_series(1, 2000) AS i;
CREATE SCHEMA "Odd Schema";
CREATE TABLE "Odd Schema"."odd ""name'" ("select" int, "$1 \ %s" text, "planted" text UNIQUE);
INSERT INTO "Odd Schema"."odd ""name'" SELECT i % 9, 'x' || i % 3, 'planted-value ' || i FROM generate_series(1, 500) AS i;
CREATE TABLE visits (person int, place text, length float8);
INSERT INTO visits SELECT i % 300, 'place ' || i % 6, i % 17 FROM generate_series(1, 3000) AS i;
CREATE TABLE empty (a int, b text);
CREATE TABLE single AS SELECT 'planted-value 1'::text AS only_one, 'NaN'::float8 AS n, 'infinity'::timestamp AS t;
CREATE TABLE no_columns ();
CREATE TABLE unsupported (doc json, list int[], at_all point);
CREATE TABLE parts (a int, b text) PARTITION BY RANGE (a);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (100);
INSERT INTO parts SELECT i % 100, 'p' || i % 4 FROM generate_series(1, 500) AS i;
CREATE TABLE child (c int) INHERITS (visits);
CREATE VIEW seen AS SELECT person, upper(place) AS place FROM visits WHERE length > 3;
CREATE VIEW wrong AS SELECT 1 / (person - 7) AS n, place FROM visits;
CREATE MATERIALIZED VIEW stored AS SELECT * FROM visits;
CREATE TABLE hidden AS SELECT * FROM visits;
ALTER TABLE hidden ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON hidden USING (person < 100);
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN visits_domain AS visits CHECK ((VALUE).person >= 0);
CREATE SEQUENCE counter;
GRANT SELECT ON visits, parts, seen, hidden, wrong TO td_some;
GRANT SELECT ("a b", price, born) ON kinds TO td_some;
-- Methods that the HINT lists.
CREATE FUNCTION known_methods() RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    hint text;
BEGIN
    PERFORM tablediffusion_plan('visits', 1, method => '');
EXCEPTION WHEN invalid_parameter_value THEN
    GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
    RETURN string_to_array(rtrim(split_part(hint, ': ', 2), '.'), ', ');
END $$;
SELECT tablediffusion_train('kinds', 50, exclude => '{at,doc,list,twice}', options => '{"rounds": 2}');
SELECT tablediffusion_train('visits', 50, privacy_unit => 'person', rows_per_unit => 5);
SELECT tablediffusion_train('visits', 3, 'small', method => 'wgan', options => '{"epochs": 1, "hidden": [8], "latent": 4}');
SELECT tablediffusion_grant('visits', 'td_some');
