-- The tables of the extension. Nobody but their owner, a superuser, reads or writes them; its functions do so on
-- everybody's behalf, after their own checks.

CREATE SCHEMA tablediffusion;
REVOKE ALL ON SCHEMA tablediffusion FROM PUBLIC;
GRANT USAGE ON SCHEMA tablediffusion TO PUBLIC;
COMMENT ON SCHEMA tablediffusion IS 'models, and what was released and spent, of extension tablediffusion';

-- Sources are kept by name and oid, not as regclass: a dump must be restorable without the private tables.
CREATE TABLE tablediffusion.models_store (
    name text PRIMARY KEY,
    owner regrole NOT NULL,
    created timestamptz NOT NULL DEFAULT pg_catalog.now(),
    source text NOT NULL,
    source_id oid NOT NULL,
    method text NOT NULL,
    epsilon float8 NOT NULL,
    delta float8 NOT NULL,
    neighbours text NOT NULL,
    noisy_rows float8 NOT NULL,
    columns jsonb NOT NULL,
    bytes bytea NOT NULL
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
    at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    model text NOT NULL,
    role regrole NOT NULL,
    role_name text NOT NULL,
    source text NOT NULL,
    source_id oid NOT NULL,
    method text NOT NULL,
    epsilon float8 NOT NULL,
    delta float8 NOT NULL,
    neighbours text NOT NULL,
    privacy_unit text,
    rows_per_unit int,
    stages jsonb NOT NULL
);
REVOKE ALL ON tablediffusion.ledger_store FROM PUBLIC;

COMMENT ON TABLE tablediffusion.ledger_store IS 'every committed training and what it spent; kept when models and sources are dropped';
COMMENT ON COLUMN tablediffusion.ledger_store.id IS 'number of the entry';
COMMENT ON COLUMN tablediffusion.ledger_store.at IS 'start of the transaction that trained the model';
COMMENT ON COLUMN tablediffusion.ledger_store.model IS 'name of the model';
COMMENT ON COLUMN tablediffusion.ledger_store.role IS 'role that trained it';
COMMENT ON COLUMN tablediffusion.ledger_store.role_name IS 'name of that role then';
COMMENT ON COLUMN tablediffusion.ledger_store.source IS 'qualified name of the source then';
COMMENT ON COLUMN tablediffusion.ledger_store.source_id IS 'oid of the source then';
COMMENT ON COLUMN tablediffusion.ledger_store.method IS 'method of the training';
COMMENT ON COLUMN tablediffusion.ledger_store.epsilon IS 'privacy loss spent';
COMMENT ON COLUMN tablediffusion.ledger_store.delta IS 'probability with which that bound may fail';
COMMENT ON COLUMN tablediffusion.ledger_store.neighbours IS 'how the tables differ between which the bound holds';
COMMENT ON COLUMN tablediffusion.ledger_store.privacy_unit IS 'column whose values are the units that are protected; NULL if these are rows';
COMMENT ON COLUMN tablediffusion.ledger_store.rows_per_unit IS 'rows of a unit that were used at most; NULL if the units are rows';
COMMENT ON COLUMN tablediffusion.ledger_store.stages IS 'the mechanisms used, by phase, as the accountant takes them';

-- Models and the ledger are data: pg_dump takes all of their rows, and the counter with them.
SELECT pg_catalog.pg_extension_config_dump('tablediffusion.models_store', '');
SELECT pg_catalog.pg_extension_config_dump('tablediffusion.ledger_store', '');
SELECT pg_catalog.pg_extension_config_dump('tablediffusion.ledger_store_id_seq', '');
