-- From version 0.2.0 to 0.3.0. The result equals a fresh install of 0.3.0. The build appends the end of functions.sql,
-- which a line there marks, and views.sql: see write_scripts in .ci/setup.sh.

-- No name is looked up in a schema where others can create objects.
SET LOCAL search_path = pg_catalog, pg_temp;

-- Charges are entered before a row is read, in separate transactions. Existing entries were committed with their models.
ALTER TABLE tablediffusion.ledger_store
    ADD COLUMN origin pg_catalog.uuid,
    ADD COLUMN transaction pg_catalog.xid8,
    ADD COLUMN source_rows_only boolean NOT NULL DEFAULT false;
COMMENT ON TABLE tablediffusion.ledger_store IS 'every training that was admitted and what it may spend; kept when models and sources are dropped';
COMMENT ON COLUMN tablediffusion.ledger_store.at IS 'when the training was admitted';
COMMENT ON COLUMN tablediffusion.ledger_store.epsilon IS 'upper bound on the privacy loss of the training';
COMMENT ON COLUMN tablediffusion.ledger_store.stages IS 'empty; in entries of version 0.2.0 and before, the mechanisms used';
COMMENT ON COLUMN tablediffusion.ledger_store.gaussian_noise_multiplier IS 'noise multiplier of a Gaussian mechanism that costs at least as much as the training may';
COMMENT ON COLUMN tablediffusion.ledger_store.excess_delta IS 'maximum delta in addition to that of this mechanism';
COMMENT ON COLUMN tablediffusion.ledger_store.origin IS 'database in which the training ran';
COMMENT ON COLUMN tablediffusion.ledger_store.transaction IS 'transaction in which the training ran';
COMMENT ON COLUMN tablediffusion.ledger_store.source_rows_only IS 'whether the guarantee is about rows of the source but not about rows of the relations behind it';

-- Charges are entered before a row is read, and are never changed. The transaction of the training adds its outcome, or
-- another transaction does if the training fails.
CREATE TABLE tablediffusion.outcomes_store (
    entry bigint PRIMARY KEY,
    outcome pg_catalog.text NOT NULL,
    at pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    stages pg_catalog.jsonb,
    gaussian_noise_multiplier pg_catalog.float8,
    excess_delta pg_catalog.float8
);
REVOKE ALL ON tablediffusion.outcomes_store FROM PUBLIC;

COMMENT ON TABLE tablediffusion.outcomes_store IS 'outcomes of trainings, and the actual cost of those that made a model';
COMMENT ON COLUMN tablediffusion.outcomes_store.entry IS 'number of the entry in the ledger';
COMMENT ON COLUMN tablediffusion.outcomes_store.outcome IS 'model made, failed or cancelled';
COMMENT ON COLUMN tablediffusion.outcomes_store.at IS 'when the training ended';
COMMENT ON COLUMN tablediffusion.outcomes_store.stages IS 'mechanisms used, by phase, as the accountant reads them';
COMMENT ON COLUMN tablediffusion.outcomes_store.gaussian_noise_multiplier IS 'noise multiplier of a Gaussian mechanism that costs at least as much as the training';
COMMENT ON COLUMN tablediffusion.outcomes_store.excess_delta IS 'delta in addition to that of this mechanism';

-- Names apply only to relations of the same owner. If a relation still exists, its owner is known.
ALTER TABLE tablediffusion.charges_store
    ADD COLUMN owner pg_catalog.oid,
    ADD COLUMN counts boolean NOT NULL DEFAULT true;
COMMENT ON COLUMN tablediffusion.charges_store.owner IS 'owner of the relation at that time, a role of that database; NULL if unknown';
COMMENT ON COLUMN tablediffusion.charges_store.counts IS 'whether the training is charged to the relation; false if the training does not protect its rows';
UPDATE tablediffusion.charges_store AS h SET owner = c.relowner
FROM pg_catalog.pg_class AS c, tablediffusion.origin_store AS o
WHERE c.oid OPERATOR(pg_catalog.=) h.relation AND h.origin OPERATOR(pg_catalog.=) o.id;
ALTER TABLE tablediffusion.budgets_store ADD COLUMN owner pg_catalog.oid;
COMMENT ON COLUMN tablediffusion.budgets_store.owner IS 'owner of the relation at that time, a role of that database; NULL for the role that set it';
UPDATE tablediffusion.budgets_store AS b SET owner = c.relowner
FROM pg_catalog.pg_class AS c, tablediffusion.origin_store AS o
WHERE c.oid OPERATOR(pg_catalog.=) b.relation AND b.origin OPERATOR(pg_catalog.=) o.id;

SELECT pg_catalog.pg_extension_config_dump('tablediffusion.outcomes_store', '');

