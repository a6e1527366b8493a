-- Nothing that is named below is looked up where others may have put it: every name and operator is qualified, and the
-- search path of each script (CREATE EXTENSION's own starts with the schema that the functions go into) is pinned.
SET LOCAL search_path = pg_catalog, pg_temp;

-- The tables of the extension. Nobody but their owner, a superuser, reads or writes them; its functions do so on
-- everybody's behalf, after their own checks.

CREATE SCHEMA tablediffusion;
REVOKE ALL ON SCHEMA tablediffusion FROM PUBLIC;
GRANT USAGE ON SCHEMA tablediffusion TO PUBLIC;
COMMENT ON SCHEMA tablediffusion IS 'models, and what was released and spent, of extension tablediffusion';

-- Oids mean something only in the database that they come from: a dump restored elsewhere carries another origin. Not
-- dumped; a copy of the database's files keeps it, and the oids.
CREATE TABLE tablediffusion.origin_store (
    id pg_catalog.uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid()
);
REVOKE ALL ON tablediffusion.origin_store FROM PUBLIC;
INSERT INTO tablediffusion.origin_store DEFAULT VALUES;
COMMENT ON TABLE tablediffusion.origin_store IS 'which database the oids in the other tables belong to';
COMMENT ON COLUMN tablediffusion.origin_store.id IS 'made when the extension was created';

-- Sources are kept by name and oid, not as regclass: a dump must be restorable without the private tables.
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

COMMENT ON TABLE tablediffusion.models_store IS 'trained models; not readable but by superusers';
COMMENT ON COLUMN tablediffusion.models_store.name IS 'name of the model';
COMMENT ON COLUMN tablediffusion.models_store.owner IS 'role that trained the model and may sample and drop it';
COMMENT ON COLUMN tablediffusion.models_store.created IS 'start of the transaction that trained the model';
COMMENT ON COLUMN tablediffusion.models_store.source IS 'qualified name of the source when the model was trained';
COMMENT ON COLUMN tablediffusion.models_store.source_id IS 'oid of the source when the model was trained';
COMMENT ON COLUMN tablediffusion.models_store.method IS 'method that the model was trained by';
COMMENT ON COLUMN tablediffusion.models_store.epsilon IS 'privacy loss that the training is bounded by';
COMMENT ON COLUMN tablediffusion.models_store.delta IS 'probability with which that bound may fail';
COMMENT ON COLUMN tablediffusion.models_store.neighbours IS 'how the tables differ between which the bound holds';
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
    -- NULL in entries of earlier versions, which were made with their models.
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
COMMENT ON COLUMN tablediffusion.ledger_store.role_name IS 'name of that role then';
COMMENT ON COLUMN tablediffusion.ledger_store.source IS 'qualified name of the source then';
COMMENT ON COLUMN tablediffusion.ledger_store.source_id IS 'oid of the source then';
COMMENT ON COLUMN tablediffusion.ledger_store.method IS 'method of the training';
COMMENT ON COLUMN tablediffusion.ledger_store.epsilon IS 'privacy loss that the training is bounded by';
COMMENT ON COLUMN tablediffusion.ledger_store.delta IS 'probability with which that bound may fail';
COMMENT ON COLUMN tablediffusion.ledger_store.neighbours IS 'how the tables differ between which the bound holds';
COMMENT ON COLUMN tablediffusion.ledger_store.privacy_unit IS 'column whose values are the units that are protected; NULL if these are rows';
COMMENT ON COLUMN tablediffusion.ledger_store.rows_per_unit IS 'rows of a unit that were used at most; NULL if the units are rows';
COMMENT ON COLUMN tablediffusion.ledger_store.row_security IS 'whether row security kept rows from the role';
COMMENT ON COLUMN tablediffusion.ledger_store.stages IS 'empty; in entries of version 0.2.0 and before, the mechanisms used';
COMMENT ON COLUMN tablediffusion.ledger_store.gaussian_noise_multiplier IS 'noise multiplier of a Gaussian mechanism that the training is held to be no worse than';
COMMENT ON COLUMN tablediffusion.ledger_store.excess_delta IS 'delta that comes on top of that mechanism''s, at most';
COMMENT ON COLUMN tablediffusion.ledger_store.origin IS 'database that trained';
COMMENT ON COLUMN tablediffusion.ledger_store.transaction IS 'transaction that trained';
COMMENT ON COLUMN tablediffusion.ledger_store.source_rows_only IS 'whether the promise is about rows of the source alone and not about rows of the relations behind it';

-- Charges are entered before a row is read and never changed; what became of a training is added by its own transaction,
-- or by another if it fails.
CREATE TABLE tablediffusion.outcomes_store (
    entry bigint PRIMARY KEY,
    outcome pg_catalog.text NOT NULL,
    at pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    stages pg_catalog.jsonb,
    gaussian_noise_multiplier pg_catalog.float8,
    excess_delta pg_catalog.float8
);
REVOKE ALL ON tablediffusion.outcomes_store FROM PUBLIC;

COMMENT ON TABLE tablediffusion.outcomes_store IS 'what became of trainings, and what those that made a model really spent';
COMMENT ON COLUMN tablediffusion.outcomes_store.entry IS 'number of the entry in the ledger';
COMMENT ON COLUMN tablediffusion.outcomes_store.outcome IS 'model made, failed or cancelled';
COMMENT ON COLUMN tablediffusion.outcomes_store.at IS 'when the training ended';
COMMENT ON COLUMN tablediffusion.outcomes_store.stages IS 'the mechanisms used, by phase, as the accountant takes them';
COMMENT ON COLUMN tablediffusion.outcomes_store.gaussian_noise_multiplier IS 'noise multiplier of a Gaussian mechanism that the training is no worse than';
COMMENT ON COLUMN tablediffusion.outcomes_store.excess_delta IS 'delta that comes on top of that mechanism''s';

-- No table refers to another by a foreign key: pg_restore with several jobs fills them in any order.
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

COMMENT ON TABLE tablediffusion.charges_store IS 'the relations that each training read, through views and inheritance, and those that they are part of';
COMMENT ON COLUMN tablediffusion.charges_store.entry IS 'number of the entry in the ledger';
COMMENT ON COLUMN tablediffusion.charges_store.relation IS 'oid of the relation then';
COMMENT ON COLUMN tablediffusion.charges_store.origin IS 'database that the oid belongs to';
COMMENT ON COLUMN tablediffusion.charges_store.name IS 'qualified name of the relation then';
COMMENT ON COLUMN tablediffusion.charges_store.owner IS 'owner of the relation then, a role of that database; NULL if unknown';
COMMENT ON COLUMN tablediffusion.charges_store.counts IS 'whether the training is charged to the relation; false where its rows are not what is protected';

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

COMMENT ON TABLE tablediffusion.budgets_store IS 'what trainings may spend of each relation in all';
COMMENT ON COLUMN tablediffusion.budgets_store.id IS 'number of the budget';
COMMENT ON COLUMN tablediffusion.budgets_store.relation IS 'oid of the relation';
COMMENT ON COLUMN tablediffusion.budgets_store.origin IS 'database that the oid belongs to';
COMMENT ON COLUMN tablediffusion.budgets_store.name IS 'qualified name of the relation when the budget was set';
COMMENT ON COLUMN tablediffusion.budgets_store.epsilon IS 'privacy loss of all trainings together, at most';
COMMENT ON COLUMN tablediffusion.budgets_store.delta IS 'delta at which that holds';
COMMENT ON COLUMN tablediffusion.budgets_store.role IS 'role that set the budget';
COMMENT ON COLUMN tablediffusion.budgets_store.at IS 'when it was set';
COMMENT ON COLUMN tablediffusion.budgets_store.owner IS 'owner of the relation then, a role of that database; NULL for the role that set it';

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

-- All of this is data: pg_dump takes all of the rows, and the counters with them.
SELECT pg_catalog.pg_extension_config_dump('tablediffusion.models_store', '');
SELECT pg_catalog.pg_extension_config_dump('tablediffusion.ledger_store', '');
SELECT pg_catalog.pg_extension_config_dump('tablediffusion.ledger_store_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('tablediffusion.outcomes_store', '');
SELECT pg_catalog.pg_extension_config_dump('tablediffusion.charges_store', '');
SELECT pg_catalog.pg_extension_config_dump('tablediffusion.budgets_store', '');
SELECT pg_catalog.pg_extension_config_dump('tablediffusion.budgets_store_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('tablediffusion.grants_store', '');
