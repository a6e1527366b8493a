-- What trainings may spend of a relation in all, and what counts as spent.
SET client_min_messages = notice;
CREATE EXTENSION tablediffusion;
DROP ROLE IF EXISTS td_owner, td_trainer, td_stranger;
CREATE ROLE td_owner;
CREATE ROLE td_trainer;
CREATE ROLE td_stranger;
GRANT CREATE ON SCHEMA public TO td_owner, td_trainer;
GRANT EXECUTE ON FUNCTION tablediffusion_train TO td_owner, td_trainer;
SET ROLE td_owner;
CREATE TABLE people AS SELECT i % 5 AS kind, i % 2 = 0 AS ok FROM generate_series(1, 500) AS i;
GRANT SELECT ON people TO td_trainer;
RESET ROLE;
-- Quick trainings: one column, declared, no rounds.
CREATE FUNCTION train(source regclass, epsilon float8, name text, delta float8 DEFAULT 1e-7) RETURNS text LANGUAGE sql AS
$$ SELECT tablediffusion_train(source, epsilon, name, delta, columns => '{ok}', replace => true, options => '{"rounds": 0}') $$;
GRANT EXECUTE ON FUNCTION train TO PUBLIC;

-- Only the owner sets a budget, and a sensible one.
SET ROLE td_trainer;
SELECT tablediffusion_set_budget('people', 1, 1e-6);
SET ROLE td_owner;
SELECT tablediffusion_set_budget('people', 0, 1e-6);
SELECT tablediffusion_set_budget('people', 'Infinity', 1e-6);
SELECT tablediffusion_set_budget('people', 1, 1);
SELECT tablediffusion_set_budget(NULL, 1, 1e-6);
SELECT tablediffusion_set_budget('people', 1, 1e-6);
SELECT source, epsilon, delta, trainings, spent_epsilon, remaining_epsilon, role FROM tablediffusion.budgets;

-- A training that claims more is refused before it reads; several that fit add up to less than the sum of their claims.
SET ROLE td_trainer;
SELECT train('people', 1.2, 'm');
SELECT train('people', 1, 'm', 1e-5);
SELECT train('people', 0.5, 'm');
SELECT train('people', 0.5, 'm');
SELECT train('people', 0.5, 'm');
SELECT trainings, spent_epsilon < 0.95 AS far_below_the_sum, spent_epsilon > 0.7 AS more_than_one
FROM tablediffusion.budgets;
SELECT train('people', 0.9, 'm');
-- What is left can be spent, and no more than that; the default delta counts as well.
SELECT train('people', remaining_epsilon * 0.8, 'm') FROM tablediffusion.budgets;
SELECT trainings, spent_epsilon <= epsilon AS within, remaining_epsilon < 0.45 AS little_left FROM tablediffusion.budgets;
-- Dropping a model gives nothing back.
SELECT tablediffusion_drop('m');
SELECT train('people', 0.5, 'm');

-- Who trained sees its own entries, the owner of the relation sees all on it, others see nothing.
SELECT count(*) AS entries, bool_and(charged = '{public.people}') AS charged FROM tablediffusion.ledger;
SET ROLE td_owner;
SELECT count(*) AS entries FROM tablediffusion.ledger;
SET ROLE td_stranger;
SELECT count(*) AS entries FROM tablediffusion.ledger;
SELECT count(*) AS budgets FROM tablediffusion.budgets;
RESET ROLE;

-- A budget of exactly one training.
SET ROLE td_owner;
CREATE TABLE once AS SELECT * FROM people;
SELECT tablediffusion_set_budget('once', 1, 1e-6);
SELECT train('once', 1, 'first', 1e-6);
SELECT train('once', 0.5, 'second');
SELECT trainings, spent_epsilon, remaining_epsilon FROM tablediffusion.budgets WHERE source = 'public.once';
SELECT tablediffusion_set_budget('once', 0.5, 1e-6);
SELECT tablediffusion_set_budget('once', NULL);
SELECT count(*) AS budgets FROM tablediffusion.budgets WHERE source = 'public.once';
SELECT train('once', 1, 'second');

-- Views, views of views, materialized views, functions with parsed bodies and row security do not get around a budget.
CREATE TABLE base AS SELECT * FROM people;
CREATE VIEW over AS SELECT * FROM base WHERE ok;
CREATE VIEW over_over AS SELECT * FROM over UNION ALL SELECT 9, false;
CREATE MATERIALIZED VIEW kept AS SELECT * FROM over_over;
CREATE FUNCTION rows_of_base() RETURNS SETOF base LANGUAGE sql STABLE BEGIN ATOMIC SELECT * FROM base; END;
CREATE VIEW by_function AS SELECT * FROM rows_of_base();
CREATE TABLE guarded AS SELECT * FROM people;
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY like_base ON guarded USING (kind IN (SELECT b.kind FROM base AS b));
GRANT SELECT ON base, over, over_over, kept, by_function, guarded TO td_trainer;
SELECT tablediffusion_set_budget('base', 0.1, 1e-6);
SET ROLE td_trainer;
SELECT train('over', 1, 'm');
SELECT train('over_over', 1, 'm');
SELECT train('kept', 1, 'm');
SELECT train('by_function', 1, 'm');
SELECT train('guarded', 1, 'm');
SET ROLE td_owner;
SELECT tablediffusion_set_budget('base', 10, 1e-6);
SET ROLE td_trainer;
SELECT train('over_over', 1, 'm');
SELECT train('guarded', 1, 'm');
SELECT source, charged, row_security FROM tablediffusion.ledger ORDER BY id DESC LIMIT 2;
SELECT source, trainings FROM tablediffusion.budgets WHERE source = 'public.base';