-- Comments that differ from those of version 0.2.0.
COMMENT ON SCHEMA tablediffusion IS 'models, budgets and the ledger of extension tablediffusion';
COMMENT ON TABLE tablediffusion.models_store IS 'trained models; readable only by superusers';
COMMENT ON COLUMN tablediffusion.models_store.method IS 'method that the model was trained with';
COMMENT ON COLUMN tablediffusion.models_store.epsilon IS 'upper bound on the privacy loss of the training';
COMMENT ON COLUMN tablediffusion.models_store.delta IS 'probability with which this bound may fail';
COMMENT ON COLUMN tablediffusion.models_store.neighbours IS 'how neighbouring tables differ';
COMMENT ON COLUMN tablediffusion.ledger_store.role_name IS 'name of that role at that time';
COMMENT ON COLUMN tablediffusion.ledger_store.source IS 'qualified name of the source at that time';
COMMENT ON COLUMN tablediffusion.ledger_store.source_id IS 'oid of the source at that time';
COMMENT ON COLUMN tablediffusion.ledger_store.delta IS 'probability with which this bound may fail';
COMMENT ON COLUMN tablediffusion.ledger_store.neighbours IS 'how neighbouring tables differ';
COMMENT ON COLUMN tablediffusion.ledger_store.privacy_unit IS 'column whose values identify the protected units; NULL if rows are protected';
COMMENT ON COLUMN tablediffusion.ledger_store.rows_per_unit IS 'maximum number of rows used per unit; NULL if rows are protected';
COMMENT ON COLUMN tablediffusion.ledger_store.row_security IS 'whether row security applied to the role';
COMMENT ON TABLE tablediffusion.charges_store IS 'relations that each training read, also through views and inheritance, and the parents of these relations';
COMMENT ON COLUMN tablediffusion.charges_store.relation IS 'oid of the relation at that time';
COMMENT ON COLUMN tablediffusion.charges_store.name IS 'qualified name of the relation at that time';
COMMENT ON TABLE tablediffusion.budgets_store IS 'privacy budgets of relations';
COMMENT ON COLUMN tablediffusion.budgets_store.epsilon IS 'maximum total privacy loss of all trainings';
COMMENT ON COLUMN tablediffusion.budgets_store.delta IS 'delta at which this maximum holds';
COMMENT ON FUNCTION @extschema@.tablediffusion_create_table(
        pg_catalog.text, pg_catalog.text, bigint, bigint, pg_catalog.jsonb, pg_catalog.text[])
    IS 'create a table of synthetic rows with the column types of a model''s source, and its comments, constraints and indexes if requested';
COMMENT ON FUNCTION @extschema@.tablediffusion_refresh_table(
        pg_catalog.regclass, pg_catalog.text, bigint, bigint, pg_catalog.jsonb)
    IS 'replace the rows of a synthetic table in one transaction and return the number of new rows';
COMMENT ON FUNCTION @extschema@.tablediffusion_export(pg_catalog.text)
    IS 'return a model as bytes that tablediffusion_import accepts in any database';
COMMENT ON FUNCTION @extschema@.tablediffusion_import(pg_catalog.bytea, pg_catalog.text, boolean)
    IS 'store the result of tablediffusion_export as a model and return the name of the model';
COMMENT ON FUNCTION @extschema@.tablediffusion_rename(pg_catalog.text, pg_catalog.text)
    IS 'rename a model; the ledger keeps the old name';
COMMENT ON FUNCTION @extschema@.tablediffusion_progress()
    IS 'list trainings in progress; the view tablediffusion.progress is easier to read';
COMMENT ON FUNCTION @extschema@.tablediffusion_quality(pg_catalog.regclass, pg_catalog.regclass, pg_catalog.name)
    IS 'measure how close a synthetic table is to its source, and how close other real rows and independent columns are; not differentially private';
COMMENT ON FUNCTION @extschema@.tablediffusion_report(pg_catalog.text, pg_catalog.regclass)
    IS 'describe a model as an HTML page; without a source, the page contains only released information and may be published';
COMMENT ON FUNCTION @extschema@.tablediffusion_drop(pg_catalog.text)
    IS 'drop a model; its training stays charged';
COMMENT ON FUNCTION @extschema@.tablediffusion_grant(pg_catalog.text, pg_catalog.name)
    IS 'allow a role, or public, to sample a model';
COMMENT ON FUNCTION @extschema@.tablediffusion_revoke(pg_catalog.text, pg_catalog.name)
    IS 'revoke what tablediffusion_grant granted';
COMMENT ON FUNCTION @extschema@.tablediffusion_set_budget(pg_catalog.regclass, pg_catalog.float8, pg_catalog.float8)
    IS 'limit the total cost of all trainings on a relation; a null epsilon removes the limit';
COMMENT ON FUNCTION @extschema@.tablediffusion_spent_epsilon(pg_catalog.float8, pg_catalog.float8, pg_catalog.float8)
    IS 'total epsilon of trainings at a delta, from the sum of 1 / noise multiplier squared over their Gaussian mechanisms and the sum of their excess deltas';
COMMENT ON FUNCTION @extschema@.tablediffusion_remaining_epsilon(
        pg_catalog.float8, pg_catalog.float8, pg_catalog.float8, pg_catalog.float8)
    IS 'epsilon of one more Gaussian mechanism that brings trainings to the limit epsilon';
COMMENT ON FUNCTION @extschema@.tablediffusion_version()
    IS 'version of the loaded tablediffusion library';

-- Created again below, with two more arguments.
DROP FUNCTION @extschema@.tablediffusion_train(
    pg_catalog.regclass, pg_catalog.float8, pg_catalog.text, pg_catalog.float8, pg_catalog.text, pg_catalog.name[],
    pg_catalog.name[], pg_catalog.jsonb, pg_catalog.name, int, boolean, pg_catalog.jsonb);
DROP FUNCTION @extschema@.tablediffusion_plan(
    pg_catalog.regclass, pg_catalog.float8, pg_catalog.text, pg_catalog.float8, pg_catalog.text, pg_catalog.name[],
    pg_catalog.name[], pg_catalog.jsonb, pg_catalog.name, int, boolean, pg_catalog.jsonb, bigint);

-- The views are created again below: the old ones used operators that others could plant in the schema of the extension.
DROP VIEW tablediffusion.progress;
DROP VIEW tablediffusion.ledger;
DROP VIEW tablediffusion.grants;
DROP VIEW tablediffusion.budgets;
DROP VIEW tablediffusion.budgets_spent;
DROP VIEW tablediffusion.columns;
DROP VIEW tablediffusion.models;
DROP VIEW tablediffusion.models_usable;
