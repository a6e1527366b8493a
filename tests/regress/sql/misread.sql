-- Attacks that would have memory read as a type that it does not hold, or work done on a table that was not meant. By
-- roles with few rights, but for what only superusers may do.
SET client_min_messages = notice;
CREATE EXTENSION tablediffusion;
DROP ROLE IF EXISTS td_reader, td_planter, td_owner;
CREATE ROLE td_reader;
CREATE ROLE td_planter;
CREATE ROLE td_owner;
GRANT CREATE ON SCHEMA public TO td_reader, td_planter, td_owner;
GRANT EXECUTE ON FUNCTION tablediffusion_train, tablediffusion_import TO td_reader, td_planter;
SET ROLE td_reader;
CREATE TABLE people (id bigint PRIMARY KEY, word text NOT NULL, age int, token uuid UNIQUE, born timestamp(0), sum numeric(6, 2));
INSERT INTO people SELECT i, 'word ' || i % 4, i % 90, md5(i::text)::uuid, timestamp '2024-01-01' + i * interval '1 h', i % 100 + 0.25
FROM generate_series(1, 2000) AS i;
SELECT tablediffusion_train('people', 50, options => '{"rounds": 0}');

-- create_table: a table of the same name and other types comes first in the search path.
CREATE TEMPORARY TABLE leak (id text, word bigint, age text, token bigint, born text, sum bigint);
SELECT tablediffusion_create_table('public.leak', 'people', 10);
SET search_path = pg_temp, public;
SELECT tablediffusion_create_table('public.leak2', 'people', 10);
SELECT tablediffusion_create_table('leak', 'people', 10);
SET search_path = public;
CREATE TEMPORARY TABLE leak3 (id text, word bigint, age text, token bigint, born text, sum bigint);
SELECT tablediffusion_create_table('leak3', 'people', 10);
SELECT count(*) FROM pg_temp.leak;
SELECT count(*) FROM pg_temp.leak3;
SELECT count(*), count(DISTINCT word) > 1 AS words, bool_and(age BETWEEN 0 AND 90) AS ages FROM public.leak;
SELECT count(*) FROM public.leak3;
SELECT count(*), max(length(word)) AS long FROM leak2;
RESET search_path;
RESET ROLE;
-- create_table: an event trigger puts another table in its place, or changes a column.
CREATE FUNCTION swap() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_regclass('public.swapped') IS NOT NULL AND current_setting('td.swap', true) = 'table' THEN
        PERFORM set_config('td.swap', '', true);
        DROP TABLE public.swapped;
        CREATE TABLE public.swapped (id text, word bigint, age text, token bigint, born text, sum bigint);
    ELSIF to_regclass('public.swapped') IS NOT NULL AND current_setting('td.swap', true) = 'type' THEN
        PERFORM set_config('td.swap', '', true);
        ALTER TABLE public.swapped ALTER sum TYPE numeric(8, 4);
    ELSIF to_regclass('public.swapped') IS NOT NULL AND current_setting('td.swap', true) = 'rule' THEN
        PERFORM set_config('td.swap', '', true);
        CREATE RULE nothing AS ON INSERT TO public.swapped DO ALSO NOTHING;
    END IF;
END $$;
CREATE EVENT TRIGGER swap ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION swap();
SET td.swap = 'table';
SELECT tablediffusion_create_table('swapped', 'people', 10);
SET td.swap = 'type';
SELECT tablediffusion_create_table('swapped', 'people', 10);
SET td.swap = 'rule';
SELECT tablediffusion_create_table('swapped', 'people', 10);
RESET td.swap;
DROP EVENT TRIGGER swap;

