-- Tables that take over more than columns, and tables whose rows are replaced.
SET client_min_messages = warning;
CREATE EXTENSION tablediffusion;
CREATE TABLE source (id int PRIMARY KEY, sort text NOT NULL CHECK (sort IN ('a', 'b')), size int, hidden int CHECK (hidden > 0),
                     "Odd, name" date, CONSTRAINT small CHECK (size < 100), CONSTRAINT two CHECK (hidden > size OR size IS NULL OR hidden IS NULL));
COMMENT ON COLUMN source.size IS 'in ''metres''';
COMMENT ON COLUMN source.hidden IS 'secret';
CREATE INDEX ON source (size, "Odd, name") WHERE sort = 'a';
CREATE INDEX ON source (lower(sort) COLLATE "C" DESC);
CREATE INDEX ON source (hidden);
CREATE INDEX ON source (size) WHERE hidden > 3;
INSERT INTO source SELECT i, (ARRAY['a', 'b'])[i % 2 + 1], i % 90, NULL, date '2024-01-01' + i % 50 FROM generate_series(1, 5000) AS i;
SELECT tablediffusion_train('source', 20, exclude => '{hidden}', options => '{"rounds": 0}');

SELECT tablediffusion_create_table('copy', 'source', 1000, including => '{Comments,constraints,indexes}');
\d copy
SELECT attname, col_description(attrelid, attnum) FROM pg_attribute WHERE attrelid = 'copy'::regclass AND attnum > 0 ORDER BY attnum;
SELECT tablediffusion_create_table('plain', 'source', 10, including => NULL);
SELECT tablediffusion_create_table('c2', 'source', 10, including => '{storage}');
SELECT tablediffusion_create_table('c2', 'source', 10, including => '{NULL}');

-- Views, privileges, indexes and the comment stay; the rows are others.
CREATE ROLE td_reader;
GRANT SELECT ON copy TO td_reader;
CREATE VIEW sorts AS SELECT sort, count(*) FROM copy GROUP BY sort;
SELECT tablediffusion_refresh_table('copy', 'source', 2000, seed => 1);
SELECT sum(count) FROM sorts;
SELECT tablediffusion_refresh_table('copy', 'source', 2000, seed => 1);
SELECT count(*), count(DISTINCT id), min(id), max(id) FROM copy;
SELECT count(*) FROM (SELECT * FROM copy EXCEPT
                      SELECT id, sort, size, "Odd, name" FROM tablediffusion_sample('source', 2000, NULL::source, seed => 1)) AS other;
SELECT has_table_privilege('td_reader', 'copy', 'SELECT') AS readable, obj_description('copy'::regclass) ~ '^Synthetic rows from model "source"' AS comment;
SELECT tablediffusion_refresh_table('copy', 'source', 10, given => '{"sort": "a"}');
SELECT DISTINCT sort FROM copy;
-- Undone with its transaction.
BEGIN;
SELECT tablediffusion_refresh_table('copy', 'source', 1);
ROLLBACK;
SELECT count(*) FROM copy;

-- No table that may hold other rows is emptied.
SELECT tablediffusion_refresh_table('source', 'source', 10);
COMMENT ON TABLE source IS 'Synthetic rows from model "source"';
SELECT tablediffusion_refresh_table('source', 'source', 10);
CREATE TABLE mine (sort text, size int);
SELECT tablediffusion_refresh_table('mine', 'source', 10);
SELECT count(*) FROM mine;
SELECT tablediffusion_refresh_table('mine', 'source', 10);
SELECT tablediffusion_refresh_table('sorts', 'source', 10);
SELECT tablediffusion_refresh_table('copy', 'nothing', 10);
SELECT tablediffusion_refresh_table('copy', 'source', 0);
SELECT tablediffusion_refresh_table(NULL, 'source', 1);
SELECT tablediffusion_refresh_table(1, 'source', 1);
SELECT tablediffusion_grant('source', 'td_reader');
SET ROLE td_reader;
SELECT tablediffusion_refresh_table('copy', 'source', 10);
RESET ROLE;
SELECT count(*) FROM copy;

-- Without the source, comments and the like cannot be taken over; all else can.
DROP TABLE source;
SELECT tablediffusion_create_table('c2', 'source', 10, including => '{comments}');
SELECT tablediffusion_refresh_table('copy', 'source', 10);
-- More rows than work_mem holds, on their way through a temporary file.
SET work_mem = '64kB';
SELECT tablediffusion_refresh_table('copy', 'source', 20000);
RESET work_mem;
DROP OWNED BY td_reader;
DROP ROLE td_reader;
