-- Nobody's code runs as anybody else: a hostile role owns tables, domains, types, operators and models; another role and a
-- superuser use them. What is planted says as whom it ran, unless that is its owner.
SET client_min_messages = warning;
CREATE EXTENSION tablediffusion;
DROP ROLE IF EXISTS td_owner, td_reader;
CREATE ROLE td_owner;
CREATE ROLE td_reader;
GRANT CREATE ON SCHEMA public TO td_owner, td_reader;
GRANT EXECUTE ON FUNCTION tablediffusion_train, tablediffusion_import TO td_owner, td_reader;

SET ROLE td_owner;
CREATE FUNCTION planted(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
$$ BEGIN IF current_user <> 'td_owner' THEN RAISE INFO 'ran as %', current_user; END IF; RETURN $1; END $$;
CREATE DOMAIN code AS int CONSTRAINT planted CHECK (VALUE >= planted(0));
CREATE DOMAIN part AS int CHECK (VALUE BETWEEN 0 AND 100);
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TABLE people (
    id int PRIMARY KEY DEFAULT planted(1),
    age int NOT NULL CHECK (age BETWEEN 0 AND 99),
    size int DEFAULT planted(2) CONSTRAINT planted_check CHECK (size >= planted(0)),
    code code,
    part part,
    feeling mood,
    CONSTRAINT planted_literal CHECK ('{1}'::code[] IS NOT NULL),
    CONSTRAINT planted_cast CHECK (age::code >= 0)
);
INSERT INTO people SELECT i, i % 50, i % 7, i % 9, i % 20, (ARRAY['sad', 'happy'])[i % 2 + 1]::mood FROM generate_series(1, 500) AS i;
GRANT SELECT ON people TO td_reader;

-- A default, a CHECK and a domain's CHECK of somebody else's table: looked at, never planned.
CREATE FUNCTION used(as_whom text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN NEXT 'plan: ' || count(*) FROM tablediffusion_plan('people', 1) WHERE stage = 'total';
    RETURN NEXT tablediffusion_train('people', 1, 'of ' || as_whom, domain => '{"code": {"min": 0, "max": 9}}', options => '{"rounds": 0}');
    RETURN NEXT 'quality: ' || (count(*) > 0) FROM tablediffusion_quality('people', 'people');
END $$;
SET ROLE td_reader;
SET client_min_messages = notice;
SELECT used('a reader');
RESET ROLE;
SELECT used('a superuser');
SET client_min_messages = warning;
SELECT length(tablediffusion_report('of a superuser', source => 'people')) > 0 AS reported;
SET ROLE td_reader;
SELECT length(tablediffusion_report('of a reader', source => 'people')) > 0 AS reported;

-- A domain that asks for more once a model was trained: values of it, and literals of arrays of it, are read by nobody.
SET ROLE td_owner;
ALTER DOMAIN code ADD CONSTRAINT later CHECK (planted(VALUE) > -1) NOT VALID;
ALTER DOMAIN part ADD CONSTRAINT later CHECK (planted(VALUE) > -1) NOT VALID;
SELECT tablediffusion_train('people', 1, 'owned', options => '{"rounds": 0}');
SELECT tablediffusion_grant('owned', 'td_reader');
SET ROLE td_reader;
SET client_min_messages = notice;
SELECT count(*) FROM tablediffusion_sample('owned', 50);
SELECT count(*), count(code) > 0 AS codes, count(part) > 0 AS parts FROM tablediffusion_sample('owned', 50, NULL::people);
SELECT tablediffusion_create_table('of_reader', 'owned', 50);
SELECT tablediffusion_refresh_table('of_reader', 'owned', 60);
RESET ROLE;
SELECT count(*) FROM tablediffusion_sample('owned', 50, NULL::people, given => '{"part": 5}');
SELECT tablediffusion_create_table('of_superuser', 'owned', 50);
SET client_min_messages = warning;
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'of_superuser'::regclass AND attnum > 0;

-- A model that was never trained: its CHECK is whatever was written into its bytes.
CREATE FUNCTION planted_equal(int, int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
$$ BEGIN RAISE INFO 'ran as %', current_user; RETURN true; END $$;
CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = planted_equal);
SET ROLE td_owner;
CREATE TABLE forged (age int NOT NULL CHECK (age BETWEEN 0 AND 99), kind text CONSTRAINT forged CHECK (kind <> repeat('x', 3) || '01234567890123456789012345678901234567890123456789'));
INSERT INTO forged SELECT i % 50, 'a' FROM generate_series(1, 500) AS i;
SELECT tablediffusion_train('forged', 1, options => '{"rounds": 0}');
CREATE TABLE exported AS SELECT tablediffusion_export('forged') AS bytes;
CREATE FUNCTION forge(expression text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    body bytea := (SELECT substr(bytes, 43) FROM exported);
    original text := (SELECT pg_get_expr(conbin, conrelid) FROM pg_constraint WHERE conname = 'forged');
BEGIN
    body := overlay(body PLACING convert_to(rpad(expression, length(original)), 'UTF8') FROM position(convert_to(original, 'UTF8') IN body));
    RETURN tablediffusion_import('\x54444946464d444c0100'::bytea || sha256(body) || body, 'forged', replace => true);
END $$;
SELECT forge(pg_get_expr(conbin, conrelid)) FROM pg_constraint WHERE conname = 'forged';
SELECT tablediffusion_grant('forged', 'td_reader');
SELECT bytes = tablediffusion_export('forged') AS not_forged_yet FROM exported;
RESET ROLE;
CREATE FUNCTION sampled() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    written text;
BEGIN
    FOREACH written IN ARRAY ARRAY[
        '''{1}''::public.code[] IS NOT NULL', '''1''::public.code > 0', 'CAST(age AS public.code) > 0', 'public.code(age) > 0',
        'public.planted(1) > 0', 'planted(age) > 0', 'age OPERATOR(public.===) 1', 'age === age', '(SELECT public.planted(1)) > 0',
        '''sad''::public.mood IS NOT NULL', 'kind COLLATE public.planted_order > ''a''', 'NULL::public.people IS NULL', 'ROW(1, 2)::public.people IS NULL',
        'age IN (1, public.planted(2))', 'CASE WHEN true THEN public.planted(1) END > 0', 'ARRAY[public.planted(1)] IS NOT NULL',
        'GREATEST(age, public.planted(1)) > 0', 'age BETWEEN 1 AND public.planted(5)', 'kind::public.code IS NOT NULL', '$1 > 0',
        'pg_catalog.set_config(''a.b'', ''c'', false) IS NOT NULL', 'pg_catalog.pg_sleep(0) IS NULL', 'to_tsvector(''english'', kind) IS NOT NULL',
        '''people''::regclass IS NOT NULL', 'count(*) > 0', 'sum(age) OVER () > 0', 'age > 1 FROM people', 'forged IS NULL', '(age).x > 1'
    ] LOOP
        RAISE WARNING '%', written;
        SET LOCAL ROLE td_owner;
        PERFORM forge(written);
        SET LOCAL ROLE td_reader;
        BEGIN
            RETURN NEXT count(*) FROM tablediffusion_sample('forged', 5);
            RESET ROLE;
            SET LOCAL client_min_messages = error;
            PERFORM tablediffusion_sample('forged', 5, NULL::forged);
            SET LOCAL client_min_messages = warning;
        EXCEPTION WHEN object_not_in_prerequisite_state THEN RAISE WARNING '%', SQLERRM;
        END;
        RESET ROLE;
    END LOOP;
END $$;
SET search_path = public, pg_catalog;
SELECT DISTINCT sampled();
RESET search_path;
DROP OPERATOR === (int, int);

-- What a table takes over is what calls nothing of theirs, under every search path, and however the source has changed.
SET ROLE td_owner;
CREATE TABLE lent (id int PRIMARY KEY, age int NOT NULL CHECK (age BETWEEN 0 AND 99), name text, feeling mood, part part);
INSERT INTO lent SELECT i, i % 50, 'n' || i % 5, 'sad', i % 9 FROM generate_series(1, 500) AS i;
SELECT tablediffusion_train('lent', 1, options => '{"rounds": 0}');
SELECT tablediffusion_grant('lent', 'td_reader');
ALTER TABLE lent RENAME TO put_away;
CREATE FUNCTION planted_less(int, int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
$$ BEGIN IF current_user <> 'td_owner' THEN RAISE INFO 'ran as %', current_user; END IF; RETURN $1 >= $2; END $$;
CREATE FUNCTION planted_text(mood) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
$$ BEGIN IF current_user <> 'td_owner' THEN RAISE INFO 'ran as %', current_user; END IF; RETURN 'sad'; END $$;
CREATE CAST (mood AS text) WITH FUNCTION planted_text(mood) AS IMPLICIT;
CREATE OPERATOR >>= (LEFTARG = int, RIGHTARG = int, FUNCTION = planted_less);
CREATE COLLATION planted_order (LOCALE = 'C');
CREATE TABLE lent (
    id int PRIMARY KEY, age int NOT NULL CONSTRAINT ordinary CHECK (age >= 0), name text, feeling mood, part part,
    CONSTRAINT plain CHECK (length(name) < 50 AND name <> ALL (ARRAY['b', 'c']) AND part < 1000),
    CONSTRAINT function_of_theirs CHECK (planted(age) >= 0), CONSTRAINT operator_of_theirs CHECK (age >>= 0),
    CONSTRAINT cast_of_theirs CHECK (feeling::text = 'sad'), CONSTRAINT implicit_cast CHECK (length(feeling) > 0),
    CONSTRAINT domain_of_theirs CHECK (age::part >= 0), CONSTRAINT literal_of_theirs CHECK ('{1}'::code[] IS NOT NULL),
    CONSTRAINT type_of_theirs CHECK (feeling = 'sad'), CONSTRAINT runs_sql CHECK (query_to_xml('SELECT planted(1)', false, false, '') IS NOT NULL),
    CONSTRAINT settings CHECK (set_config('planted.x', name, false) IS NOT NULL)
);
CREATE INDEX index_of_theirs ON lent (planted(age));
CREATE INDEX predicate_of_theirs ON lent (age) WHERE planted(age) > 0;
CREATE INDEX collation_of_theirs ON lent (name COLLATE planted_order);
CREATE INDEX cast_index_of_theirs ON lent ((feeling::text));
CREATE INDEX plain_index ON lent (abs(age), name COLLATE "C" text_pattern_ops DESC) INCLUDE (id) WITH (fillfactor = 70) WHERE age > 3;
CREATE INDEX enum_index ON lent USING hash (feeling);
-- Finds nothing but what its owner planted, where it looks first for what is in pg_catalog.
CREATE OPERATOR >= (LEFTARG = int, RIGHTARG = int, FUNCTION = planted_less);
CREATE OPERATOR < (LEFTARG = int, RIGHTARG = int, FUNCTION = planted_less);
CREATE FUNCTION length(text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE INFO 'ran as %', current_user; RETURN 1; END $$;
CREATE FUNCTION abs(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE INFO 'ran as %', current_user; RETURN 1; END $$;
SET ROLE td_reader;
SET search_path = public, pg_catalog;
SET client_min_messages = notice;
SELECT tablediffusion_create_table('public.borrowed', 'lent', 20, including => '{comments,constraints,indexes}');
RESET ROLE;
SELECT tablediffusion_create_table('public.borrowed_by_superuser', 'lent', 20, including => '{constraints,indexes}');
RESET search_path;
\d borrowed
SELECT count(*) AS differ FROM (SELECT regexp_replace(pg_get_indexdef(indexrelid), '_by_superuser', '', 'g') FROM pg_index WHERE indrelid = 'borrowed_by_superuser'::regclass
    EXCEPT SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 'borrowed'::regclass) AS d;

-- Domains that a table is of: one's own or a superuser's, of which all holds.
SET client_min_messages = warning;
SET ROLE td_reader;
CREATE DOMAIN own_part AS int CHECK (VALUE BETWEEN 0 AND 100);
CREATE TABLE own AS SELECT i % 5 AS a, (i % 50)::own_part AS b FROM generate_series(1, 500) AS i;
SELECT tablediffusion_train('own', 1, options => '{"rounds": 0}');
SELECT tablediffusion_create_table('own_made', 'own', 20);
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'own_made'::regclass AND attnum > 0;
SELECT tablediffusion_grant('own', 'td_owner');
SET ROLE td_owner;
SET client_min_messages = notice;
SELECT tablediffusion_create_table('others_made', 'own', 20);
SET client_min_messages = warning;
RESET ROLE;
DROP OWNED BY td_owner, td_reader CASCADE;
DROP ROLE td_owner, td_reader;
