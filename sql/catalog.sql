-- No name is looked up in a schema where others can create objects: every name and operator is qualified, and each script
-- pins its search path (that of CREATE EXTENSION starts with the schema of the functions).
SET LOCAL search_path = pg_catalog, pg_temp;

-- The tables of the extension. Only their owner, a superuser, can read or write them. The functions of the extension
-- access them for other roles, after their own checks.

CREATE SCHEMA tablediffusion;
REVOKE ALL ON SCHEMA tablediffusion FROM PUBLIC;
GRANT USAGE ON SCHEMA tablediffusion TO PUBLIC;
COMMENT ON SCHEMA tablediffusion IS 'models, budgets and the ledger of extension tablediffusion';

-- Oids are valid only in the database of origin. This table is not dumped, so a restored database has another origin. A
-- copy of the database's files keeps the origin and the oids.
CREATE TABLE tablediffusion.origin_store (
    id pg_catalog.uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid()
);
REVOKE ALL ON tablediffusion.origin_store FROM PUBLIC;
INSERT INTO tablediffusion.origin_store DEFAULT VALUES;
COMMENT ON TABLE tablediffusion.origin_store IS 'which database the oids in the other tables belong to';
COMMENT ON COLUMN tablediffusion.origin_store.id IS 'made when the extension was created';

-- Sources are stored by name and oid, not as regclass, so that a dump can be restored without the private tables.
CREATE TABLE tablediffusion.models_store (
    name pg_catalog.text PRIMARY KEY,
    owner pg_catalog.regrole NOT NULL,
    created pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.now(),
    source pg_catalog.text NOT NULL,
    source_id pg_catalog.oid NOT NULL,
    method pg_catalog.text NOT NULL,
    epsilon pg_catalog.float8 NOT NULL,
    delta pg_catalog.float8 NOT NULL,
    neighbours pg_catalog.text NOT NULL,
    noisy_rows pg_catalog.float8 NOT NULL,
    columns pg_catalog.jsonb NOT NULL,
    bytes pg_catalog.bytea NOT NULL
);
-- Weights do not compress.
ALTER TABLE tablediffusion.models_store ALTER COLUMN bytes SET STORAGE EXTERNAL;
REVOKE ALL ON tablediffusion.models_store FROM PUBLIC;

COMMENT ON TABLE tablediffusion.models_store IS 'trained models; readable only by superusers';
COMMENT ON COLUMN tablediffusion.models_store.name IS 'name of the model';
COMMENT ON COLUMN tablediffusion.models_store.owner IS 'role that trained the model and may sample and drop it';
COMMENT ON COLUMN tablediffusion.models_store.created IS 'start of the transaction that trained the model';
COMMENT ON COLUMN tablediffusion.models_store.source IS 'qualified name of the source when the model was trained';
COMMENT ON COLUMN tablediffusion.models_store.source_id IS 'oid of the source when the model was trained';
COMMENT ON COLUMN tablediffusion.models_store.method IS 'method that the model was trained with';
COMMENT ON COLUMN tablediffusion.models_store.epsilon IS 'upper bound on the privacy loss of the training';
COMMENT ON COLUMN tablediffusion.models_store.delta IS 'probability with which this bound may fail';
COMMENT ON COLUMN tablediffusion.models_store.neighbours IS 'how neighbouring tables differ';
COMMENT ON COLUMN tablediffusion.models_store.noisy_rows IS 'noisy count of the rows that were used';
COMMENT ON COLUMN tablediffusion.models_store.columns IS 'what was released about each column';
COMMENT ON COLUMN tablediffusion.models_store.bytes IS 'the model, versioned and with a checksum';

CREATE TABLE tablediffusion.ledger_store (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.now(),
    model pg_catalog.text NOT NULL,
    role pg_catalog.regrole NOT NULL,
    role_name pg_catalog.text NOT NULL,
    source pg_catalog.text NOT NULL,
    source_id pg_catalog.oid NOT NULL,
    method pg_catalog.text NOT NULL,
    epsilon pg_catalog.float8 NOT NULL,
    delta pg_catalog.float8 NOT NULL,
    neighbours pg_catalog.text NOT NULL,
    privacy_unit pg_catalog.text,
    rows_per_unit int,
    row_security boolean NOT NULL,
    stages pg_catalog.jsonb NOT NULL,
    gaussian_noise_multiplier pg_catalog.float8 NOT NULL,
    excess_delta pg_catalog.float8 NOT NULL,
    -- NULL in entries of version 0.2.0 and before, which were committed together with their models.
    origin pg_catalog.uuid,
    transaction pg_catalog.xid8,
    source_rows_only boolean NOT NULL DEFAULT false
);
REVOKE ALL ON tablediffusion.ledger_store FROM PUBLIC;

