-- A model can be used only once the transaction that trained it, and charged for it, has committed.
SET client_min_messages = warning;
CREATE EXTENSION tablediffusion;
CREATE TABLE people AS SELECT i % 50 + 18 AS age, (ARRAY['f', 'm'])[i % 2 + 1] AS sex FROM generate_series(1, 1000) AS i;

BEGIN;
SELECT tablediffusion_train('people', 1, method => 'tablediffusion', options => '{"epochs": 0.1}');
SELECT count(*) FROM tablediffusion_sample('people', 10);
ROLLBACK;
SELECT count(*) AS models FROM tablediffusion.models;
SELECT count(*) AS charges FROM tablediffusion.ledger;

BEGIN;
SAVEPOINT before;
SAVEPOINT inner_one;
SELECT tablediffusion_train('people', 1, method => 'tablediffusion', options => '{"epochs": 0.1}');
RELEASE inner_one;
SAVEPOINT after;
SELECT count(*) FROM tablediffusion_sample('people', 10, NULL::people);
ROLLBACK TO after;
SELECT tablediffusion_create_table('stolen', 'people', 10);
ROLLBACK TO after;
ROLLBACK TO before;
SELECT count(*) FROM tablediffusion_sample('people', 10);
ROLLBACK;

-- An exception block is a subtransaction.
CREATE FUNCTION peek() RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    PERFORM tablediffusion_train('people', 1, method => 'tablediffusion', options => '{"epochs": 0.1}');
    RETURN (SELECT count(*) FROM tablediffusion_sample('people', 10));
EXCEPTION WHEN object_not_in_prerequisite_state THEN
    RETURN -1;
END $$;
SELECT peek();
SELECT count(*) AS models FROM tablediffusion.models;

-- The same within one statement.
WITH trained AS MATERIALIZED (SELECT tablediffusion_train('people', 1, method => 'tablediffusion', options => '{"epochs": 0.1}') AS name)
SELECT count(*) FROM trained, LATERAL tablediffusion_sample(trained.name, 10);
SELECT count(*) AS models FROM tablediffusion.models;

-- A held cursor is filled at commit, which is still within the transaction.
BEGIN;
SELECT tablediffusion_train('people', 1, method => 'tablediffusion', options => '{"epochs": 0.1}');
DECLARE held CURSOR WITH HOLD FOR SELECT * FROM tablediffusion_sample('people', 10);
COMMIT;
SELECT count(*) AS models FROM tablediffusion.models;

-- A prepared transaction shows nothing before it commits.
BEGIN;
SELECT tablediffusion_train('people', 1, method => 'tablediffusion', options => '{"epochs": 0.1}');
PREPARE TRANSACTION 'training';
SELECT count(*) FROM tablediffusion_sample('people', 10);
COMMIT PREPARED 'training';
SELECT count(*) FROM tablediffusion_sample('people', 10);

-- Replacing keeps the older charge, dropping keeps both; a replacement is not usable before it commits either.
BEGIN;
SELECT tablediffusion_train('people', 2, replace => true, method => 'tablediffusion', options => '{"epochs": 0.1}');
SELECT count(*) FROM tablediffusion_sample('people', 10);
ROLLBACK;
SELECT tablediffusion_train('people', 2, replace => true, method => 'tablediffusion', options => '{"epochs": 0.1}');
SELECT name, epsilon, delta, method, neighbours, columns FROM tablediffusion.models;
SELECT tablediffusion_drop('people');
SELECT model, role, source, epsilon, delta, jsonb_array_length(stages) AS phases FROM tablediffusion.ledger ORDER BY id;
SELECT count(*) AS models FROM tablediffusion.models;

-- A training in a read-only transaction stops before it reads.
BEGIN READ ONLY;
SELECT tablediffusion_train('people', 1);
ROLLBACK;
