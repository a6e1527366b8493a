-- Columns that are computed from others: generated columns of the source, and argument "derived".
SET client_min_messages = warning;
CREATE EXTENSION tablediffusion;
CREATE DOMAIN positive AS numeric(12, 2) CHECK (VALUE > 0);
CREATE TABLE item (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, qty int NOT NULL, price numeric(8, 2) NOT NULL,
    total positive NOT NULL GENERATED ALWAYS AS (qty * price) STORED,
    sku varchar(10) NOT NULL, label varchar(20) GENERATED ALWAYS AS (upper(sku)) STORED,
    bought timestamp(0) NOT NULL, day date GENERATED ALWAYS AS (bought::date) STORED,
    part real GENERATED ALWAYS AS (1 / price) STORED, is_large boolean GENERATED ALWAYS AS (qty > 5) STORED,
    number bigint UNIQUE GENERATED ALWAYS AS (id::bigint * 1000000000000 + 1) STORED, padded char(4) GENERATED ALWAYS AS (qty::text) STORED,
    span interval GENERATED ALWAYS AS (qty * interval '1 day') STORED, maybe int GENERATED ALWAYS AS (nullif(qty, 3)) STORED,
    CONSTRAINT affordable CHECK (total < 900), CONSTRAINT labelled CHECK (label <> 'SKU-3' OR qty > 2)
);
INSERT INTO item (qty, price, sku, bought)
SELECT 1 + i % 9, 5 + i % 90 + 0.25, 'sku-' || CASE WHEN i % 9 > 1 THEN i % 12 ELSE 4 END, timestamp '2024-01-01' + i * interval '1 hour'
FROM generate_series(1, 4000) AS i WHERE (1 + i % 9) * (5 + i % 90 + 0.25) < 900;
SELECT tablediffusion_train('item', 2, options => '{"rounds": 0}');
SELECT name, type, nullable, domain, expression FROM tablediffusion.columns WHERE model = 'item' ORDER BY ordinal;
-- A table with the same expressions, computed by PostgreSQL: nothing differs from what was sampled.
CREATE TABLE sampled AS SELECT * FROM tablediffusion_sample('item', 3000, NULL::item, seed => 1);
CREATE TABLE computed (LIKE item INCLUDING ALL EXCLUDING IDENTITY);
INSERT INTO computed (id, qty, price, sku, bought) SELECT id, qty, price, sku, bought FROM sampled;
SELECT count(*) AS differ FROM (SELECT * FROM sampled EXCEPT SELECT * FROM computed) AS d;
SELECT count(*), count(total), count(label), count(day), count(part), count(is_large), count(number), count(padded), count(span),
       count(maybe) < 3000 AND count(maybe) > 2000 AS maybe, max(total) < 900 AS affordable FROM sampled;
CREATE TABLE json AS SELECT r.* FROM tablediffusion_sample('item', 3000, seed => 1) AS j, jsonb_populate_record(NULL::item, j) AS r;
SELECT count(*) AS differ FROM (SELECT * FROM sampled EXCEPT SELECT * FROM json) AS d;
SELECT jsonb_object_agg(key, jsonb_typeof(value)) FROM tablediffusion_sample('item', 1, seed => 1) AS j, jsonb_each(j) WHERE key <> 'maybe';
SELECT tablediffusion_create_table('made', 'item', 3000, seed => 1, including => '{constraints}');
SELECT count(*) AS differ FROM (SELECT * FROM sampled EXCEPT SELECT * FROM made) AS d;
-- A table with the source's generated columns, which goes on computing them.
SELECT tablediffusion_create_table('generated', 'item', 3000, seed => 1, including => '{generated,constraints}');
SELECT attname, attgenerated, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'generated'::regclass AND attgenerated <> '' ORDER BY attnum;
SELECT count(*) AS differ FROM (SELECT * FROM sampled EXCEPT SELECT * FROM generated) AS d;
INSERT INTO generated (id, qty, price, sku, bought) VALUES (3001, 2, 3, 'sku-1', '2024-01-01');
UPDATE generated SET qty = 3 WHERE id = 3001;
SELECT total, label, day, is_large, number FROM generated WHERE id = 3001;
-- Tables that are refreshed: with plain columns, and with columns that PostgreSQL computes itself.
SELECT tablediffusion_refresh_table('made', 'item', 3000, seed => 2);
TRUNCATE computed;
SELECT tablediffusion_refresh_table('computed', 'item', 3000, seed => 2);
SELECT count(*) AS differ FROM (SELECT * FROM made EXCEPT SELECT * FROM computed) AS d;
-- As other types, and some columns only.
CREATE TYPE few AS (total text, label varchar(6), part numeric(6, 3), day timestamp);
SELECT count(*) AS differ FROM (
    SELECT total, label, part, day FROM tablediffusion_sample('item', 500, NULL::few, seed => 1)
    EXCEPT SELECT total::text, label, part::numeric(6, 3), day FROM sampled) AS d;
