-- Each kind of column, with NULLs, there and back.
SET client_min_messages = warning;
CREATE EXTENSION tablediffusion;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN percent AS int CHECK (VALUE BETWEEN 0 AND 100);
CREATE DOMAIN grade AS text CHECK (VALUE IN ('a', 'b', 'c')) NOT NULL;
CREATE DOMAIN better AS percent CHECK (VALUE >= 50);
CREATE TABLE kinds (
    id serial PRIMARY KEY,
    flag boolean,
    small int2,
    normal int4 NOT NULL,
    large int8,
    single float4,
    double float8,
    price numeric(8, 2),
    wide numeric(30, 10),
    thousands numeric(3, -3),
    free numeric,
    words text,
    short varchar(10),
    padded char(5),
    feeling mood,
    part percent,
    mark grade,
    fine better,
    day date,
    clock time,
    minute time(0),
    moment timestamp,
    second timestamp(0),
    instant timestamptz,
    span interval,
    thing uuid
);
INSERT INTO kinds
SELECT nextval('kinds_id_seq'), i % 3 = 0, i % 7, i % 100, i % 5 * 10000000000, i % 4 / 2.0, sqrt(i), i % 50 * 1.25, i % 20 * 0.5, i % 10 * 1000,
       i % 30 / 4.0, (ARRAY['red', 'grün', '藍', 'quo"te', E'new\nline'])[i % 5 + 1], 'v' || i % 4, 'c' || i % 3,
       (ARRAY['sad', 'ok', 'happy'])[i % 3 + 1]::mood, i % 100, (ARRAY['a', 'b', 'c'])[i % 3 + 1], 50 + i % 50,
       date '2020-01-01' + i % 365, time '08:00' + i % 600 * interval '1 minute', time '08:00' + i % 600 * interval '1 second',
       timestamp '2020-01-01' + i * interval '1 hour', timestamp '2020-01-01' + i * interval '1 second',
       timestamptz '2020-01-01 00:00+00' + i * interval '1 hour', i % 48 * interval '1 hour',
       ('00000000-0000-0000-0000-00000000000' || i % 4)::uuid
FROM generate_series(1, 2000) AS i;
INSERT INTO kinds (normal, mark) SELECT i % 100, 'a' FROM generate_series(1, 500) AS i;
INSERT INTO kinds (normal, mark, single, double, free, day, moment, instant)
VALUES (1, 'a', 'NaN', 'NaN', 'NaN', 'infinity', '-infinity', 'infinity'),
       (1, 'a', 'Infinity', '-Infinity', 1e300, '-infinity', 'infinity', '-infinity');

SELECT tablediffusion_train('kinds', 50, method => 'tablediffusion', options => '{"epochs": 0.1}');
SELECT ordinal, name, type, nullable, domain, kind FROM tablediffusion.columns WHERE model = 'kinds' ORDER BY ordinal;
SELECT name, "values" -> 0 ->> 'value' AS first, jsonb_array_length("values") AS n
FROM tablediffusion.columns WHERE kind = 'categories' AND domain = 'declared' ORDER BY ordinal;

-- No other file shows which types can be modelled.
CREATE TABLE unsupported (picture bytea, "{a,b}" int[]);
SELECT tablediffusion_train('unsupported', 1);
SELECT tablediffusion_train('unsupported', 1, exclude => '{picture}');

-- One in five is NULL, give or take noise.
SELECT name, null_share FROM tablediffusion.columns
WHERE model = 'kinds' AND domain = 'learned' AND nullable AND null_share NOT BETWEEN 0.15 AND 0.25;
SELECT count(*) FROM tablediffusion.columns WHERE model = 'kinds' AND NOT nullable AND null_share IS NOT NULL;