COMMENT ON TABLE tablediffusion.ledger_store IS 'every training that was admitted and what it may spend; kept when models and sources are dropped';
COMMENT ON COLUMN tablediffusion.ledger_store.id IS 'number of the entry';
COMMENT ON COLUMN tablediffusion.ledger_store.at IS 'when the training was admitted';
COMMENT ON COLUMN tablediffusion.ledger_store.model IS 'name of the model';
COMMENT ON COLUMN tablediffusion.ledger_store.role IS 'role that trained it';
COMMENT ON COLUMN tablediffusion.ledger_store.role_name IS 'name of that role at that time';
COMMENT ON COLUMN tablediffusion.ledger_store.source IS 'qualified name of the source at that time';
COMMENT ON COLUMN tablediffusion.ledger_store.source_id IS 'oid of the source at that time';
COMMENT ON COLUMN tablediffusion.ledger_store.method IS 'method of the training';
COMMENT ON COLUMN tablediffusion.ledger_store.epsilon IS 'upper bound on the privacy loss of the training';
COMMENT ON COLUMN tablediffusion.ledger_store.delta IS 'probability with which this bound may fail';
COMMENT ON COLUMN tablediffusion.ledger_store.neighbours IS 'how neighbouring tables differ';
COMMENT ON COLUMN tablediffusion.ledger_store.privacy_unit IS 'column whose values identify the protected units; NULL if rows are protected';
COMMENT ON COLUMN tablediffusion.ledger_store.rows_per_unit IS 'maximum number of rows used per unit; NULL if rows are protected';
COMMENT ON COLUMN tablediffusion.ledger_store.row_security IS 'whether row security applied to the role';
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

-- There are no foreign keys between the tables: pg_restore with several jobs fills them in any order.
CREATE TABLE tablediffusion.charges_store (
    entry bigint NOT NULL,
    relation pg_catalog.oid NOT NULL,
    origin pg_catalog.uuid NOT NULL,
    name pg_catalog.text NOT NULL,
    owner pg_catalog.oid,
    counts boolean NOT NULL DEFAULT true,
    PRIMARY KEY (entry, relation)
);
CREATE INDEX ON tablediffusion.charges_store (relation);
CREATE INDEX ON tablediffusion.charges_store (name);
REVOKE ALL ON tablediffusion.charges_store FROM PUBLIC;

COMMENT ON TABLE tablediffusion.charges_store IS 'relations that each training read, also through views and inheritance, and the parents of these relations';
COMMENT ON COLUMN tablediffusion.charges_store.entry IS 'number of the entry in the ledger';
COMMENT ON COLUMN tablediffusion.charges_store.relation IS 'oid of the relation at that time';
COMMENT ON COLUMN tablediffusion.charges_store.origin IS 'database that the oid belongs to';
COMMENT ON COLUMN tablediffusion.charges_store.name IS 'qualified name of the relation at that time';
COMMENT ON COLUMN tablediffusion.charges_store.owner IS 'owner of the relation at that time, a role of that database; NULL if unknown';
COMMENT ON COLUMN tablediffusion.charges_store.counts IS 'whether the training is charged to the relation; false if the training does not protect its rows';

CREATE TABLE tablediffusion.budgets_store (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    relation pg_catalog.oid NOT NULL,
    origin pg_catalog.uuid NOT NULL,
    name pg_catalog.text NOT NULL,
    epsilon pg_catalog.float8 NOT NULL,
    delta pg_catalog.float8 NOT NULL,
    role pg_catalog.regrole NOT NULL,
    at pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.now(),
    owner pg_catalog.oid,
    UNIQUE (relation, origin)
);
REVOKE ALL ON tablediffusion.budgets_store FROM PUBLIC;

COMMENT ON TABLE tablediffusion.budgets_store IS 'privacy budgets of relations';
COMMENT ON COLUMN tablediffusion.budgets_store.id IS 'number of the budget';
COMMENT ON COLUMN tablediffusion.budgets_store.relation IS 'oid of the relation';
COMMENT ON COLUMN tablediffusion.budgets_store.origin IS 'database that the oid belongs to';
COMMENT ON COLUMN tablediffusion.budgets_store.name IS 'qualified name of the relation when the budget was set';
COMMENT ON COLUMN tablediffusion.budgets_store.epsilon IS 'maximum total privacy loss of all trainings';
COMMENT ON COLUMN tablediffusion.budgets_store.delta IS 'delta at which this maximum holds';
COMMENT ON COLUMN tablediffusion.budgets_store.role IS 'role that set the budget';
COMMENT ON COLUMN tablediffusion.budgets_store.at IS 'when it was set';
COMMENT ON COLUMN tablediffusion.budgets_store.owner IS 'owner of the relation at that time, a role of that database; NULL for the role that set it';

CREATE TABLE tablediffusion.grants_store (
    model pg_catalog.text NOT NULL,
    grantee pg_catalog.regrole NOT NULL,
    grantor pg_catalog.regrole NOT NULL,
    at pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.now(),
    PRIMARY KEY (model, grantee)
);
REVOKE ALL ON tablediffusion.grants_store FROM PUBLIC;

COMMENT ON TABLE tablediffusion.grants_store IS 'roles that may sample a model besides its owner';
COMMENT ON COLUMN tablediffusion.grants_store.model IS 'name of the model';
COMMENT ON COLUMN tablediffusion.grants_store.grantee IS 'role that may sample it; - for every role';
COMMENT ON COLUMN tablediffusion.grants_store.grantor IS 'role that granted it';
COMMENT ON COLUMN tablediffusion.grants_store.at IS 'when it was granted';

-- pg_dump dumps all rows of these tables, and the sequences.
SELECT pg_catalog.pg_extension_config_dump('tablediffusion.models_store', '');
SELECT pg_catalog.pg_extension_config_dump('tablediffusion.ledger_store', '');
SELECT pg_catalog.pg_extension_config_dump('tablediffusion.ledger_store_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('tablediffusion.outcomes_store', '');
SELECT pg_catalog.pg_extension_config_dump('tablediffusion.charges_store', '');
SELECT pg_catalog.pg_extension_config_dump('tablediffusion.budgets_store', '');
SELECT pg_catalog.pg_extension_config_dump('tablediffusion.budgets_store_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('tablediffusion.grants_store', '');