SELECT count(*) FROM tablediffusion_sample('item', 5, NULL::item, given => '{"qty": 7}') WHERE is_large AND padded = '7';
SELECT tablediffusion_sample('item', 5, given => '{"total": 7}');

-- Columns that the caller derives, in any order; a key may be one.
CREATE TABLE invoice (id serial PRIMARY KEY, code text UNIQUE, net numeric(10, 2) NOT NULL, vat numeric(10, 2), total numeric(10, 2) NOT NULL,
                      twice numeric(12, 1), paid date, due date, note text);
INSERT INTO invoice (code, net, vat, total, paid, due, note)
SELECT 'x' || i, n, round(n * 0.19, 2), n + round(n * 0.19, 2), date '2024-01-01' + i % 300, date '2024-02-01' + i % 300, 'n' || i % 3
FROM (SELECT i, round((10 + i % 990)::numeric, 2) AS n FROM generate_series(1, 3000) AS i) AS q;
SET datestyle = 'SQL, DMY';
SELECT tablediffusion_train('invoice', 1, options => '{"rounds": 0}', derived => '{
    "twice": "total * 2", "total": "net + vat", "vat": "round(net * 0.19, 2)", "code": "''INV-'' || lpad(id::text, 6, ''0'')",
    "due": "CASE WHEN paid > ''02/03/2024'' THEN paid + 31 END"}');
SET datestyle = 'ISO, MDY';
SELECT name, domain, expression FROM tablediffusion.columns WHERE model = 'invoice' AND domain = 'computed' ORDER BY ordinal;
-- Only generated columns of the source become generated columns.
SELECT tablediffusion_create_table('plain', 'invoice', 10, including => '{generated}');
SELECT count(*) FROM pg_attribute WHERE attrelid = 'plain'::regclass AND attgenerated <> '';
CREATE TABLE invoices AS SELECT * FROM tablediffusion_sample('invoice', 2000, NULL::invoice, seed => 1);
SELECT count(*), count(*) FILTER (WHERE vat = round(net * 0.19, 2) AND total = net + vat AND twice = round(total * 2, 1)) AS right,
       count(*) FILTER (WHERE code = 'INV-' || lpad(id::text, 6, '0')) AS coded, count(DISTINCT code) AS codes,
       count(*) FILTER (WHERE due IS NOT DISTINCT FROM CASE WHEN paid > '2024-03-02' THEN paid + 31 END) AS due
FROM invoices;
SELECT count(*) AS differ FROM (
    SELECT * FROM invoices
    EXCEPT SELECT r.* FROM tablediffusion_sample('invoice', 2000, seed => 1) AS j, jsonb_populate_record(NULL::invoice, j) AS r) AS d;

