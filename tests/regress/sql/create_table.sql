-- Tables to share.
SET client_min_messages = warning;
CREATE EXTENSION tablediffusion;
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE DOMAIN percent AS int CHECK (VALUE BETWEEN 0 AND 100);
CREATE TABLE source (id serial PRIMARY KEY, feeling mood, part percent NOT NULL, price numeric(8, 2), words varchar(20), padded char(4),
                     moment timestamp(0), note text);
-- Out of line and compressed.
ALTER TABLE source ALTER note SET STORAGE EXTENDED;
ALTER TABLE source SET (toast_tuple_target = 128);
INSERT INTO source (feeling, part, price, words, padded, moment, note)
SELECT (ARRAY['sad', 'happy'])[i % 2 + 1]::mood, i % 101, i % 30 * 0.25, 'word ' || i % 5, 'ab', timestamp '2024-01-01' + i * interval '1 min',
       repeat('x', 900)
FROM generate_series(1, 1000) AS i;
SELECT tablediffusion_train('source', 50, method => 'tablediffusion', options => '{"epochs": 0.1}');
SELECT tablediffusion_create_table('copy', 'source', 10001, seed => 1);
\d copy
SELECT count(*), min(id), max(id), count(DISTINCT words) > 1 AS words, max(length(note)) AS note FROM copy;
SELECT regexp_replace(obj_description('copy'::regclass), '\d{4}-.*', 'when') AS comment;
-- The same rows as sampling makes.
SELECT count(*) FROM (SELECT * FROM copy EXCEPT SELECT * FROM tablediffusion_sample('source', 10001, NULL::source, seed => 1)) AS d;
-- It is a table like any other.
CREATE INDEX ON copy (id);
UPDATE copy SET note = 'y' WHERE id = 5;
ANALYZE copy;
SET enable_seqscan = off;
SELECT note FROM copy WHERE id = 5;
RESET enable_seqscan;

SELECT tablediffusion_create_table('pg_temp.temporary', 'source', 10) IS NOT NULL AS made;
CREATE SCHEMA "Odd schema";
SELECT tablediffusion_create_table('"Odd schema"."Copy"', 'source', 10);
SELECT count(*) FROM "Odd schema"."Copy";
SELECT tablediffusion_create_table('copy', 'source', 10);
SELECT tablediffusion_create_table('nowhere.copy', 'source', 10);

-- Within a transaction: undone with it.
BEGIN;
SELECT tablediffusion_create_table('undone', 'source', 10);
SELECT count(*) FROM undone;
ROLLBACK;
SELECT to_regclass('undone');

-- An event trigger that meddles is noticed.
CREATE FUNCTION meddle() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_regclass('meddled') IS NOT NULL THEN EXECUTE 'CREATE INDEX ON meddled (id)'; END IF;
END $$;
CREATE EVENT TRIGGER meddle ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION meddle();
SELECT tablediffusion_create_table('meddled', 'source', 10);
DROP EVENT TRIGGER meddle;
SELECT to_regclass('meddled');