-- Typed rows: every value passes the type it came from, so that a table with its constraints takes them all.
CREATE TABLE again (LIKE kinds INCLUDING CONSTRAINTS);
INSERT INTO again SELECT * FROM tablediffusion_sample('kinds', 3000, NULL::kinds, seed => 1);
SELECT count(*), count(DISTINCT id) AS ids, min(id), max(id) FROM again;
SELECT count(normal) = 3000 AS normal, count(mark) = 3000 AS mark, bool_or(NOT (again IS NOT NULL)) AS some_null FROM again;
SELECT bool_and(normal BETWEEN -50 AND 200) AS normal, bool_and(price * 100 = trunc(price * 100)) AS price,
       bool_and(thousands % 1000 = 0) AS thousands,
       bool_and(date_trunc('second', second) = second) AS second,
       bool_and(date_trunc('second', minute) = minute) AS minute,
       bool_and(words IN ('red', 'grün', '藍', 'quo"te', E'new\nline')) AS words,
       bool_and(padded IN ('c0', 'c1', 'c2')) AS padded, bool_and(part BETWEEN 0 AND 100) AS part,
       bool_and(isfinite(day)) AS day, bool_and(isfinite(moment)) AS moment
FROM again;

-- The same rows as jsonb.
SELECT e.key, string_agg(DISTINCT jsonb_typeof(e.value), ',') AS json
FROM tablediffusion_sample('kinds', 500, seed => 1) AS j, jsonb_each(j) AS e WHERE e.value <> 'null' GROUP BY 1 ORDER BY 1;
SELECT count(*) FROM (
    SELECT to_jsonb(k) - '{single,double,free,wide,instant,padded}'::text[]
    FROM tablediffusion_sample('kinds', 300, NULL::kinds, seed => 5) AS k
    EXCEPT
    SELECT j - '{single,double,free,wide,instant,padded}'::text[] FROM tablediffusion_sample('kinds', 300, seed => 5) AS j
) AS different;

-- A fixed seed gives the same rows, and the first rows do not depend on how many are asked for.
SELECT count(*) FROM (
    SELECT row_number() OVER () AS i, s::text FROM tablediffusion_sample('kinds', 5000, NULL::kinds, seed => 3) AS s
    EXCEPT
    SELECT row_number() OVER () AS i, s::text FROM tablediffusion_sample('kinds', 6000, NULL::kinds, seed => 3) AS s
) AS different;
SELECT count(*) > 0 AS seeds_differ FROM (
    SELECT s::text FROM tablediffusion_sample('kinds', 100, NULL::kinds, seed => 3) AS s
    EXCEPT SELECT s::text FROM tablediffusion_sample('kinds', 100, NULL::kinds, seed => 4) AS s
) AS different;
SELECT count(*) > 0 AS unseeded_differ FROM (
    SELECT s::text FROM tablediffusion_sample('kinds', 100, NULL::kinds) AS s
    EXCEPT SELECT s::text FROM tablediffusion_sample('kinds', 100, NULL::kinds) AS s
) AS different;

-- In a target list, and with LIMIT.
SELECT count(*) FROM (SELECT tablediffusion_sample('kinds', 10)) AS s;
SELECT count(*) FROM (SELECT * FROM tablediffusion_sample('kinds', 10, NULL::kinds) LIMIT 3) AS s;

-- A row type with some of the columns, in another order, of wider types, with a dropped column in between.
CREATE TABLE some_columns (words varchar, gone int, normal bigint, price float8, id text);
ALTER TABLE some_columns DROP COLUMN gone;
SELECT count(*), count(words) > 0 AS words, count(normal) AS normal, min(id), max(length(id))
FROM tablediffusion_sample('kinds', 1000, NULL::some_columns, seed => 1);

-- A type that is gone or changed since.
CREATE TABLE fewer AS SELECT feeling, normal FROM kinds WHERE feeling IS NOT NULL;
SELECT tablediffusion_train('fewer', 50, method => 'tablediffusion', options => '{"epochs": 0.1}');
DROP TABLE fewer;
SELECT count(*) FROM tablediffusion_sample('fewer', 10);
ALTER TYPE mood RENAME VALUE 'happy' TO 'glad';
CREATE TYPE fewer_row AS (feeling mood, normal int);
SELECT * FROM tablediffusion_sample('fewer', 1000, NULL::fewer_row);
DROP TYPE fewer_row;
DROP TABLE kinds, again;
DROP TYPE mood;
SELECT tablediffusion_create_table('fewer', 'fewer', 10);
SELECT count(*) FROM tablediffusion_sample('fewer', 10);