-- Neither do partitions, in either direction.
SET ROLE td_owner;
CREATE TABLE measured (kind int, ok boolean) PARTITION BY LIST (ok);
CREATE TABLE measured_yes PARTITION OF measured FOR VALUES IN (true);
CREATE TABLE measured_no PARTITION OF measured FOR VALUES IN (false);
INSERT INTO measured SELECT * FROM people;
SELECT tablediffusion_set_budget('measured', 0.1, 1e-6);
SELECT train('measured_yes', 1, 'm2');
SELECT tablediffusion_set_budget('measured', NULL);
SELECT tablediffusion_set_budget('measured_yes', 0.1, 1e-6);
SELECT train('measured', 1, 'm2');
SELECT train('measured_no', 1, 'm2');
SELECT charged FROM tablediffusion.ledger ORDER BY id DESC LIMIT 1;

-- A budget follows a relation through a rename, and a name through a drop, which is said.
CREATE TABLE moving AS SELECT * FROM people;
SELECT tablediffusion_set_budget('moving', 1, 1e-6);
SELECT train('moving', 0.9, 'm3');
ALTER TABLE moving RENAME TO moved;
SELECT source, trainings FROM tablediffusion.budgets WHERE source ~ 'mov';
SELECT train('moved', 0.9, 'm3');
DROP TABLE moved;
SELECT source, trainings FROM tablediffusion.budgets WHERE source ~ 'mov';
CREATE TABLE moving AS SELECT * FROM people;
SELECT train('moving', 0.9, 'm3');
SELECT tablediffusion_set_budget('moving', 3, 1e-6);
SELECT train('moving', 0.9, 'm3');
SELECT source, trainings FROM tablediffusion.budgets WHERE source ~ 'mov';

-- Settings that change how numbers and names are written change nothing.
CREATE TABLE "Written" AS SELECT * FROM people;
SELECT tablediffusion_set_budget('"Written"', 1, 1e-6);
SET extra_float_digits = -15;
SET quote_all_identifiers = on;
SELECT train('"Written"', 0.9, 'm4');
SELECT train('"Written"', 0.9, 'm4');
DROP TABLE "Written";
CREATE TABLE "Written" AS SELECT * FROM people;
SELECT train('"Written"', 0.9, 'm4');
RESET extra_float_digits;
RESET quote_all_identifiers;
RESET ROLE;

-- The arithmetic of budgets is open to everybody.
SELECT round(tablediffusion_spent_epsilon(0.1, 0, 1e-6)::numeric, 4) AS spent,
       round(tablediffusion_remaining_epsilon(2, 0.1, 1e-7, 1e-6)::numeric, 4) AS remaining,
       tablediffusion_spent_epsilon(0.1, 1e-6, 1e-6) AS too_much, tablediffusion_spent_epsilon(-1, 0, 2) AS senseless;

-- A rolled-back training is charged all the same, whether a savepoint or its transaction takes it back; what it tells of
-- noisy answers it may tell at once. A budget that the same transaction changes cannot be charged meanwhile.
BEGIN;
SELECT train('people', 30, 'big', 0.4) FROM tablediffusion_set_budget('people', NULL);
ROLLBACK;
SELECT tablediffusion_set_budget('people', NULL);
\set VERBOSITY terse
BEGIN;
SAVEPOINT inside;
SELECT train('people', 30, 'big', 0.4);
ROLLBACK TO inside;
COMMIT;
BEGIN;
SELECT train('people', 30, 'big', 0.4);
ROLLBACK;
BEGIN;
SELECT train('people', 30, 'big', 0.4);
PREPARE TRANSACTION 'quiet';
ROLLBACK PREPARED 'quiet';
SELECT outcome, count(*) FROM tablediffusion.ledger WHERE model = 'big' GROUP BY 1;

DROP OWNED BY td_owner, td_trainer, td_stranger CASCADE;
DROP ROLE td_owner, td_trainer, td_stranger;

-- The default budget of tables that have none, through views too; only a superuser sets it.
SET tablediffusion.default_budget = 1.2;
CREATE TABLE fresh AS SELECT i % 5 AS a FROM generate_series(1, 2000) AS i;
CREATE VIEW of_fresh AS SELECT a FROM fresh;
SELECT tablediffusion_train('of_fresh', 1, options => '{"rounds": 0}');
SELECT source, epsilon, delta, trainings FROM tablediffusion.budgets WHERE source ~ 'fresh';
SELECT tablediffusion_train('fresh', 1, options => '{"rounds": 0}');
SELECT tablediffusion_set_budget('fresh', 5);
SELECT tablediffusion_train('fresh', 1, replace => true, options => '{"rounds": 0}');
RESET tablediffusion.default_budget;
CREATE ROLE td_default;
SET ROLE td_default;
SET tablediffusion.default_budget = 100;
SET tablediffusion.default_budget_delta = 0.1;
RESET ROLE;
DROP ROLE td_default;
