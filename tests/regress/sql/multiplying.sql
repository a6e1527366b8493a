-- A row of a table may change many rows of a view: what is promised of the view's rows is then not promised of the table's.
SET client_min_messages = warning;
CREATE EXTENSION tablediffusion;
DROP ROLE IF EXISTS td_owner, td_analyst;
CREATE ROLE td_owner;
CREATE ROLE td_analyst;
GRANT CREATE ON SCHEMA public TO td_owner, td_analyst;
GRANT EXECUTE ON FUNCTION tablediffusion_train TO td_owner, td_analyst;
-- Quick trainings, and what became of them without their words.
CREATE FUNCTION try(source regclass, unit name DEFAULT NULL, epsilon float8 DEFAULT 0.1) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN 'trained ' || tablediffusion_train(source, epsilon, 'm' || source::oid, 1e-8, privacy_unit => unit, replace => true,
                                              options => '{"rounds": 0}') IS NOT NULL;
EXCEPTION WHEN feature_not_supported OR configuration_limit_exceeded THEN
    RETURN SQLSTATE;
END $$;
GRANT EXECUTE ON FUNCTION try TO PUBLIC;
SET ROLE td_owner;
CREATE TABLE people (person int PRIMARY KEY, town text NOT NULL, age int NOT NULL);
INSERT INTO people SELECT i, CASE WHEN i = 7 THEN 'planted' || '-value' ELSE 'town ' || i % 4 END, 20 + i % 50 FROM generate_series(1, 1000) AS i;
CREATE TABLE visits (visit int PRIMARY KEY, person int NOT NULL, ward int NOT NULL);
INSERT INTO visits SELECT i, 1 + i % 1000, i % 3 FROM generate_series(1, 4000) AS i;
CREATE TABLE wards (ward int PRIMARY KEY, beds int NOT NULL);
INSERT INTO wards VALUES (0, 10), (1, 20), (2, 30);
SELECT tablediffusion_set_budget(t, 20, 1e-5) FROM unnest('{people,visits}'::regclass[]) AS t;
GRANT SELECT ON people, visits, wards TO td_analyst;

SET ROLE td_analyst;
-- Each row of the source is one row of one table, or of none.
CREATE VIEW projected AS SELECT age + 1 AS older, upper(town) AS town FROM people;
CREATE VIEW filtered AS SELECT * FROM projected WHERE older > 30 AND town <> '' ORDER BY older;
CREATE VIEW of_both AS SELECT age FROM people UNION ALL SELECT ward FROM visits UNION ALL SELECT 1 UNION ALL VALUES (2), (3);
CREATE VIEW by_today AS SELECT date_part('year', age(now(), '2000-01-01'::timestamptz))::int + age AS y FROM people;
SELECT source, try(source) FROM unnest('{people,projected,filtered,of_both,by_today}'::regclass[]) AS source;
-- The attack: one person's town two hundred times, and an exact sum in each row.
CREATE VIEW multiplied AS SELECT p.* FROM people AS p, generate_series(1, 200);
CREATE VIEW summed AS SELECT age, sum(age) OVER () AS total FROM people;
CREATE VIEW grouped AS SELECT town, count(*) AS n FROM people GROUP BY town;
CREATE VIEW distinct_towns AS SELECT DISTINCT town FROM people;
CREATE VIEW a_few AS SELECT * FROM people LIMIT 100;
CREATE VIEW sampled AS SELECT * FROM people TABLESAMPLE SYSTEM (50);
CREATE VIEW unnested AS SELECT generate_series(1, age) AS a FROM people;
CREATE VIEW looked_up AS SELECT age, (SELECT max(p.age) FROM people AS p) AS oldest FROM people;
CREATE VIEW filtered_by AS SELECT age FROM people WHERE person IN (SELECT v.person FROM visits AS v);
CREATE VIEW twice AS SELECT age FROM people UNION ALL SELECT age FROM people;
CREATE VIEW distinct_union AS SELECT age FROM people UNION SELECT ward FROM visits;
CREATE VIEW with_query AS WITH q AS MATERIALIZED (SELECT * FROM people) SELECT q.age FROM q;
CREATE VIEW joined AS SELECT p.person, p.age, v.ward FROM people AS p JOIN visits AS v USING (person);
CREATE VIEW random_rows AS SELECT age FROM people WHERE random() < 0.9;
CREATE VIEW as_xml AS SELECT age, length(table_to_xml('people', false, false, '')::text) AS n FROM people;
CREATE VIEW placed AS SELECT ((ctid::text)::point)[1]::int AS at FROM people;
CREATE MATERIALIZED VIEW kept AS SELECT * FROM grouped;
CREATE VIEW replaced AS SELECT p.town FROM people AS p, generate_series(1, 200);
CREATE MATERIALIZED VIEW kept_of_old AS SELECT * FROM replaced;
CREATE OR REPLACE VIEW replaced AS SELECT p.town FROM people AS p;
SELECT source, try(source) FROM unnest('{multiplied,summed,grouped,distinct_towns,a_few,sampled,unnested,looked_up,filtered_by,twice,
    distinct_union,with_query,joined,random_rows,as_xml,placed,kept,kept_of_old}'::regclass[]) AS source;