-- Typed samples: a domain that is dropped and made again over another type.
CREATE DOMAIN ticket AS bigint;
GRANT USAGE ON TYPE ticket TO td_reader;
SET ROLE td_reader;
CREATE TABLE tickets (number ticket, sort text);
INSERT INTO tickets SELECT i % 50, 'x' FROM generate_series(1, 2000) AS i;
SELECT tablediffusion_train('tickets', 50, options => '{"rounds": 0}');
SELECT count(number) FROM tablediffusion_sample('tickets', 10, NULL::tickets);
RESET ROLE;
DROP DOMAIN ticket CASCADE;
CREATE DOMAIN ticket AS uuid;
SET ROLE td_reader;
CREATE TYPE as_uuid AS (number ticket, sort text);
SELECT * FROM tablediffusion_sample('tickets', 10, NULL::as_uuid);
SELECT tablediffusion_create_table('tickets_copy', 'tickets', 10);
RESET ROLE;
DROP DOMAIN ticket CASCADE;
CREATE DOMAIN ticket AS text CHECK (length(VALUE) < 1);
SET ROLE td_reader;
CREATE TYPE as_text AS (number ticket, sort text);
-- It takes the numbers written, whatever it asks for.
SELECT count(*), bool_and(number::text::bigint BETWEEN 0 AND 50) AS numbers FROM tablediffusion_sample('tickets', 10, NULL::as_text);
-- Nor is anything that another role's domain asks for run, which is said; nothing like it is reached through rows or arrays.
RESET ROLE;
SET ROLE td_planter;
CREATE FUNCTION spy(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'planted code runs as %', current_user; END $$;
CREATE DOMAIN spied AS text CHECK (spy(VALUE));
CREATE DOMAIN spied_number AS spied;
CREATE TYPE spying AS (word spied_number, age int);
CREATE TYPE inner_row AS (word spied);
CREATE CAST (text AS inner_row) WITH INOUT AS ASSIGNMENT;
CREATE CAST (bigint AS inner_row) WITH INOUT AS ASSIGNMENT;
CREATE TYPE spying_row AS (word inner_row);
CREATE TYPE spying_list AS (word spied[]);
SET ROLE td_reader;
SELECT count(word) FROM tablediffusion_sample('people', 5, NULL::spying);
SELECT count(word) FROM tablediffusion_sample('people', 5, NULL::spying_row);
SELECT count(word) FROM tablediffusion_sample('people', 5, NULL::spying_list);
-- Every kind as every type: what no assignment leads to is refused, all else is what it was cast to.
CREATE FUNCTION as_other(model text, name text, other text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
BEGIN
    EXECUTE format('CREATE TYPE other AS (%I %s)', name, other);
    BEGIN
        EXECUTE format('SELECT count(%1$I::text) FROM (SELECT * FROM tablediffusion_sample(%2$L, 20, NULL::other)) AS s', name, model) INTO answer;
    EXCEPTION WHEN datatype_mismatch THEN answer := 'refused';
        WHEN data_exception THEN answer := 'refused, a value';
    END;
    EXECUTE 'DROP TYPE other';
    RETURN answer;
END $$;
SELECT c.name, string_agg(t.other || ': ' || as_other('people', c.name, t.other), ', ' ORDER BY t.place) AS answers
FROM tablediffusion.columns AS c,
     unnest('{boolean,smallint,integer,bigint,real,"double precision",numeric,"numeric(3,1)",text,varchar(3),char(40),uuid,date,time,timestamp(0),timestamptz,interval,jsonb,bytea,int[],int4range,people,"\"char\"",name,oid,money,inet}'::text[])
         WITH ORDINALITY AS t (other, place)
WHERE c.model = 'people' GROUP BY c.ordinal, c.name ORDER BY c.ordinal;
-- A row type that is a domain, no row at all, or gone.
CREATE DOMAIN whole_row AS people;
SELECT count(*) FROM tablediffusion_sample('people', 5, NULL::whole_row);
SELECT count(*) FROM tablediffusion_sample('people', 5, 1);
-- Nobody changes the row type before the transaction ends.
CREATE TYPE few AS (word text, gone int, age int);
ALTER TYPE few DROP ATTRIBUTE gone;
BEGIN;
SELECT count(word), count(age) FROM tablediffusion_sample('people', 5, NULL::few);
SELECT mode FROM pg_locks WHERE relation = (SELECT typrelid FROM pg_type WHERE typname = 'few') AND pid = pg_backend_pid();
COMMIT;

-- A view that replaces itself by one of other types while it is counted.
CREATE FUNCTION turn(to_what text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF to_what <> '' AND to_regtype('public.turned') IS NULL THEN
        CREATE TYPE turned AS (done int);
        DROP VIEW turning;
        EXECUTE to_what;
    END IF;
    RETURN true;
END $$;
CREATE FUNCTION try(from_what text, to_what text, unit name DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text := 'trained';
BEGIN
    DROP TYPE IF EXISTS turned;
    DROP VIEW IF EXISTS turning;
    EXECUTE format(from_what, to_what);
    BEGIN
        PERFORM tablediffusion_train('turning', 1, delta => 1e-9, replace => true, privacy_unit => unit, options => '{"rounds": 0}');
    EXCEPTION WHEN OTHERS THEN answer := SQLSTATE || ' ' || SQLERRM;
    END;
    RETURN answer;
END $$;
SET client_min_messages = error;
SELECT try('CREATE VIEW turning AS SELECT word, age FROM people WHERE turn(%L)', 'CREATE VIEW turning AS SELECT age::bigint * 1000000 AS word, word AS age FROM people');
SELECT try('CREATE VIEW turning AS SELECT word, age FROM people WHERE turn(%L)', 'CREATE VIEW turning AS SELECT 1::bigint AS word, 2::bigint AS age FROM people');
SELECT try('CREATE VIEW turning AS SELECT sum, age FROM people WHERE turn(%L)', 'CREATE VIEW turning AS SELECT sum::numeric(7, 3), age FROM people');
SELECT try('CREATE VIEW turning AS SELECT token AS unit, age FROM people WHERE turn(%L)', 'CREATE VIEW turning AS SELECT 7::bigint AS unit, age FROM people', 'unit');
SELECT try('CREATE VIEW turning AS SELECT word, age FROM people WHERE turn(%L)', '');
RESET client_min_messages;

-- Imported models that say one thing of a column and another of how it is made.
CREATE TABLE exported AS SELECT tablediffusion_export('people') AS bytes;
-- The description is JSON with its length, in two bytes of seven bits, before it.
CREATE FUNCTION described(model bytea, change text, replacement text) RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE
    place int := position('{"source":'::bytea IN model);
    length int := get_byte(model, place - 3) % 128 + 128 * get_byte(model, place - 2);
    old text := convert_from(substr(model, place, length), 'UTF8');
    changed text := regexp_replace(old, change, replacement);
    body bytea := substr(model, 43, place - 45) || set_byte(set_byte('\x0000', 0, 128 + octet_length(changed) % 128), 1, octet_length(changed) / 128)
                  || convert_to(changed, 'UTF8') || substr(model, place + length);
BEGIN
    IF changed = old AND change <> '' THEN RAISE 'nothing is changed by % in %', change, old; END IF;
    RETURN substr(model, 1, 10) || sha256(body) || body;
END $$;
CREATE FUNCTION bring(change text, replacement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM tablediffusion_import(described(bytes, change, replacement), 'brought', replace => true) FROM exported;
    PERFORM tablediffusion_sample('brought', 20);
    PERFORM tablediffusion_sample('brought', 20, NULL::people);
    RETURN 'brought';
EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SELECT described(bytes, '', '') = bytes AS same FROM exported;
SELECT change, replacement, bring(change, replacement) FROM (VALUES
    ('"kind":"uuid","not_null":false,"key":"uuid"', '"kind":"uuid","not_null":false,"key":"number"'),
    ('"kind":"uuid","not_null":false,"key":"uuid"', '"kind":"uuid","not_null":false,"key":"text"'),
    ('"kind":"uuid","not_null":false,"key":"uuid"', '"kind":"int8","not_null":false,"key":"uuid"'),
    ('"kind":"int8","not_null":true,"key":"number"', '"kind":"uuid","not_null":true,"key":"number"'),
    ('"kind":"int8","not_null":true,"key":"number"', '"kind":"date","not_null":true,"key":"number"'),
    ('"kind":"int8","not_null":true,"key":"number"', '"kind":"text","not_null":true,"key":"number"'),
    ('"kind":"int8","not_null":true,"key":"number"', '"kind":"int2","not_null":true,"key":"number"'),
    ('"kind":"text"', '"kind":"int8"'),
    ('"kind":"text"', '"kind":"uuid"'),
    ('"kind":"int4"', '"kind":"text"'),
    ('"kind":"int4"', '"kind":"interval"'),
    ('"kind":"int4"', '"kind":"float8"'),
    ('"unit":1000000', '"unit":0'),
    ('"unit":1000000', '"unit":-9223372036854775808'),
    ('"scale":2', '"scale":2147483647'),
    ('"scale":2', '"scale":-2147483648'),
    ('"name":"age"', '"name":"word"'),
    ('"name":"age"', '"name":""'),
    ('"name":"id"', '"name":"word"'),
    ('"name":"id"', '"name":"a\\u0000b"'),
    ('"ordinal":3', '"ordinal":2'),
    ('"ordinal":3', '"ordinal":-3'),
    ('"type":"integer"', '"type":"integer); DROP TABLE people; --"'),
    ('"type":"integer"', '"type":""'),
    ('"type":"integer"', '"type":"no.such_type"'),
    ('"type":"integer"', '"type":"text"'),
    ('"left_out":\[\]', '"left_out":["age"]'),
    ('"left_out":\[\]', '"left_out":["a","a"]'),
    ('"checks":\[\]', '"checks":[{"name":"c","expression":"nothing > 0","columns":["nothing"]}]'),
    ('"uniques":\[\]', '"uniques":[{"name":"u","columns":["nothing"],"nulls_equal":false}]'),
    ('"uniques":\[\]', '"uniques":[{"name":"u","columns":[],"nulls_equal":false}]'),
    ('"uniques":\[\]', '"uniques":[{"name":"u","columns":["id"],"nulls_equal":false}]')) AS v (change, replacement);
-- Every kind for every column, with every key: refused, or rows come.
DO $$
DECLARE
    kind text;
    key text;
    name text;
    answer text;
BEGIN
    FOREACH name IN ARRAY '{id,word,age,token,born,sum}'::text[] LOOP
        FOREACH kind IN ARRAY '{"\"boolean\"","\"int2\"","\"int8\"","\"float4\"","\"numeric\"","{\"decimal\":{\"scale\":0}}","\"text\"","\"char\"","\"enum\"","\"uuid\"","\"date\"","{\"time\":{\"unit\":1}}","{\"timestamptz\":{\"unit\":1}}","\"interval\""}'::text[] LOOP
            FOREACH key IN ARRAY '{"null","\"number\"","\"uuid\"","\"text\""}'::text[] LOOP
                answer := bring(format('("name":"%s"[^{}]*"kind":)("[a-z0-9]*"|[{][^{}]*[{][^{}]*[}][}])(,"not_null":[a-z]*,"key":)(null|"[a-z]*")', name), '\1' || kind || '\3' || key);
                IF answer <> 'brought' AND answer !~ '^(XX001 argument "bytes" is not a model|42804 row type|42704 type|22000 a synthetic value|P0001 nothing is changed)' THEN
                    RAISE WARNING '% % %: %', name, kind, key, answer;
                END IF;
            END LOOP;
        END LOOP;
    END LOOP;
END $$;
SELECT tablediffusion_drop('brought') FROM tablediffusion.models WHERE name = 'brought';
RESET ROLE;

-- Definitions in SQL that are not those of the library.
CREATE FUNCTION wrong(text, int, jsonb, bigint) RETURNS SETOF jsonb LANGUAGE c AS '$libdir/tablediffusion', 'tablediffusion_sample_json';
CREATE FUNCTION wrong(bigint) RETURNS void LANGUAGE c AS '$libdir/tablediffusion', 'tablediffusion_drop';
CREATE FUNCTION wrong() RETURNS bytea LANGUAGE c AS '$libdir/tablediffusion', 'tablediffusion_export';
CREATE FUNCTION wrong(bigint, bigint, text) RETURNS void LANGUAGE c AS '$libdir/tablediffusion', 'tablediffusion_quality';
SELECT wrong('people', 5, NULL, NULL);
SELECT wrong(1234567890);
SELECT wrong();
SELECT wrong(1, 2, 'x');
-- JSON that Rust does not take.
SELECT count(*) FROM tablediffusion_sample('people', 5, given => '{"age": 1e400}');
SELECT count(*) FROM tablediffusion_sample('people', 5, given => (repeat('{"age":', 200) || '1' || repeat('}', 200))::jsonb);

-- refresh_table: planted overloads that fit better, as who has the extension's schema.
SET ROLE td_planter;
CREATE FUNCTION planted() RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'planted code runs as %', current_user; END $$;
CREATE FUNCTION tablediffusion_sample(model text, n bigint, row_type people, given jsonb, seed bigint) RETURNS SETOF people LANGUAGE plpgsql AS
$$ BEGIN PERFORM planted(); RETURN; END $$;
CREATE FUNCTION tablediffusion_sample(model text, n bigint, row_type record, given jsonb, seed bigint) RETURNS SETOF people LANGUAGE plpgsql AS
$$ BEGIN PERFORM planted(); RETURN; END $$;
SET ROLE td_reader;
SELECT tablediffusion_create_table('shared', 'people', 10);
SELECT tablediffusion_refresh_table('shared', 'people', 20);
SELECT count(*) FROM shared;
-- A table of the name that the rows have.
CREATE TABLE tablediffusion_rows (LIKE people);
SELECT tablediffusion_refresh_table('shared', 'people', 21);
SELECT count(*) FROM shared;
-- Triggers, defaults, domains and computed columns of an owner, as a superuser and as a member of the owner.
SELECT tablediffusion_grant('people', 'public');
RESET ROLE;
SET ROLE td_owner;
CREATE FUNCTION who() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN RAISE NOTICE '% as %', TG_OP, current_user; RETURN NULL; END IF;
    IF NEW.id = 1 THEN RAISE NOTICE '% as %', TG_OP, current_user; END IF;
    RETURN NEW;
END $$;
CREATE FUNCTION says(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE '% as %', $1, current_user; RETURN true; END $$;
CREATE DOMAIN checked AS text CHECK (VALUE <> 'word 1' OR says('domain'));
CREATE TABLE trap (twice int GENERATED ALWAYS AS (age * 2) STORED, id bigint GENERATED ALWAYS AS IDENTITY, word checked NOT NULL, age int,
                   CHECK (id > 1 OR says('check')));
CREATE TRIGGER who BEFORE INSERT ON trap FOR EACH ROW EXECUTE FUNCTION who();
CREATE TRIGGER gone AFTER DELETE ON trap FOR EACH STATEMENT EXECUTE FUNCTION who();
RESET ROLE;
SELECT tablediffusion_refresh_table('trap', 'people', 5, given => '{"word": "word 1", "age": 40}');
SELECT count(*), min(id), max(id), min(word), min(twice) FROM trap;
SELECT current_user;
COMMENT ON TABLE trap IS 'Synthetic rows from model "people"';
GRANT td_owner TO td_reader;
SET ROLE td_reader;
DO $$ BEGIN
    RAISE NOTICE 'before, %', current_user;
    PERFORM tablediffusion_refresh_table('trap', 'people', 1, given => '{"word": "word 1"}');
    RAISE NOTICE 'after, %', current_user;
    ALTER TABLE trap ADD CHECK (says('again') AND age IS NULL);
EXCEPTION WHEN OTHERS THEN RAISE NOTICE '% as %', SQLERRM, current_user;
END $$;
RESET ROLE;
REVOKE td_owner FROM td_reader;
SET ROLE td_owner;
CREATE TABLE trap2 (id bigint, word text, age int);
CREATE FUNCTION climb() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN SET ROLE postgres; RETURN NEW; END $$;
CREATE TRIGGER climb BEFORE INSERT ON trap2 FOR EACH ROW EXECUTE FUNCTION climb();
CREATE TABLE trap3 (id bigint, word text, age int);
CREATE FUNCTION later() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'later as %', current_user; RETURN NEW; END $$;
CREATE CONSTRAINT TRIGGER later AFTER INSERT ON trap3 DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION later();
CREATE TABLE trap4 (id bigint, word text, age int);
CREATE RULE away AS ON DELETE TO trap4 DO INSTEAD NOTHING;
CREATE TABLE trap5 (more text);
CREATE FUNCTION wind() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM set_config('search_path', 'planted', false); RETURN NEW; END $$;
CREATE TABLE trap6 (id bigint, word text, age int, CHECK (says('check')));
CREATE TRIGGER wind BEFORE INSERT ON trap6 FOR EACH ROW EXECUTE FUNCTION wind();
RESET ROLE;
SELECT tablediffusion_refresh_table('trap2', 'people', 2);
SELECT current_user;
SELECT tablediffusion_refresh_table('trap3', 'people', 2);
SELECT tablediffusion_refresh_table('trap4', 'people', 2);
SELECT tablediffusion_refresh_table('trap5', 'people', 2);
SELECT tablediffusion_refresh_table('trap6', 'people', 2);
SHOW search_path;
SET ROLE td_reader;
SELECT tablediffusion_train('people', 50, 'narrow', exclude => '{token,born,sum}', options => '{"rounds": 0}');
CREATE TABLE wider (id bigint, word text, age int, sum numeric(6, 2) DEFAULT 7, token uuid);
CREATE TABLE of_nothing (sum numeric(6, 2));
SELECT tablediffusion_refresh_table('wider', 'narrow', 5);
SELECT sum, token, count(*) FROM wider GROUP BY sum, token;
SELECT tablediffusion_refresh_table('of_nothing', 'narrow', 5);
-- Rows that a policy hides are there nevertheless.
CREATE TABLE hiding (id bigint, word text, age int);
INSERT INTO hiding VALUES (1, 'real', 1);
ALTER TABLE hiding ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
SELECT tablediffusion_refresh_table('hiding', 'people', 5);
ALTER TABLE hiding NO FORCE ROW LEVEL SECURITY;
SELECT tablediffusion_refresh_table('hiding', 'people', 5);
SELECT * FROM hiding;
-- A stranger neither gets in nor takes a lock.
SET ROLE td_planter;
BEGIN;
DO $$
DECLARE
    stranger text;
BEGIN
    PERFORM tablediffusion_refresh_table('shared', 'people', 5);
EXCEPTION WHEN insufficient_privilege THEN
    RAISE NOTICE '%', SQLERRM;
END $$;
SELECT mode FROM pg_locks WHERE relation = 'shared'::regclass;
COMMIT;
RESET ROLE;

SET client_min_messages = warning;
DROP OWNED BY td_reader, td_planter, td_owner CASCADE;
DROP ROLE td_reader, td_planter, td_owner;

-- A database whose texts may be any bytes: what is no text is `other`, and privacy units are told apart by it all the same.
\set main :DBNAME
CREATE DATABASE misread_bytes ENCODING 'SQL_ASCII' TEMPLATE template0 LOCALE 'C';
\c misread_bytes
SET client_min_messages = warning;
CREATE EXTENSION tablediffusion;
CREATE TYPE mood AS ENUM ('fine');
DO $$ BEGIN EXECUTE format('ALTER TYPE mood ADD VALUE %L', E'f\xe2d'); END $$;
CREATE TABLE bytes (word text, sort text NOT NULL, code char(4), feeling mood, n int);
INSERT INTO bytes SELECT (ARRAY['fine', E'caf\xe9', E'\xff', E'caf\xc3\xa9', E'\xfe'])[i % 5 + 1], E'caf\xe9', E'\xe9', (enum_range(NULL::mood))[i % 2 + 1], i % 7
FROM generate_series(1, 4000) AS i;
SELECT tablediffusion_train('bytes', 50, exclude => '{feeling}', options => '{"rounds": 0}');
SELECT name, ARRAY(SELECT convert_to(v ->> 'value', 'SQL_ASCII') FROM jsonb_array_elements("values") AS v ORDER BY 1) AS released,
       other_share > 0.2 AS other FROM tablediffusion.columns WHERE kind = 'categories' ORDER BY ordinal;
SELECT DISTINCT convert_to(word, 'SQL_ASCII') AS word, sort, code FROM tablediffusion_sample('bytes', 2000, NULL::bytes) ORDER BY 1;
SELECT count(*) FROM tablediffusion_sample('bytes', 5);
SELECT tablediffusion_train('bytes', 50, 'units', columns => '{n}', privacy_unit => 'word', options => '{"rounds": 0}');
SELECT count(*) > 3 AS compared FROM tablediffusion_quality('bytes', 'bytes') WHERE column_name = 'word' OR column_name IS NULL;
-- Names and arguments have to be text.
CREATE FUNCTION said(query text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE query;
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE || ' ' || regexp_replace(SQLERRM, '(relation|schema|type) \d+', '\1 N');
END $$;
DO $$ BEGIN EXECUTE format('CREATE TABLE odd (%I int, n int)', E'caf\xe9'); EXECUTE format('CREATE TABLE %I (n int)', E'caf\xe9');
      EXECUTE format('CREATE SCHEMA %I CREATE TABLE plain (n int)', E'caf\xe9'); END $$;
SELECT said(query) FROM unnest(ARRAY[
    'SELECT tablediffusion_train(''odd'', 1)',
    format('SELECT tablediffusion_train(%L::regclass, 1)', quote_ident(E'caf\xe9')),
    format('SELECT tablediffusion_train(%L::regclass, 1)', quote_ident(E'caf\xe9') || '.plain'),
    format('SELECT tablediffusion_train(''bytes'', 1, %L)', E'caf\xe9'),
    format('SELECT tablediffusion_train(''bytes'', 1, columns => ARRAY[%L]::name[])', E'caf\xe9'),
    format('SELECT tablediffusion_train(''bytes'', 1, privacy_unit => %L)', E'caf\xe9'),
    format('SELECT tablediffusion_train(''bytes'', 1, domain => %L)', E'{"word": {"values": ["caf\xe9"]}}'),
    format('SELECT tablediffusion_sample(''bytes'', 1, given => %L)', E'{"word": "caf\xe9"}'),
    'SELECT tablediffusion_sample(''bytes'', 1, NULL::odd)',
    format('SELECT tablediffusion_drop(%L)', E'caf\xe9'),
    format('SELECT tablediffusion_grant(''bytes'', %L)', E'caf\xe9'),
    format('SELECT tablediffusion_create_table(%L, ''bytes'', 1)', E'"caf\xe9"'),
    format('SELECT tablediffusion_create_table(%L, ''bytes'', 1)', quote_ident(E'caf\xe9') || '.copy'),
    format('SELECT tablediffusion_create_table(''copy'', ''bytes'', 1, including => ARRAY[%L])', E'caf\xe9'),
    format('SELECT tablediffusion_refresh_table(%L::regclass, ''bytes'', 1)', quote_ident(E'caf\xe9')),
    format('SELECT tablediffusion_quality(''bytes'', ''bytes'', %L)', E'caf\xe9')]) AS query;
\c :main
DROP DATABASE misread_bytes;
