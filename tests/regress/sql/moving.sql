-- Models that are exported, imported and renamed.
SET client_min_messages = warning;
CREATE EXTENSION tablediffusion;
CREATE TABLE source (id int PRIMARY KEY, sort text NOT NULL CHECK (sort IN ('a', 'b')), size int);
INSERT INTO source SELECT i, (ARRAY['a', 'b'])[i % 2 + 1], i % 90 FROM generate_series(1, 5000) AS i;
SELECT tablediffusion_train('source', 20, options => '{"rounds": 0}');
CREATE TABLE exported AS SELECT tablediffusion_export('source') AS bytes;

-- The same model under another name: rows, columns and claims, but no new charge.
SELECT tablediffusion_import(bytes, 'copy') FROM exported;
SELECT count(*) FROM (SELECT * FROM tablediffusion_sample('source', 500, seed => 1) EXCEPT ALL
                      SELECT * FROM tablediffusion_sample('copy', 500, seed => 1)) AS other;
SELECT name, source, method, epsilon, delta, columns FROM tablediffusion.models ORDER BY name;
SELECT count(*) FROM tablediffusion.ledger;
SELECT tablediffusion_export('copy') = bytes AS same FROM exported;
SELECT tablediffusion_import(bytes, 'copy') FROM exported;
SELECT tablediffusion_import(bytes, 'copy', replace => true) FROM exported;
SELECT tablediffusion_import(bytes, '') FROM exported;
SELECT tablediffusion_import(NULL, 'copy');

-- Bytes that are no model are refused, whatever is wrong with them.
SELECT tablediffusion_import('', 'broken');
SELECT tablediffusion_import('\x00', 'broken');
SELECT tablediffusion_import(substr(bytes, 1, length(bytes) - 1), 'broken') FROM exported;
SELECT tablediffusion_import(set_byte(bytes, length(bytes) - 1, get_byte(bytes, length(bytes) - 1) # 1), 'broken') FROM exported;
SELECT tablediffusion_import(set_byte(bytes, 9, 255), 'broken') FROM exported;
-- So many that they might outgrow the memory are not even looked at.
SET tablediffusion.memory_limit = '64kB';
SELECT tablediffusion_import(convert_to(repeat('x', 1000), 'UTF8'), 'broken');
SET tablediffusion.memory_limit = '80kB';
SELECT tablediffusion_import(convert_to(repeat('x', 1000), 'UTF8'), 'broken');
RESET tablediffusion.memory_limit;
-- With a checksum that matches: every byte of the body, changed, is refused or makes a model that can be sampled.
CREATE FUNCTION with_checksum(body bytea) RETURNS bytea LANGUAGE sql AS
    $$ SELECT substr(bytes, 1, 10) || sha256(body) || body FROM exported $$;
SET client_min_messages = error;
DO $$
DECLARE
    body bytea := (SELECT substr(bytes, 43) FROM exported);
    place int;
BEGIN
    IF with_checksum(body) <> (SELECT bytes FROM exported) THEN RAISE 'the header is another'; END IF;
    FOR place IN SELECT DISTINCT (i * 7919) % length(body) FROM generate_series(0, 400) AS i LOOP
        BEGIN
            PERFORM tablediffusion_import(with_checksum(set_byte(body, place, (get_byte(body, place) + 85) % 256)), 'hostile', replace => true);
            PERFORM tablediffusion_sample('hostile', 5);
        EXCEPTION WHEN object_not_in_prerequisite_state OR data_corrupted OR invalid_parameter_value OR feature_not_supported
                       OR configuration_limit_exceeded OR datatype_mismatch OR undefined_object OR check_violation
                       OR numeric_value_out_of_range OR invalid_text_representation OR character_not_in_repertoire
                       OR program_limit_exceeded OR datetime_field_overflow OR untranslatable_character OR syntax_error THEN
            NULL;
        END;
    END LOOP;
END $$;
SET client_min_messages = warning;
SELECT tablediffusion_drop('hostile') FROM tablediffusion.models WHERE name = 'hostile';

-- Another name: grants go with the model, the ledger keeps the old one.
CREATE ROLE td_mover;
SELECT tablediffusion_grant('copy', 'td_mover');
SELECT tablediffusion_rename('copy', 'moved');
SELECT model, grantee FROM tablediffusion.grants;
SELECT tablediffusion_rename('copy', 'again');
SELECT tablediffusion_rename('moved', 'source');
SELECT tablediffusion_rename('moved', repeat('x', 201));
SET ROLE td_mover;
SELECT count(*) FROM tablediffusion_sample('moved', 3);
SELECT tablediffusion_export('moved');
SELECT tablediffusion_rename('moved', 'mine');
SELECT tablediffusion_import('', 'mine');
RESET ROLE;
-- A model may leave before its transaction commits, under whatever name: its charge is there to stay.
BEGIN;
SELECT tablediffusion_train('source', 1, model => 'new', options => '{"rounds": 0}');
SELECT tablediffusion_rename('new', 'newer');
SELECT length(tablediffusion_export('newer')) > 0 AS exported;
ROLLBACK;
DROP OWNED BY td_mover;
DROP ROLE td_mover;
