-- From version 0.2.0 to 0.3.0; leaves what a fresh install of 0.3.0 has. The build adds what
-- functions.sql marks, and the views: see write_scripts in .ci/setup.sh.

-- Nothing that is named below is looked up where others may have put it.
SET LOCAL search_path = pg_catalog, pg_temp;

-- Charges come before a row is read, in transactions of their own. Entries that are there were made with their models.
ALTER TABLE tablediffusion.ledger_store
    ADD COLUMN origin pg_catalog.uuid,
    ADD COLUMN transaction pg_catalog.xid8,
    ADD COLUMN source_rows_only boolean NOT NULL DEFAULT false;
COMMENT ON TABLE tablediffusion.ledger_store IS 'every training that was admitted and what it may spend; kept when models and sources are dropped';
COMMENT ON COLUMN tablediffusion.ledger_store.at IS 'when the training was admitted';
COMMENT ON COLUMN tablediffusion.ledger_store.epsilon IS 'privacy loss that the training is bounded by';
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

-- Names count for relations of the same owner only. Where a relation still exists its owner is known.
ALTER TABLE tablediffusion.charges_store
    ADD COLUMN owner pg_catalog.oid,
    ADD COLUMN counts boolean NOT NULL DEFAULT true;
COMMENT ON COLUMN tablediffusion.charges_store.owner IS 'owner of the relation then, a role of that database; NULL if unknown';
COMMENT ON COLUMN tablediffusion.charges_store.counts IS 'whether the training is charged to the relation; false where its rows are not what is protected';
UPDATE tablediffusion.charges_store AS h SET owner = c.relowner
FROM pg_catalog.pg_class AS c, tablediffusion.origin_store AS o
WHERE c.oid OPERATOR(pg_catalog.=) h.relation AND h.origin OPERATOR(pg_catalog.=) o.id;
ALTER TABLE tablediffusion.budgets_store ADD COLUMN owner pg_catalog.oid;
COMMENT ON COLUMN tablediffusion.budgets_store.owner IS 'owner of the relation then, a role of that database; NULL for the role that set it';
UPDATE tablediffusion.budgets_store AS b SET owner = c.relowner
FROM pg_catalog.pg_class AS c, tablediffusion.origin_store AS o
WHERE c.oid OPERATOR(pg_catalog.=) b.relation AND b.origin OPERATOR(pg_catalog.=) o.id;

SELECT pg_catalog.pg_extension_config_dump('tablediffusion.outcomes_store', '');

-- The views anew, below: the old ones took operators that others had planted where the extension was created.
DROP VIEW tablediffusion.progress;
DROP VIEW tablediffusion.ledger;
DROP VIEW tablediffusion.grants;
DROP VIEW tablediffusion.budgets;
DROP VIEW tablediffusion.budgets_spent;
DROP VIEW tablediffusion.columns;
DROP VIEW tablediffusion.models;
DROP VIEW tablediffusion.models_usable;