-- A row for which an expression has no value, or NULL where it must not be, does not come out.
CREATE TABLE ratio (a int CHECK (a BETWEEN 0 AND 9), b int CHECK (b BETWEEN 0 AND 9), c int NOT NULL, d numeric(2, 1), e smallint);
INSERT INTO ratio SELECT 1 + i % 9, CASE WHEN i % 7 > 0 THEN 1 + i % 8 END, 1, 1, 1 FROM generate_series(1, 2000) AS i;
SELECT tablediffusion_train('ratio', 1, options => '{"rounds": 0}',
    derived => '{"c": "100 / a", "d": "a + b", "e": "CASE WHEN a > 0 THEN 1 ELSE 40000 END"}', rules => '{100 / b > 12}');
SELECT count(*), count(*) FILTER (WHERE c <> 100 / a OR d <> a + b OR 100 / b <= 12) AS wrong, max(d) < 10 AS fits, count(b) < 500 AS nulls
FROM tablediffusion_sample('ratio', 500, NULL::ratio);
-- Also inside a subtransaction of the caller, and with a cancel.
DO $$ BEGIN
    PERFORM tablediffusion_sample('ratio', 100, NULL::ratio);
    RAISE EXCEPTION 'undone';
EXCEPTION WHEN raise_exception THEN PERFORM tablediffusion_sample('ratio', 100);
END $$;
SET statement_timeout = '200ms';
SELECT count(*) FROM tablediffusion_sample('ratio', 1000000000, NULL::ratio);
RESET statement_timeout;
SELECT tablediffusion_train('ratio', 1, 'null', options => '{"rounds": 0}', derived => '{"c": "nullif(a, a)"}');
SELECT count(*) FROM tablediffusion_sample('null', 5, NULL::ratio);

-- Rules hold as CHECKs do; NULL satisfies them.
CREATE TABLE stay (admitted date NOT NULL, discharged date, bed int NOT NULL, ward text);
INSERT INTO stay SELECT date '2024-01-01' + i % 300, CASE WHEN i % 5 > 0 THEN date '2024-01-01' + i % 300 + i % 9 END, i % 40, 'w' || i % 40 / 10
FROM generate_series(1, 3000) AS i;
SELECT tablediffusion_train('stay', 1, options => '{"rounds": 0}', rules => ARRAY['discharged >= admitted', 'bed < 30 OR ward = ''w3''']);
CREATE TABLE stays AS SELECT * FROM tablediffusion_sample('stay', 3000, NULL::stay, seed => 1);
SELECT count(*), count(*) FILTER (WHERE discharged < admitted OR bed >= 30 AND ward <> 'w3') AS wrong, count(*) - count(discharged) > 300 AS open FROM stays;
SELECT tablediffusion_train('stay', 1, 'impossible', options => '{"rounds": 0}', rules => '{bed < -1000000}');
SELECT count(*) FROM tablediffusion_sample('impossible', 5, NULL::stay);
-- Over computed columns too.
SELECT tablediffusion_train('invoice', 1, 'cheap', options => '{"rounds": 0}', derived => '{"total": "net + vat"}', rules => '{total < 500}');
SELECT count(*), max(total) < 500 AS cheap, count(*) FILTER (WHERE total <> net + vat) AS wrong FROM tablediffusion_sample('cheap', 500, NULL::invoice);

-- Export and import, and a source that changes or goes.
CREATE TABLE carried AS SELECT tablediffusion_export('ratio') AS bytes;
SELECT tablediffusion_import(bytes, 'imported') FROM carried;
SELECT count(*) AS differ FROM (
    SELECT tablediffusion_sample('ratio', 500, seed => 1) EXCEPT SELECT tablediffusion_sample('imported', 500, seed => 1)) AS d;
