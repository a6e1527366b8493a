-- A training is charged, for good, before it reads a row: whatever becomes of its transaction, the ledger has it. So a
-- model may be used by the transaction that trains it.
SET client_min_messages = warning;
CREATE EXTENSION tablediffusion;
CREATE TABLE people AS SELECT i % 50 + 18 AS age, (ARRAY['f', 'm'])[i % 2 + 1] AS sex FROM generate_series(1, 1000) AS i;

BEGIN;
SELECT tablediffusion_train('people', 1, method => 'tablediffusion', options => '{"epochs": 0.1}');
SELECT count(*) FROM tablediffusion_sample('people', 10);
ROLLBACK;
SELECT count(*) AS models FROM tablediffusion.models;
SELECT outcome, epsilon, stages FROM tablediffusion.ledger;

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
END $$;
CREATE FUNCTION peek_and_fail() RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    RAISE division_by_zero USING MESSAGE = 'saw ' || peek();
EXCEPTION WHEN division_by_zero THEN
    RETURN -1;
END $$;
SELECT peek_and_fail();
SELECT count(*) AS models FROM tablediffusion.models;
SELECT outcome FROM tablediffusion.ledger ORDER BY id DESC LIMIT 1;
SELECT peek();
SELECT outcome FROM tablediffusion.ledger ORDER BY id DESC LIMIT 1;
SELECT tablediffusion_drop('people');

-- The same within one statement.
WITH trained AS MATERIALIZED (SELECT tablediffusion_train('people', 1, method => 'tablediffusion', options => '{"epochs": 0.1}') AS name)
SELECT count(*) FROM trained, LATERAL tablediffusion_sample(trained.name, 10);
SELECT count(*) AS models FROM tablediffusion.models;
SELECT tablediffusion_drop('people');

-- A held cursor is filled at commit.
BEGIN;
SELECT tablediffusion_train('people', 1, method => 'tablediffusion', options => '{"epochs": 0.1}');
DECLARE held CURSOR WITH HOLD FOR SELECT * FROM tablediffusion_sample('people', 10);
COMMIT;
FETCH 0 FROM held;
CLOSE held;
SELECT count(*) AS models FROM tablediffusion.models;
SELECT tablediffusion_drop('people');

-- A prepared transaction shows nothing before it commits.
BEGIN;
SELECT tablediffusion_train('people', 1, method => 'tablediffusion', options => '{"epochs": 0.1}');
PREPARE TRANSACTION 'training';
SELECT count(*) FROM tablediffusion_sample('people', 10);
COMMIT PREPARED 'training';
SELECT count(*) FROM tablediffusion_sample('people', 10);

-- Replacing keeps the older charge, dropping keeps both.
BEGIN;
SELECT tablediffusion_train('people', 2, replace => true, method => 'tablediffusion', options => '{"epochs": 0.1}');
SELECT count(*) FROM tablediffusion_sample('people', 10);
ROLLBACK;
SELECT tablediffusion_train('people', 2, replace => true, method => 'tablediffusion', options => '{"epochs": 0.1}');
SELECT name, epsilon, delta, method, neighbours, columns FROM tablediffusion.models;
SELECT tablediffusion_drop('people');
SELECT model, role, source, epsilon, delta, jsonb_array_length(stages) AS phases, outcome FROM tablediffusion.ledger ORDER BY id;
SELECT count(*) AS models FROM tablediffusion.models;

-- A training in a read-only transaction stops before it reads.
BEGIN READ ONLY;
SELECT tablediffusion_train('people', 1);
ROLLBACK;

-- An analyst who may only call a wrapper around a training learns nothing for nothing: each look is charged, until the
-- budget is spent. What a training that fails has spent stays spent at its reserve, which is above what it would have been
-- settled at.
DROP ROLE IF EXISTS td_owner, td_analyst;
CREATE ROLE td_owner;
CREATE ROLE td_analyst;
GRANT CREATE ON SCHEMA public TO td_owner, td_analyst;
GRANT EXECUTE ON FUNCTION tablediffusion_train TO td_owner;
SET ROLE td_owner;
CREATE TABLE wards AS SELECT i % 5 AS kind FROM generate_series(1, 1000) AS i;
SELECT tablediffusion_set_budget('wards', 1, 1e-6);
CREATE FUNCTION wrapped(epsilon float8) RETURNS text SECURITY DEFINER LANGUAGE sql AS $$
    SELECT tablediffusion_train('wards', epsilon, 'wards', 1e-7, replace => true, options => '{"rounds": 0}') $$;
CREATE FUNCTION looks(times int) RETURNS TABLE (look int, seen boolean, state text) LANGUAGE plpgsql AS $$
BEGIN
    FOR look IN 1..times LOOP
        BEGIN
            PERFORM wrapped(0.4);
            RAISE SQLSTATE 'TD001';
        EXCEPTION WHEN OTHERS THEN
            RETURN QUERY SELECT look, SQLSTATE = 'TD001', SQLSTATE;
        END;
    END LOOP;
END $$;
RESET ROLE;
GRANT EXECUTE ON FUNCTION looks TO td_analyst;
SET ROLE td_analyst;
SELECT * FROM looks(8);
SELECT count(*) FROM tablediffusion_sample('wards', 10);
SET ROLE td_owner;
SELECT outcome, count(*) FROM tablediffusion.ledger WHERE source = 'public.wards' GROUP BY 1;
SELECT trainings, spent_epsilon <= epsilon AS within, remaining_epsilon < 0.5 AS little_left FROM tablediffusion.budgets;
-- A budget that the same transaction changes would be waited for in vain.
BEGIN;
SELECT tablediffusion_set_budget('wards', 100, 1e-6);
SELECT wrapped(0.4);
ROLLBACK;
-- Settings of the database do not keep a charge from being entered.
RESET ROLE;
ALTER DATABASE regress_commit SET default_transaction_read_only = on;
ALTER DATABASE regress_commit SET default_transaction_isolation = 'serializable';
ALTER DATABASE regress_commit SET search_path = nowhere;
\c
SET client_min_messages = warning;
SET default_transaction_read_only = off;
SELECT public.tablediffusion_train('public.people', 1, 'late', options => '{"rounds": 0}');
SELECT outcome FROM tablediffusion.ledger ORDER BY id DESC LIMIT 1;
ALTER DATABASE regress_commit RESET ALL;
\c
SET client_min_messages = warning;
-- A training that is refused after it has counted is charged. Here the statistics say that there are few rows.
CREATE TABLE many AS SELECT 1 AS a, 2 AS b WHERE false;
ANALYZE many;
ALTER TABLE many SET (autovacuum_enabled = off);
INSERT INTO many SELECT i % 9, i % 7 FROM generate_series(1, 400000) AS i;
SET tablediffusion.memory_limit = '1MB';
SELECT tablediffusion_train('many', 1, 'refused', options => '{"rounds": 0}');
RESET tablediffusion.memory_limit;
-- What became of it is written down by another process.
DO $$ BEGIN
    FOR i IN 1..100 LOOP
        EXIT WHEN EXISTS (SELECT FROM tablediffusion.ledger WHERE model = 'refused' AND outcome = 'failed');
        PERFORM pg_sleep(0.1);
    END LOOP;
END $$;
SELECT model, outcome FROM tablediffusion.ledger ORDER BY id DESC LIMIT 1;
DROP OWNED BY td_owner, td_analyst;
DROP ROLE td_owner, td_analyst;
