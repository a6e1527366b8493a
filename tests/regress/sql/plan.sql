-- What a training would spend, told without reading a row.
SET client_min_messages = notice;
CREATE EXTENSION tablediffusion;
DROP ROLE IF EXISTS td_planner;
CREATE ROLE td_planner;
CREATE TABLE visits (patient int NOT NULL, age int, sex text, weight float8);
\pset null '-'
SELECT stage, mechanism, uses, round(noise_multiplier::numeric, 3) AS noise, sampling_rate AS rate, steps,
       round(stage_epsilon::numeric, 4) AS epsilon, stage_delta AS delta FROM tablediffusion_plan('visits', 1);
SELECT stage, mechanism, uses, round(noise_multiplier::numeric, 3) AS noise, round(sampling_rate::numeric, 6) AS rate, steps,
       round(stage_epsilon::numeric, 4) AS epsilon, stage_delta AS delta
FROM tablediffusion_plan('visits', 1, method => 'tablediffusion', privacy_unit => 'patient', rows_per_unit => 5,
                         domain => '{"sex": {"values": ["f", "m"]}}', rows => 2000000);
SELECT stage, note FROM tablediffusion_plan('visits', 1, privacy_unit => 'patient', rows_per_unit => 5) WHERE note IS NOT NULL;
-- It depends on nothing but its arguments and public facts.
INSERT INTO visits SELECT i, i % 90, 'f', i FROM generate_series(1, 5000) AS i;
ANALYZE visits;
SELECT stage, note FROM tablediffusion_plan('visits', 1) WHERE note IS NOT NULL;
-- Budgets are taken into account, the name of the model is not.
SELECT tablediffusion_set_budget('visits', 0.5, 1e-6);
SELECT stage, note FROM tablediffusion_plan('visits', 1) WHERE stage = 'budget';
SELECT stage, note FROM tablediffusion_plan('visits', 0.4, model => 'any', replace => true) WHERE stage = 'budget';
-- What a training would refuse, a plan refuses.
SELECT * FROM tablediffusion_plan('visits', -1);
SELECT * FROM tablediffusion_plan('visits', 1, options => '{"magic": 1}');
SELECT * FROM tablediffusion_plan('visits', 1, options => '{"targets": ["shoe"]}');
SELECT * FROM tablediffusion_plan('visits', 1, rows => 0);
SELECT * FROM tablediffusion_plan('visits', 1, rows_per_unit => 3);
SET ROLE td_planner;
SELECT * FROM tablediffusion_plan('visits', 1);
RESET ROLE;
GRANT SELECT ON visits TO td_planner;
SET ROLE td_planner;
SELECT count(*) > 5 AS planned FROM tablediffusion_plan('visits', 1);
RESET ROLE;
SELECT count(*) AS spent FROM tablediffusion.ledger;
DROP OWNED BY td_planner;
DROP ROLE td_planner;
-- However many rows.
SELECT count(*) > 1 AS planned FROM tablediffusion_plan('visits', 1, rows => 9223372036854775807);
