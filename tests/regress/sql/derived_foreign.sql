-- Generated columns, "derived" and "rules" run nothing of others: neither as the role that trains nor as one that samples.
SET client_min_messages = warning;
CREATE EXTENSION tablediffusion;
CREATE ROLE td_owner;
CREATE ROLE td_reader;
GRANT CREATE ON SCHEMA public TO td_owner, td_reader;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO td_owner;

-- The owner's code, in a generated column and under the names that expressions use.
SET ROLE td_owner;
CREATE FUNCTION planted(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
$$ BEGIN IF current_user <> 'td_owner' THEN RAISE INFO 'ran as %', current_user; END IF; RETURN $1; END $$;
CREATE FUNCTION planted_text(int) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
$$ BEGIN IF current_user <> 'td_owner' THEN RAISE INFO 'ran as %', current_user; END IF; RETURN $1; END $$;
CREATE DOMAIN spied AS int CHECK (planted(VALUE) >= 0);
CREATE TABLE people (id serial PRIMARY KEY, age int NOT NULL, twice int GENERATED ALWAYS AS (planted(age) * 2) STORED,
                     half int GENERATED ALWAYS AS (age / 2) STORED, spied spied GENERATED ALWAYS AS (age) STORED, word text, size int, small spied);
INSERT INTO people (age, word, size, small) SELECT i % 50, 'w' || i % 4, i % 9, i % 5 FROM generate_series(1, 1000) AS i;
GRANT SELECT ON people TO td_reader;
RESET ROLE;
SET client_min_messages = notice;
SELECT tablediffusion_train('people', 1, options => '{"rounds": 0}', derived => '{"size": "length(word) + age", "small": "age % 10"}',
    rules => '{"age <= 40 AND abs(age) = age"}');
SELECT name, domain, expression FROM tablediffusion.columns WHERE model = 'people' ORDER BY ordinal;
SELECT tablediffusion_grant('people', 'public');
SET client_min_messages = warning;

-- Functions, operators, casts and types of the same names.
SET ROLE td_owner;
CREATE FUNCTION length(text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE INFO 'ran as %', current_user; RETURN 1; END $$;
CREATE FUNCTION abs(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE INFO 'ran as %', current_user; RETURN 1; END $$;
CREATE FUNCTION planted_sum(int, int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE INFO 'ran as %', current_user; RETURN 1; END $$;
CREATE FUNCTION planted_less(int, int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE INFO 'ran as %', current_user; RETURN true; END $$;
CREATE OPERATOR + (LEFTARG = int, RIGHTARG = int, FUNCTION = planted_sum);
CREATE OPERATOR / (LEFTARG = int, RIGHTARG = int, FUNCTION = planted_sum);
CREATE OPERATOR <= (LEFTARG = int, RIGHTARG = int, FUNCTION = planted_less);
CREATE DOMAIN date AS pg_catalog.date CHECK (planted_text(1) IS NOT NULL);
RESET ROLE;
SET ROLE td_reader;
SET search_path = public, pg_catalog;
CREATE TEMP TABLE rows AS SELECT * FROM tablediffusion_sample('people', 300, NULL::people, seed => 1);
SELECT count(*) OPERATOR(pg_catalog.=) 300 AS all, count(*) FILTER (WHERE half OPERATOR(pg_catalog.<>) (age OPERATOR(pg_catalog./) 2)
    OR size OPERATOR(pg_catalog.<>) (pg_catalog.length(word) OPERATOR(pg_catalog.+) age) OR age OPERATOR(pg_catalog.>) 40) AS wrong, count(twice) AS twice, count(spied) AS spied FROM rows;
SELECT count(*) FROM tablediffusion_sample('people', 300, seed => 1);
SELECT tablediffusion_create_table('public.made', 'people', 300, seed => 1);
SELECT attname, atttypid::regtype FROM pg_attribute WHERE attrelid = 'public.made'::regclass AND attnum > 0;
RESET ROLE;
-- The superuser trains under such a path too: names are those of pg_catalog.
SELECT tablediffusion_train('people', 1, 'again', options => '{"rounds": 0}', derived => '{"size": "length(word) + age"}', rules => '{"age <= 40 AND abs(age) = age"}');
SELECT name, expression FROM tablediffusion.columns WHERE model = 'again' AND domain = 'computed' ORDER BY ordinal;
SELECT tablediffusion_train('people', 1, 'theirs', options => '{"rounds": 0}', derived => '{"size": "planted(age)"}');
SELECT tablediffusion_train('people', 1, 'theirs', options => '{"rounds": 0}', derived => '{"size": "age + ''1''::spied"}');
SELECT tablediffusion_train('people', 1, 'theirs', options => '{"rounds": 0}', derived => '{"size": "age + public.planted(1)"}');
SELECT count(*) FROM tablediffusion_sample('again', 300, NULL::people, seed => 1);
RESET search_path;

-- A model that was never trained: its expressions and rules are whatever was written into its bytes.
SET ROLE td_owner;
CREATE TABLE forged (age int NOT NULL CHECK (age BETWEEN 0 AND 99), kind int, other uuid UNIQUE);
INSERT INTO forged SELECT i % 50, 1, gen_random_uuid() FROM generate_series(1, 500) AS i;
RESET ROLE;
SELECT tablediffusion_train('forged', 1, options => '{"rounds": 0}', derived => '{"kind": "age + 123456789 + 123456789 + 123456789 + 123456789"}',
    rules => '{age + 987654321 > 987654321 + 987654321 - 987654321 - 987654321}');
SELECT expression FROM tablediffusion.columns WHERE model = 'forged' AND domain = 'computed';
CREATE FUNCTION forge(original text, expression text) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE body bytea := substr(public.tablediffusion_export('forged'), 43);
BEGIN
    ASSERT position(convert_to(original, 'UTF8') IN body) > 0 AND length(expression) <= length(original), expression;
    body := overlay(body PLACING convert_to(rpad(expression, length(original)), 'UTF8') FROM position(convert_to(original, 'UTF8') IN body));
    PERFORM public.tablediffusion_import('\x54444946464d444c0100'::bytea || sha256(body) || body, 'fake', replace => true);
    PERFORM public.tablediffusion_grant('fake', 'td_reader');
END $$;
CREATE FUNCTION sampled(original text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE written text;
BEGIN
    FOREACH written IN ARRAY ARRAY[
        'age', 'age::text::int', 'planted(age)', 'public.planted(age)', 'age OPERATOR(public.+) 1', '1::public.spied', 'CAST(age AS public.spied)', '(SELECT 1)',
        'now()', 'random()', 'pg_sleep(0)', 'count(*)', 'sum(age) OVER ()', 'generate_series(1, 2)', '$1', 'other', 'kind', 'age FROM people', 'age)', 'forged',
        '(age).x', 'public.spied(age)', 'set_config(''a.b'', ''c'', false)', '''people''::regclass::oid::int', 'nowhere', 'true', 'other IS NULL'
    ] LOOP
        PERFORM forge(original, written);
        SET LOCAL ROLE td_reader;
        BEGIN
            RETURN NEXT written || ': ' || count(*) || ' rows' FROM tablediffusion_sample('fake', 5, NULL::forged);
            PERFORM tablediffusion_sample('fake', 5);
        EXCEPTION WHEN OTHERS THEN RETURN NEXT format('%s: %s %s', written, SQLSTATE, SQLERRM);
        END;
        RESET ROLE;
    END LOOP;
END $$;
SET search_path = public, pg_catalog;
SET client_min_messages = error;
SELECT sampled('((((age + 123456789) + 123456789) + 123456789) + 123456789)');
SELECT sampled('((age + 987654321) > (((987654321 + 987654321) - 987654321) - 987654321))');
RESET search_path;
DROP OWNED BY td_owner, td_reader CASCADE;
DROP ROLE td_owner, td_reader;
