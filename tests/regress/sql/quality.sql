-- How close synthetic rows are, for those who may read the real ones.
CREATE EXTENSION tablediffusion;
CREATE TABLE source (id serial PRIMARY KEY, sort text, size int, moment timestamp, only_here xml);
INSERT INTO source (sort, size, moment)
SELECT (ARRAY['a', 'b', NULL])[i % 3 + 1], i % 3 * 10 + i % 7, timestamp '2024-01-01' + i % 50 * interval '1 day'
FROM generate_series(1, 6000) AS i;
-- The same rows again, and rows with every column shuffled: as close as real rows, and as far as independent columns.
CREATE TABLE same AS SELECT sort, size, moment FROM source ORDER BY md5(id::text) LIMIT 3000;
SELECT setseed(0.5);
CREATE TABLE shuffled AS SELECT s.sort, z.size, m.moment
FROM (SELECT sort, row_number() OVER (ORDER BY md5('s' || id)) AS n FROM source) AS s
JOIN (SELECT size, row_number() OVER (ORDER BY md5('z' || id)) AS n FROM source) AS z USING (n)
JOIN (SELECT moment, row_number() OVER (ORDER BY md5('m' || id)) AS n FROM source) AS m USING (n);
SET client_min_messages = warning;
SELECT metric, column_name, synthetic_rows BETWEEN 0 AND 1 AS a_share, synthetic_rows < 1.5 * real_rows + 0.05 AS close FROM tablediffusion_quality('same', 'source', 'sort')
ORDER BY metric, column_name NULLS FIRST;
SELECT metric, synthetic_rows > real_rows + 0.15 AS far, abs(synthetic_rows / independent_columns - 1) < 0.2 AS as_independent
FROM tablediffusion_quality('shuffled', 'source') WHERE metric ~ '^[23]|discriminator';
RESET client_min_messages;
SELECT count(*) FROM tablediffusion_quality('same', 'source');
-- What cannot be compared.
SET client_min_messages = warning;
SELECT * FROM tablediffusion_quality('same', 'source', 'nothing');
SELECT * FROM tablediffusion_quality('same', 'source', 'id');
CREATE TABLE other (sort int, size text);
SELECT * FROM tablediffusion_quality('other', 'source');
CREATE TABLE empty (size int);
SELECT * FROM tablediffusion_quality('empty', 'source');
SELECT * FROM tablediffusion_quality(NULL, 'source');
CREATE ROLE td_curious;
GRANT SELECT ON same TO td_curious;
SET ROLE td_curious;
SELECT * FROM tablediffusion_quality('same', 'source');
RESET ROLE;
DROP OWNED BY td_curious;
DROP ROLE td_curious;
