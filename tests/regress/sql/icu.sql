-- Collations that PostgreSQL has only where it was built with ICU.
SET client_min_messages = warning;
CREATE EXTENSION tablediffusion;
-- A case-insensitive comparison is not equality of texts.
CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE loose (t text COLLATE nocase CHECK (t IN ('a', 'b')), u int);
INSERT INTO loose SELECT (ARRAY['A', 'b'])[i % 2 + 1], i % 3 FROM generate_series(1, 500) AS i;
SELECT tablediffusion_train('loose', 20, method => 'tablediffusion', options => '{"epochs": 0.1}');
SELECT name, domain FROM tablediffusion.columns WHERE model = 'loose' ORDER BY ordinal;
-- Nor is it one of units.
SELECT tablediffusion_train('loose', 20, privacy_unit => 't');