SELECT count(*) AS models FROM tablediffusion.models WHERE source ~ 'multiplied|summed|grouped|twice|joined|kept';
\set VERBOSITY default
SET client_min_messages = notice;
SELECT tablediffusion_train('multiplied', 1);
SELECT stage, note FROM tablediffusion_plan('multiplied', 1) WHERE stage IN ('protected', 'budget');
SET client_min_messages = warning;
-- A function is taken at its word if a superuser or the owner of the table made it, and says that it looks at nothing else.
CREATE FUNCTION mine(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE VIEW by_mine AS SELECT mine(age) AS age FROM people;
GRANT SELECT ON by_mine TO td_owner;
SET ROLE td_owner;
CREATE FUNCTION owners(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1 / 10; END';
CREATE FUNCTION unsettled(int) RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN RETURN $1 / 10; END';
CREATE VIEW by_owners AS SELECT owners(age) AS age FROM people;
CREATE VIEW by_unsettled AS SELECT unsettled(age) AS age FROM people;
SELECT source, try(source) FROM unnest('{by_mine,by_owners,by_unsettled}'::regclass[]) AS source;
-- Types that somebody made run functions too, wherever PostgreSQL's own make or take values of theirs.
SET ROLE td_analyst;
CREATE FUNCTION looks(int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
    PERFORM set_config('my.total', (SELECT sum(p.age) FROM people AS p)::text, false);
    RETURN true;
END $$;
CREATE DOMAIN looking AS int CHECK (looks(VALUE));
CREATE TYPE holder AS (l looking);
CREATE VIEW by_array AS SELECT cardinality(('{' || age || '}')::looking[]) AS n, current_setting('my.total', true) AS total FROM people;
CREATE VIEW by_record AS SELECT (json_populate_record(NULL::holder, json_build_object('l', age))).l::int AS n FROM people;
SELECT source, try(source) FROM unnest('{by_array,by_record}'::regclass[]) AS source;
SET ROLE td_owner;

-- Units that all tables behind a view carry make up for it: a person's rows there are the person's rows here.
CREATE VIEW person_visits AS SELECT v.person, p.age, v.ward FROM people AS p JOIN visits AS v ON v.person = p.person;
CREATE VIEW left_visits AS SELECT p.person AS who, p.age, v.ward FROM people AS p LEFT JOIN visits AS v ON p.person = v.person;
CREATE VIEW using_visits AS SELECT person, age, ward FROM people JOIN visits USING (person);
CREATE VIEW over_left AS SELECT who, ward FROM left_visits, generate_series(1, 2);
CREATE VIEW right_visits AS SELECT p.person AS who, v.ward FROM people AS p RIGHT JOIN visits AS v ON p.person = v.person;
CREATE VIEW by_town AS SELECT p.person, q.age FROM people AS p JOIN people AS q ON p.town = q.town;
CREATE VIEW with_beds AS SELECT v.person, w.beds FROM visits AS v JOIN wards AS w USING (ward);
CREATE VIEW computed AS SELECT p.person + 0 AS person, v.ward FROM people AS p JOIN visits AS v ON v.person = p.person;
CREATE VIEW ranked AS SELECT person, row_number() OVER (PARTITION BY person) AS nr FROM visits;
-- What an outer join is joined on holds in rows that find a partner alone; rows of nobody are units one by one.
CREATE VIEW unmatched AS SELECT a.person, c.age FROM visits AS a CROSS JOIN people AS c LEFT JOIN generate_series(1, 1) AS b ON a.person = c.person;
CREATE TABLE homeless AS SELECT nullif(person % 9, 0) AS household, town FROM people;
CREATE VIEW of_nobody AS SELECT h.* FROM homeless AS h, generate_series(1, 200);
GRANT SELECT ON homeless TO td_analyst;
SELECT tablediffusion_set_budget('homeless', 20, 1e-5);
SELECT source, unit, try(source, unit) FROM (VALUES ('unmatched'::regclass, 'person'::name), ('of_nobody', 'household'), ('person_visits', 'person'), ('left_visits', 'who'), ('over_left', 'who'), ('using_visits', 'person'),
    ('right_visits', 'who'), ('by_town', 'person'), ('with_beds', 'person'), ('computed', 'person'), ('ranked', 'person'),
    ('person_visits', 'ward')) AS v (source, unit);

-- Policies that read tables: whether a row is seen depends on other rows.
CREATE TABLE guarded AS SELECT person, age FROM people;
CREATE TABLE guests (person int);
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY older ON guarded USING (age > 30 AND CURRENT_USER <> 'nobody');
SELECT tablediffusion_set_budget('guarded', 20, 1e-5);
GRANT SELECT ON guarded, guests TO td_analyst;
SET ROLE td_analyst;
SELECT try('guarded');
SET ROLE td_owner;
CREATE POLICY more ON guarded USING (person IN (SELECT g.person FROM guests AS g));
SET ROLE td_analyst;
SELECT try('guarded');
-- The owner is subject to no policy.
SET ROLE td_owner;
SELECT tablediffusion_train('guarded', 0.1, 'owned', 1e-8, options => '{"rounds": 0}');

-- Without a budget it is allowed, said, and marked; a budget that comes later does not count it.
SELECT tablediffusion_set_budget('people', NULL);
SET ROLE td_analyst;
SET client_min_messages = notice;
SELECT tablediffusion_train('multiplied', 0.1, options => '{"rounds": 0}');
SET client_min_messages = warning;
SELECT source, charged, source_rows_only FROM tablediffusion.ledger ORDER BY id DESC LIMIT 1;
SELECT tablediffusion_report('multiplied') ~ 'not about rows of the tables behind it' AS said;
SET ROLE td_owner;
SET client_min_messages = notice;
SELECT tablediffusion_set_budget('people', 3, 1e-5);
SET client_min_messages = warning;
SELECT trainings > 0 AS counted, spent_epsilon < 3 AS within FROM tablediffusion.budgets WHERE source = 'public.people';

-- A view that is replaced while it is read reads something else than what was looked at.
CREATE FUNCTION replace_it() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'CREATE OR REPLACE VIEW changing AS SELECT w.beds AS n, replace_it() AS b FROM wards AS w, generate_series(1, 3)';
    RETURN true;
END $$;
CREATE VIEW changing AS SELECT 1 AS n, replace_it() AS b FROM people WHERE replace_it();
SELECT tablediffusion_set_budget('people', NULL);
SELECT tablediffusion_train('changing', 0.1, options => '{"rounds": 0}');
SELECT outcome <> 'model made' AS no_model FROM tablediffusion.ledger ORDER BY id DESC LIMIT 1;

-- One that is dropped by a function that planning calls.
CREATE FUNCTION drop_it(int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'DROP VIEW IF EXISTS dropped'; RETURN $1; END $$;
CREATE VIEW dropped AS SELECT beds FROM wards WHERE drop_it(beds) IS NOT NULL;
SELECT tablediffusion_train('dropped', 0.1, options => '{"rounds": 0}');

-- Names. A budget that was planted on a name that nobody used yet does not keep the default away from its next owner.
SET ROLE td_analyst;
CREATE TABLE salaries (a int);
SELECT tablediffusion_set_budget('salaries', 1e6, 1e-6);
DROP TABLE salaries;
SET ROLE td_owner;
CREATE TABLE salaries AS SELECT i % 7 AS a FROM generate_series(1, 500) AS i;
RESET ROLE;
SET tablediffusion.default_budget = 0.5;
SELECT try('salaries');
RESET tablediffusion.default_budget;
SELECT source, epsilon, trainings, role FROM tablediffusion.budgets WHERE source = 'public.salaries' ORDER BY role;
-- A table of a former name shows nothing of its past to another owner and spends nothing of it; to the same owner it does.
SET ROLE td_owner;
CREATE TABLE diagnoses AS SELECT i % 7 AS a FROM generate_series(1, 500) AS i;
SELECT tablediffusion_set_budget('diagnoses', 0.15, 1e-5);
SELECT try('diagnoses');
DROP TABLE diagnoses;
SET ROLE td_analyst;
CREATE TABLE diagnoses AS SELECT i % 7 AS a FROM generate_series(1, 500) AS i;
SELECT count(*) AS shown FROM tablediffusion.ledger WHERE source = 'public.diagnoses';
SELECT count(*) AS budgets FROM tablediffusion.budgets WHERE source = 'public.diagnoses';
SELECT try('diagnoses', epsilon => 1) AS not_limited;
SELECT tablediffusion_set_budget('diagnoses', 9, 1e-5);
DROP TABLE diagnoses;
SET ROLE td_owner;
CREATE TABLE diagnoses AS SELECT i % 7 AS a FROM generate_series(1, 500) AS i;
SELECT source, epsilon, trainings FROM tablediffusion.budgets WHERE source = 'public.diagnoses';
SELECT try('diagnoses') AS limited;

RESET ROLE;
DROP OWNED BY td_owner, td_analyst CASCADE;
DROP ROLE td_owner, td_analyst;
