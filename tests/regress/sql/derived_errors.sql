-- Arguments "derived" and "rules": what is refused, before anything is read or charged.
SET client_min_messages = warning;
CREATE EXTENSION tablediffusion;
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TABLE t (id serial PRIMARY KEY, a int, b int, c int, d numeric(4, 1), s text, e mood, u uuid UNIQUE, x text COLLATE "C", j jsonb,
                g int GENERATED ALWAYS AS (a * 2) STORED, "Odd ""name" int, who int, at timestamptz);
CREATE FUNCTION said(derived jsonb DEFAULT NULL, rules text[] DEFAULT NULL, exclude name[] DEFAULT '{j}', columns name[] DEFAULT NULL,
                     privacy_unit name DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE code text; message text; detail text; hint text;
BEGIN
    PERFORM tablediffusion_train('t', 1, derived => derived, rules => rules, exclude => exclude, columns => columns, privacy_unit => privacy_unit);
    RETURN 'trained';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN format(E'%s %s\n%s\n%s', code, message, detail, hint);
END $$;
\pset tuples_only
\pset format unaligned
-- Forms.
SELECT said('[]');
SELECT said('{"c": 1}');
SELECT said('{"c": {"a": "b"}}');
SELECT said(rules => '{NULL}');
SELECT said(rules => ARRAY['']);
-- Columns.
SELECT said('{"nothing": "a"}');
SELECT said('{"c": "a + nothing + other"}');
SELECT said('{"c": "A + \"B\""}');
SELECT said(rules => '{a < nothing}');
SELECT said('{"c": "a + b"}', exclude => '{c,j}');
SELECT said('{"c": "a + b"}', exclude => '{a,b,j}');
SELECT said('{"c": "a + b"}', columns => '{a,b}', exclude => NULL);
SELECT said(rules => '{a < b}', exclude => '{b,j}');
SELECT said('{"c": "d::int"}', privacy_unit => 'd');
SELECT said('{"who": "a"}', privacy_unit => 'who');
SELECT said('{"e": "a"}', exclude => '{e,j}');
SELECT said('{"s": "u::text"}');
SELECT said('{"j": "to_jsonb(a)"}', exclude => NULL);
-- Circles.
SELECT said('{"c": "c + 1"}');
SELECT said('{"a": "b", "b": "c::int", "c": "a", "d": "a"}');
SELECT said('{"a": "g"}');
-- Expressions without meaning.
SELECT said('{"c": "a +"}');
SELECT said('{"c": "a, b"}');
SELECT said('{"c": "a AS c"}');
SELECT said('{"c": "a FROM t"}');
SELECT said('{"c": "a WHERE a > 1"}');
SELECT said('{"c": "a LIMIT 1"}');
SELECT said('{"c": "a) + (b"}');
SELECT said('{"c": "a; DROP TABLE t"}');
SELECT said('{"c": "DISTINCT a"}');
SELECT said('{"c": "*"}');
SELECT said('{"c": "t.*"}');
SELECT said('{"c": "t"}');
SELECT said('{"c": "t.a"}');
SELECT said('{"c": "s + 1"}');
SELECT said('{"c": "nowhere(a)"}');
SELECT said('{"c": "''x''"}');
SELECT said('{"c": "s"}');
SELECT said('{"c": "a + 1 / 0"}');
SELECT said(rules => '{a + b}');
SELECT said(rules => '{"a = ''x''"}');
-- Expressions that not everybody can evaluate.
SELECT said('{"e": "''sad''"}');
SELECT said('{"c": "CASE WHEN e = ''sad'' THEN 1 END"}');
SELECT said('{"c": "length(x)"}');
SELECT said('{"c": "(SELECT 1)"}');
SELECT said('{"c": "count(a)"}');
SELECT said('{"c": "sum(a) OVER ()"}');
SELECT said('{"c": "generate_series(1, a)"}');
SELECT said('{"c": "random() * a"}');
SELECT said('{"at": "now()"}');
SELECT said('{"at": "CURRENT_TIMESTAMP"}');
SELECT said('{"s": "current_user"}');
SELECT said('{"s": "at::text"}');
SELECT said('{"c": "public.own(a)"}');
SELECT said('{"c": "a OPERATOR(public.+) b"}');
SELECT said('{"s": "a::public.mood::text"}');
SELECT said('{"c": "(''t''::regclass)::oid::int"}');
SELECT said('{"s": "s COLLATE \"C\""}');
SELECT said('{"c": "$1"}');
SELECT said(rules => '{EXISTS (SELECT)}');
SELECT said(rules => '{"a IN (SELECT 1)"}');
SELECT said(rules => '{x < s}');
SELECT said(rules => '{now() > at}');
-- The plan says the same, and nothing was charged.
\set VERBOSITY default
SELECT tablediffusion_plan('t', 1, exclude => '{j}', derived => '{"c": "now()"}');
SELECT tablediffusion_plan('t', 1, exclude => '{j}', rules => '{a <}');
SELECT count(*) FROM tablediffusion.ledger;
-- What is accepted.
SELECT count(*) > 0 FROM tablediffusion_plan('t', 1, exclude => '{j}', derived => '{"c": "\"Odd \"\"name\" + g", "s": "''x''", "d": "1"}',
    rules => ARRAY['a IS NOT NULL', 'a BETWEEN 1 AND 5 OR a IN (7, 8)', 's LIKE ''x%''', 'NULL', 'true', 'extract(year FROM at AT TIME ZONE ''UTC'') > 2000']);
