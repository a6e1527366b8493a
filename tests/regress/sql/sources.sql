-- Everything that SELECT can read can be a source, whatever it is called.
SET client_min_messages = warning;
CREATE EXTENSION tablediffusion;
CREATE TABLE plain AS SELECT i AS n, (ARRAY['f', 'm'])[i % 2 + 1] AS sex, i % 60 AS age FROM generate_series(1, 2000) AS i;
CREATE VIEW seen AS SELECT sex, age FROM plain WHERE age > 10;
CREATE MATERIALIZED VIEW kept AS SELECT sex, age FROM plain;
CREATE TABLE parted (sex text, age int) PARTITION BY RANGE (age);
CREATE TABLE parted_low PARTITION OF parted FOR VALUES FROM (0) TO (30);
CREATE TABLE parted_high PARTITION OF parted FOR VALUES FROM (30) TO (100);
INSERT INTO parted SELECT sex, age FROM plain;
CREATE TABLE parent (sex text, age int);
CREATE TABLE child () INHERITS (parent);
INSERT INTO child SELECT sex, age FROM plain;

SELECT tablediffusion_train(source, 20, method => 'tablediffusion', options => '{"epochs": 0.1}')
FROM unnest('{plain,seen,kept,parted,parent}'::regclass[]) AS source;
SELECT name, source, round(noisy_rows / 400) * 400 AS about, columns FROM tablediffusion.models ORDER BY name;
SELECT model, name, domain, jsonb_array_length("values") AS released
FROM tablediffusion.columns WHERE name = 'sex' ORDER BY model;

-- Not everything is a relation with rows of its own.
CREATE INDEX plain_age ON plain (age);
CREATE TYPE pair AS (a int, b int);
CREATE SEQUENCE counter;
SELECT tablediffusion_train('plain_age', 1);
SELECT tablediffusion_train('pair', 1);
SELECT tablediffusion_train('counter', 1);

-- Columns: chosen, excluded, generated, dropped, quoted.
CREATE TABLE "odd ""Näme" (
    "Select" text,
    "with "" quote" int,
    "数" int GENERATED ALWAYS AS ("with "" quote" * 2) STORED,
    gone text,
    picture bytea,
    "{a,b}" int[]
);
ALTER TABLE "odd ""Näme" DROP COLUMN gone;
INSERT INTO "odd ""Näme" ("Select", "with "" quote") SELECT 'x''y', i % 10 FROM generate_series(1, 1000) AS i;
SELECT tablediffusion_train('"odd ""Näme"', 20, exclude => '{picture,"{a,b}"}', method => 'tablediffusion', options => '{"epochs": 0.1}');
SELECT model, ordinal, name, domain FROM tablediffusion.columns WHERE model LIKE 'odd%' ORDER BY ordinal;
SELECT count(*), count("with "" quote") > 0 AS quote, count(picture) AS left_out
FROM tablediffusion_sample('odd "Näme', 100, NULL::"odd ""Näme");
SELECT tablediffusion_create_table('"odd ""copy"', 'odd "Näme', 100);
SELECT count(*) FROM "odd ""copy";
SELECT tablediffusion_train('plain', 20, model => 'two', columns => '{sex,age}', method => 'tablediffusion', options => '{"epochs": 0.1}');
SELECT tablediffusion_train('plain', 20, model => 'one', columns => '{sex,age}', exclude => '{age}', method => 'tablediffusion', options => '{"epochs": 0.1}');
SELECT model, name FROM tablediffusion.columns WHERE model IN ('one', 'two') ORDER BY 1, 2;

-- Keys are generated and never read: planted values that would raise an error if they were looked at.
CREATE TABLE keyed (
    id bigint GENERATED ALWAYS AS IDENTITY,
    code text PRIMARY KEY,
    token uuid UNIQUE,
    tag varchar(6) UNIQUE,
    counted smallserial,
    weight int
);
INSERT INTO keyed (code, token, tag, weight)
SELECT 'planted' || '-value-' || i, gen_random_uuid(), 't' || i, i % 10 FROM generate_series(1, 500) AS i;
SELECT tablediffusion_train('keyed', 20, method => 'tablediffusion', options => '{"epochs": 0.1}');
SELECT name, domain, kind, "values" FROM tablediffusion.columns WHERE model = 'keyed' AND name <> 'weight' ORDER BY ordinal;
SELECT id, code, tag, counted FROM tablediffusion_sample('keyed', 3, NULL::keyed);
SELECT count(DISTINCT token) FROM tablediffusion_sample('keyed', 5000, NULL::keyed, seed => 1);
SELECT count(*) FROM tablediffusion_sample('keyed', 40000, NULL::keyed);
SELECT count(*) FROM tablediffusion_sample('keyed', 5000) AS j WHERE j ->> 'code' LIKE 'planted%';
CREATE TABLE only_keys (id serial PRIMARY KEY, token uuid UNIQUE);
SELECT tablediffusion_train('only_keys', 1);
CREATE TABLE composite (a int, b int, c int, PRIMARY KEY (a, b));
INSERT INTO composite SELECT i % 10, i, i % 3 FROM generate_series(1, 500) AS i;
SELECT tablediffusion_train('composite', 20, method => 'tablediffusion', options => '{"epochs": 0.1}');
SELECT name, domain FROM tablediffusion.columns WHERE model = 'composite' ORDER BY ordinal;
