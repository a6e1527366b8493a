-- Privacy units of several rows.
SET client_min_messages = warning;
CREATE EXTENSION tablediffusion;
CREATE FUNCTION report(command text) RETURNS TABLE (code text, message text, details text, advice text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE command;
    RETURN QUERY SELECT '00000', 'no error', '', '';
EXCEPTION WHEN others THEN
    GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, details = PG_EXCEPTION_DETAIL,
                            advice = PG_EXCEPTION_HINT;
    RETURN NEXT;
END $$;
-- Trains quickly; at this epsilon the noise of a count of units has a standard deviation below 15.
CREATE FUNCTION quick(source regclass, unit name, m int, model text) RETURNS text LANGUAGE sql AS $$
    SELECT tablediffusion_train(source, 20, model => model, privacy_unit => unit, rows_per_unit => m, replace => true,
                                method => 'tablediffusion', options => '{"epochs": 0.05, "hidden": [8]}')
$$;

-- 1,000 patients of 2 to 8 visits, whose names must not come out.
CREATE TABLE visits AS
SELECT patient AS id, 'planted' || '-value-' || patient AS patient, (ARRAY['cold', 'flu', 'fall'])[(patient + visit) % 3 + 1] AS reason,
       (patient * 7 + visit) % 40 AS days, '{}'::jsonb AS notes
FROM generate_series(1, 1000) AS patient, generate_series(0, 1 + patient % 7) AS visit;

-- Bad arguments.
\pset format unaligned
\pset expanded on
\pset footer off
SELECT * FROM report($$SELECT tablediffusion_train('visits', 1, rows_per_unit => 3)$$);
SELECT * FROM report($$SELECT tablediffusion_train('visits', 1, exclude => '{notes}', privacy_unit => 'patient', rows_per_unit => 0)$$);
SELECT * FROM report($$SELECT tablediffusion_train('visits', 1, exclude => '{notes}', privacy_unit => 'patient', rows_per_unit => -2)$$);
SELECT * FROM report($$SELECT tablediffusion_train('visits', 1, exclude => '{notes}', privacy_unit => 'patient', rows_per_unit => 10001)$$);
SELECT * FROM report($$SELECT tablediffusion_train('visits', 1, exclude => '{notes}', privacy_unit => 'Patient')$$);
SELECT * FROM report($$SELECT tablediffusion_train('visits', 1, exclude => '{notes}', privacy_unit => 'ctid')$$);
SELECT * FROM report($$SELECT tablediffusion_train('visits', 1, exclude => '{notes}', privacy_unit => 'x"; DROP TABLE visits; --')$$);
SELECT * FROM report($$SELECT tablediffusion_train('visits', 1, exclude => '{notes}', privacy_unit => 'notes')$$);
SELECT * FROM report($$SELECT tablediffusion_train('visits', 1, exclude => '{notes}', privacy_unit => 'patient', domain => '{"patient": {"values": ["a"]}}')$$);
SELECT * FROM report($$SELECT tablediffusion_train('visits', 1, columns => '{id}', privacy_unit => 'id')$$);
\pset format aligned
\pset expanded off
\pset footer on

-- Every method; the ledger says who is protected. By default one row of each unit is used.
ALTER TABLE visits DROP COLUMN notes;
SELECT tablediffusion_train('visits', 20, model => 'guided', privacy_unit => 'patient', rows_per_unit => 5);
SELECT tablediffusion_train('visits', 20, model => 'noise', privacy_unit => 'patient', rows_per_unit => 5, method => 'tablediffusion',
                            options => '{"epochs": 1}');
SELECT tablediffusion_train('visits', 20, model => 'denoiser', privacy_unit => 'patient', rows_per_unit => 5, method => 'tablediffusion_denoiser',
                            options => '{"epochs": 1}');
SELECT tablediffusion_train('visits', 20, model => 'one', privacy_unit => 'patient');
SELECT tablediffusion_train('visits', 20, model => 'rows', exclude => '{patient}');
SELECT model, neighbours, privacy_unit, rows_per_unit FROM tablediffusion.ledger ORDER BY id;
SELECT model, stages -> 0 -> 'stages' -> 0 ->> 'name' AS first, stages -> 0 -> 'stages' -> 1 ->> 'name' AS second
FROM tablediffusion.ledger ORDER BY id;
SELECT l.model, abs(m.noisy_rows - truth.used) < 12 * 15 * coalesce(rows_per_unit, 1) AS close
FROM tablediffusion.ledger AS l JOIN tablediffusion.models AS m ON m.name = l.model,
     LATERAL (SELECT sum(least(n, coalesce(rows_per_unit, 1000))) AS used
              FROM (SELECT count(*) AS n FROM visits GROUP BY patient) AS sizes) AS truth
WHERE l.model <> 'rows' ORDER BY l.id;
SELECT name, domain, kind, "values" FROM tablediffusion.columns WHERE model = 'guided' AND name = 'patient';
SELECT bool_and(abs(s.share - t.share) < 0.1) AS learned
FROM (SELECT reason, count(*) / 5000.0 AS share FROM tablediffusion_sample('guided', 5000, NULL::visits) GROUP BY 1) AS s
JOIN (SELECT reason, count(*) / (SELECT count(*) FROM visits)::float8 AS share FROM visits GROUP BY 1) AS t USING (reason);

-- Synthetic rows have fresh units, where they are asked for, and none of the old.
SELECT patient FROM tablediffusion_sample('guided', 3, NULL::visits);
SELECT count(DISTINCT j ->> 'patient') AS units, count(*) FILTER (WHERE j ->> 'patient' LIKE 'planted%') AS planted
FROM tablediffusion_sample('guided', 1000) AS j;
CREATE TYPE no_unit AS (reason text, days int);
SELECT count(*), count(reason) > 50 AS reasons FROM tablediffusion_sample('guided', 100, NULL::no_unit);
SELECT tablediffusion_create_table('copied', 'guided', 100);
SELECT count(DISTINCT patient) FROM copied;
SELECT obj_description('copied'::regclass) LIKE '%neighbouring tables: add or remove all rows of one "patient" (at most 5 used)%' AS told;
-- Left out, it still says whose a row is.
SELECT tablediffusion_train('visits', 20, model => 'excluded', exclude => '{patient}', privacy_unit => 'patient', rows_per_unit => 2,
                            method => 'tablediffusion', options => '{"epochs": 0.05}');
SELECT tablediffusion_train('visits', 20, model => 'chosen', columns => '{reason, days}', privacy_unit => 'patient', rows_per_unit => 2,
                            method => 'tablediffusion', options => '{"epochs": 0.05}');
SELECT model, string_agg(name, ', ' ORDER BY ordinal) FROM tablediffusion.columns WHERE model IN ('excluded', 'chosen') GROUP BY 1 ORDER BY 1;
SELECT model, privacy_unit, rows_per_unit FROM tablediffusion.ledger WHERE model IN ('excluded', 'chosen') ORDER BY id;
SELECT count(*), count(patient) FROM tablediffusion_sample('excluded', 100, NULL::visits);

-- Units of every kind: what is equal in SQL is one unit. With one row of each, rows are units.
CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE TABLE kinds AS
SELECT (n % 1000)::int2 AS int2, n % 1000 AS int4, n % 1000 + 9007199254740992 AS int8,
       (n % 1000)::text AS text, (n % 1000)::varchar(9) AS varchar, (n % 1000)::char(9) AS bpchar,
       lpad((n % 1000)::text, 32, '0')::uuid AS uuid,
       date '2000-01-01' + n % 1000 AS date, time '00:00' + n % 1000 * interval '1 us' AS time,
       timestamp '2000-01-01' + n % 1000 * interval '1 us' AS timestamp,
       timestamptz '2000-01-01' + n % 1000 * interval '1 us' AS timestamptz,
       (n % 1000 / 10.0)::float4 AS float4, n % 1000 * -1e-300::float8 AS float8,
       CASE WHEN n < 1000 THEN round(n % 1000 / 10.0, 1) ELSE round(n % 1000 / 10.0, 5) END AS numeric,
       (n % 1000 / 100.0)::numeric(8, 2) AS decimal,
       CASE WHEN n < 1000 THEN n % 1000 * interval '1 mon' ELSE n % 1000 * interval '30 days' END AS interval,
       repeat((n % 1000)::text, 1000) AS long,
       n % 3 AS value
FROM generate_series(0, 4999) AS n;
SELECT name, quick('kinds', name::name, 1, 'kind ' || name) = 'kind ' || name AS trained
FROM unnest('{int2,int4,int8,text,varchar,bpchar,uuid,date,time,timestamp,timestamptz,float4,float8,numeric,decimal,interval,long}'::text[]) AS name;
SELECT name, abs(noisy_rows - 1000) < 12 * 15 AS thousand, neighbours FROM tablediffusion.models WHERE name LIKE 'kind %' ORDER BY name;
SELECT model, domain FROM tablediffusion.columns AS c
WHERE model LIKE 'kind %' AND model = 'kind ' || c.name ORDER BY model;
-- Few units, and values that are equal though they are stored in two ways.
CREATE TABLE few AS
SELECT (n % 2 = 0) AS bool, (ARRAY['sad', 'glad'])[n % 2 + 1]::mood AS mood,
       (ARRAY['0', '-0', 'NaN'])[n % 3 + 1]::float8 AS float8, (ARRAY['NaN', '0', '-0'])[n % 3 + 1]::float4 AS float4,
       (ARRAY['1', '1.000', '-0', '0.0', 'NaN'])[n % 5 + 1]::numeric AS numeric, (ARRAY['a', 'a  '])[n % 2 + 1]::char(5) AS bpchar,
       n % 4 AS value
FROM generate_series(1, 3000) AS n;
SELECT name, quick('few', name::name, 1, 'few ' || name) = 'few ' || name AS trained FROM unnest('{bool,mood,float8,float4,numeric,bpchar}'::text[]) AS name;
SELECT name, noisy_rows < 12 * 15 AS few FROM tablediffusion.models WHERE name LIKE 'few %' ORDER BY 1;
SELECT count(*), count(bool) FROM tablediffusion_sample('few bool', 100, NULL::few);

-- Each row whose unit is NULL is a unit by itself.
CREATE TABLE nulls AS SELECT CASE WHEN n <= 2000 THEN n % 500 END AS unit, n % 3 AS value FROM generate_series(1, 5000) AS n;
SELECT quick('nulls', 'unit', 1, 'nulls');
SELECT abs(noisy_rows - 3500) < 12 * 15 AS close FROM tablediffusion.models WHERE name = 'nulls';

-- Where the catalogs say that units are rows, they are treated as such.
CREATE TABLE people (id int PRIMARY KEY, badge int UNIQUE, later int UNIQUE DEFERRABLE, part int, age int);
CREATE UNIQUE INDEX ON people (part) WHERE age > 50;
INSERT INTO people SELECT n, 2 * n, n, n, n % 50 FROM generate_series(1, 2000) AS n;
CREATE TABLE parent (id int UNIQUE, age int);
INSERT INTO parent SELECT n, n % 50 FROM generate_series(1, 500) AS n;
CREATE TABLE child () INHERITS (parent);
INSERT INTO child SELECT * FROM parent;
SELECT quick('people', 'id', 7, 'unique id'), quick('people', 'badge', NULL, 'unique badge'), quick('people', 'later', 3, 'deferred'),
       quick('people', 'part', 3, 'partial'), quick('parent', 'id', 3, 'inherited');
SELECT model, neighbours, privacy_unit, rows_per_unit FROM tablediffusion.ledger
WHERE model IN ('unique id', 'unique badge', 'deferred', 'partial', 'inherited') ORDER BY model;
SELECT name, domain FROM tablediffusion.columns WHERE model = 'unique badge' ORDER BY ordinal;

-- Views, partitions; and a view that shows other rows at every look.
CREATE VIEW seen AS SELECT patient, reason, days FROM visits WHERE days > 5;
CREATE TABLE parted (unit int, value int) PARTITION BY RANGE (value);
CREATE TABLE parted_low PARTITION OF parted FOR VALUES FROM (0) TO (5);
CREATE TABLE parted_high PARTITION OF parted FOR VALUES FROM (5) TO (100);
INSERT INTO parted SELECT n % 300, n % 10 FROM generate_series(1, 3000) AS n;
CREATE VIEW restless AS SELECT (random() * 400)::int AS unit, n % 5 AS value FROM generate_series(1, (1000 + random() * 1000)::int) AS n;
SELECT quick('seen', 'patient', 3, 'seen'), quick('parted', 'unit', 4, 'parted'), quick('restless', 'unit', 2, 'restless');
SELECT tablediffusion_train('restless', 20, model => 'restless', replace => true, privacy_unit => 'unit', rows_per_unit => 2);
SELECT name, abs(noisy_rows - 1200) < 12 * 15 * 4 AS close FROM tablediffusion.models WHERE name = 'parted';

-- 10,000 rows, most of them of few units: these do not speak for the others, and what only they hold does not come out.
CREATE TABLE skewed AS
SELECT CASE WHEN n <= 7000 THEN n % 3 ELSE n END AS unit,
       CASE WHEN n <= 7000 THEN 'planted' || '-value' WHEN n % 2 = 0 THEN 'common' ELSE 'usual' END AS word,
       CASE WHEN n <= 7000 THEN 999999 ELSE n % 10 END AS number
FROM generate_series(1, 10000) AS n;
SELECT tablediffusion_train('skewed', 5, model => 'skewed', privacy_unit => 'unit', rows_per_unit => 3);
SELECT abs(noisy_rows - 3009) < 12 * 60 * 3 AS close FROM tablediffusion.models WHERE name = 'skewed';
SELECT count(*) FILTER (WHERE word LIKE 'planted%') AS planted, count(*) FILTER (WHERE word = 'common') BETWEEN 300 AND 700 AS common,
       count(*) FILTER (WHERE number > 100000) AS far
FROM tablediffusion_sample('skewed', 1000, NULL::skewed);
SELECT jsonb_array_length("values") AS released FROM tablediffusion.columns WHERE model = 'skewed' AND name = 'word';

-- Whether delta is large is a matter of units, not of rows.
CREATE TABLE long_lives AS SELECT n % 40 AS unit, n % 4 AS value FROM generate_series(1, 20000) AS n;
\set VERBOSITY terse
SELECT tablediffusion_train('long_lives', 20, delta => 0.001, model => 'careful', privacy_unit => 'unit', rows_per_unit => 100,
                            method => 'tablediffusion', options => '{"epochs": 0.1}') = 'careful' AS trained;
SELECT tablediffusion_train('long_lives', 20, delta => 0.2, model => 'careless', privacy_unit => 'unit', rows_per_unit => 100,
                            method => 'tablediffusion', options => '{"epochs": 0.1}') = 'careless' AS trained;
\set VERBOSITY default

-- The unit's column has to be readable.
DROP ROLE IF EXISTS td_analyst;
CREATE ROLE td_analyst;
GRANT EXECUTE ON FUNCTION tablediffusion_train TO td_analyst;
GRANT SELECT (reason, days) ON visits TO td_analyst;
SET ROLE td_analyst;
SELECT tablediffusion_train('visits', 20, model => 'theirs', columns => '{reason, days}', privacy_unit => 'patient');
RESET ROLE;
GRANT SELECT (patient) ON visits TO td_analyst;
SET ROLE td_analyst;
SELECT tablediffusion_train('visits', 20, model => 'theirs', columns => '{reason, days}', privacy_unit => 'patient',
                            method => 'tablediffusion', options => '{"epochs": 0.05}');
SELECT model, privacy_unit, rows_per_unit FROM tablediffusion.ledger;
RESET ROLE;
REVOKE ALL ON FUNCTION tablediffusion_train FROM td_analyst;
REVOKE ALL ON visits FROM td_analyst;