ALTER TABLE ratio RENAME a TO z;
ALTER TABLE ratio ADD a text, ALTER c TYPE text;
SELECT count(*), count(*) FILTER (WHERE (j ->> 'c')::int <> 100 / (j ->> 'a')::int) AS wrong FROM tablediffusion_sample('ratio', 500) AS j;
DROP TABLE ratio;
SELECT count(*) FROM tablediffusion_sample('ratio', 500) AS j WHERE (j ->> 'c')::int = 100 / (j ->> 'a')::int;
-- A type that is gone takes the column with it.
CREATE TABLE of_domain (a int, b positive, c numeric);
INSERT INTO of_domain SELECT i % 10, 1 + i % 10, 0 FROM generate_series(1, 1000) AS i;
SELECT tablediffusion_train('of_domain', 1, options => '{"rounds": 0}', derived => '{"c": "a + b"}');
SELECT count(*) FROM tablediffusion_sample('of_domain', 100, NULL::of_domain) WHERE c = a + b;
ALTER DOMAIN positive RENAME TO other;
SELECT count(*) FROM tablediffusion_sample('of_domain', 100, NULL::of_domain);
SELECT count(*) FROM tablediffusion_sample('of_domain', 100);
ALTER DOMAIN other RENAME TO positive;
SELECT count(*) FROM tablediffusion_sample('of_domain', 100);

-- Generated columns that are not stored, where PostgreSQL has them.
DO $$ BEGIN
    EXECUTE 'CREATE TABLE unstored (a int, b int GENERATED ALWAYS AS (a * 2) '
        || CASE WHEN current_setting('server_version_num')::int >= 180000 THEN 'VIRTUAL' ELSE 'STORED' END || ', CHECK (b < 15))';
END $$;
INSERT INTO unstored (a) SELECT i % 7 FROM generate_series(1, 500) AS i;
SELECT tablediffusion_train('unstored', 1, options => '{"rounds": 0}');
SELECT count(*), count(*) FILTER (WHERE b <> a * 2 OR b >= 15) AS wrong FROM tablediffusion_sample('unstored', 500, NULL::unstored);
SELECT tablediffusion_create_table('stored', 'unstored', 100);
SELECT count(*), count(*) FILTER (WHERE b <> a * 2) AS wrong FROM stored;

-- Partitions and children that compute alike.
SET client_min_messages = notice;
CREATE TABLE parent (a int, b int GENERATED ALWAYS AS (a + 1) STORED);
CREATE TABLE child () INHERITS (parent);
INSERT INTO parent (a) SELECT i % 10 FROM generate_series(1, 500) AS i;
INSERT INTO child (a) SELECT i % 10 FROM generate_series(1, 500) AS i;
SELECT tablediffusion_train('parent', 1, 'alike', options => '{"rounds": 0}');
SELECT count(*) FROM tablediffusion_sample('alike', 100, NULL::parent) WHERE b = a + 1;
-- Generated columns that are left out.
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE FUNCTION own(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE TABLE odd (a int, b text, u uuid UNIQUE, f int GENERATED ALWAYS AS (own(a)) STORED, m mood GENERATED ALWAYS AS (CASE WHEN a > 3 THEN 'sad'::mood END) STORED,
                  v int[] GENERATED ALWAYS AS (ARRAY[a]) STORED, w text GENERATED ALWAYS AS (u::text) STORED,
                  x int GENERATED ALWAYS AS (length(b)) STORED, k int GENERATED ALWAYS AS (a * 2) STORED, c text COLLATE "C" GENERATED ALWAYS AS (lower(b)) STORED);
INSERT INTO odd (a, b, u) SELECT i % 10, 'b' || i % 3, gen_random_uuid() FROM generate_series(1, 500) AS i;
SELECT tablediffusion_train('odd', 1, exclude => '{b}', options => '{"rounds": 0}');
SELECT count(*), count(f), count(m), count(v), count(w), count(x), count(k), count(c) FROM tablediffusion_sample('odd', 100, NULL::odd);
SELECT tablediffusion_train('odd', 1, 'odder', columns => '{a,f,k}', derived => '{"f": "a"}', options => '{"rounds": 0}');
SELECT count(*) FROM tablediffusion_sample('odder', 100, NULL::odd) WHERE f = a AND k = a * 2;
SELECT tablediffusion_train('odd', 1, 'units', columns => '{a,k}', privacy_unit => 'k', options => '{"rounds": 0}');
SELECT name, domain FROM tablediffusion.columns WHERE model = 'units' ORDER BY ordinal;
