-- Version 0.2.0 as it was released, but that its views name operators and functions with their schema, so that nobody can
-- plant others: what it makes is the same. Else never changed. tests/regress/upgrade.sh starts from it.

-- The tables of the extension. Nobody but their owner, a superuser, reads or writes them; its functions do so on
-- everybody's behalf, after their own checks.

CREATE SCHEMA tablediffusion;
REVOKE ALL ON SCHEMA tablediffusion FROM PUBLIC;
GRANT USAGE ON SCHEMA tablediffusion TO PUBLIC;
COMMENT ON SCHEMA tablediffusion IS 'models, and what was released and spent, of extension tablediffusion';

-- Oids mean something only in the database that they come from: a dump restored elsewhere carries another origin. Not
-- dumped; a copy of the database's files keeps it, and the oids.
CREATE TABLE tablediffusion.origin_store (
    id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid()
);
REVOKE ALL ON tablediffusion.origin_store FROM PUBLIC;
INSERT INTO tablediffusion.origin_store DEFAULT VALUES;
COMMENT ON TABLE tablediffusion.origin_store IS 'which database the oids in the other tables belong to';
COMMENT ON COLUMN tablediffusion.origin_store.id IS 'made when the extension was created';

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
    row_security boolean NOT NULL,
    stages jsonb NOT NULL,
    gaussian_noise_multiplier float8 NOT NULL,
    excess_delta float8 NOT NULL
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
COMMENT ON COLUMN tablediffusion.ledger_store.row_security IS 'whether row security kept rows from the role';
COMMENT ON COLUMN tablediffusion.ledger_store.stages IS 'the mechanisms used, by phase, as the accountant takes them';
COMMENT ON COLUMN tablediffusion.ledger_store.gaussian_noise_multiplier IS 'noise multiplier of a Gaussian mechanism that the training is no worse than';
COMMENT ON COLUMN tablediffusion.ledger_store.excess_delta IS 'delta that comes on top of that mechanism''s';

-- No table refers to another by a foreign key: pg_restore with several jobs fills them in any order.
CREATE TABLE tablediffusion.charges_store (
    entry bigint NOT NULL,
    relation oid NOT NULL,
    origin uuid NOT NULL,
    name text NOT NULL,
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

CREATE TABLE tablediffusion.budgets_store (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    relation oid NOT NULL,
    origin uuid NOT NULL,
    name text NOT NULL,
    epsilon float8 NOT NULL,
    delta float8 NOT NULL,
    role regrole NOT NULL,
    at timestamptz NOT NULL DEFAULT pg_catalog.now(),
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

CREATE TABLE tablediffusion.grants_store (
    model text NOT NULL,
    grantee regrole NOT NULL,
    grantor regrole NOT NULL,
    at timestamptz NOT NULL DEFAULT pg_catalog.now(),
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
SELECT pg_catalog.pg_extension_config_dump('tablediffusion.charges_store', '');
SELECT pg_catalog.pg_extension_config_dump('tablediffusion.budgets_store', '');
SELECT pg_catalog.pg_extension_config_dump('tablediffusion.budgets_store_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('tablediffusion.grants_store', '');

-- The functions. All are VOLATILE and CALLED ON NULL INPUT unless said otherwise: they write, or draw at random, and
-- report nulls themselves. None is SECURITY DEFINER: sources are read as the caller, and our own tables are used as
-- their owner by the code, with a pinned search path. No function runs SQL that names anything unqualified, so that the
-- caller's search path is left alone for the sake of the views that it reads.

-- PARALLEL UNSAFE: writes.
CREATE FUNCTION tablediffusion_train(
    source regclass,
    epsilon float8,
    model text DEFAULT NULL,
    delta float8 DEFAULT NULL,
    method text DEFAULT 'guided',
    columns name[] DEFAULT NULL,
    exclude name[] DEFAULT NULL,
    domain jsonb DEFAULT NULL,
    privacy_unit name DEFAULT NULL,
    rows_per_unit int DEFAULT NULL,
    replace boolean DEFAULT false,
    options jsonb DEFAULT '{}'
) RETURNS text
LANGUAGE c VOLATILE CALLED ON NULL INPUT SECURITY INVOKER PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'tablediffusion_train';
REVOKE ALL ON FUNCTION tablediffusion_train(
        regclass, float8, text, float8, text, name[], name[], jsonb, name, int, boolean, jsonb)
    FROM PUBLIC;
COMMENT ON FUNCTION tablediffusion_train(
        regclass, float8, text, float8, text, name[], name[], jsonb, name, int, boolean, jsonb)
    IS 'train a differentially private model of a table and return the name of the model';

-- STABLE: reads catalogs, and no row of the source. The arguments of tablediffusion_train, and a size to plan for.
CREATE FUNCTION tablediffusion_plan(
    source regclass,
    epsilon float8,
    model text DEFAULT NULL,
    delta float8 DEFAULT NULL,
    method text DEFAULT 'guided',
    columns name[] DEFAULT NULL,
    exclude name[] DEFAULT NULL,
    domain jsonb DEFAULT NULL,
    privacy_unit name DEFAULT NULL,
    rows_per_unit int DEFAULT NULL,
    replace boolean DEFAULT false,
    options jsonb DEFAULT '{}',
    rows bigint DEFAULT 100000
) RETURNS TABLE (
    stage text, mechanism text, uses bigint, noise_multiplier float8, sampling_rate float8, steps bigint,
    stage_epsilon float8, stage_delta float8, note text)
LANGUAGE c STABLE CALLED ON NULL INPUT SECURITY INVOKER PARALLEL UNSAFE COST 1000 ROWS 10
AS 'MODULE_PATHNAME', 'tablediffusion_plan';
REVOKE ALL ON FUNCTION tablediffusion_plan(regclass, float8, text, float8, text, name[], name[], jsonb, name, int, boolean,
    jsonb, bigint) FROM PUBLIC;
-- Needs the privilege to select what a training would read, and spends nothing.
GRANT EXECUTE ON FUNCTION tablediffusion_plan(regclass, float8, text, float8, text, name[], name[], jsonb, name, int, boolean,
    jsonb, bigint) TO PUBLIC;
COMMENT ON FUNCTION tablediffusion_plan(regclass, float8, text, float8, text, name[], name[], jsonb, name, int, boolean,
    jsonb, bigint) IS 'what a training with these arguments would spend on what, and what it would guarantee';

-- PARALLEL RESTRICTED: the threads are the leader's.
CREATE FUNCTION tablediffusion_sample(
    model text,
    n bigint,
    given jsonb DEFAULT NULL,
    seed bigint DEFAULT NULL
) RETURNS SETOF jsonb
LANGUAGE c VOLATILE CALLED ON NULL INPUT SECURITY INVOKER PARALLEL RESTRICTED COST 1000 ROWS 1000
AS 'MODULE_PATHNAME', 'tablediffusion_sample_json';
REVOKE ALL ON FUNCTION tablediffusion_sample(text, bigint, jsonb, bigint) FROM PUBLIC;
-- Checks that the caller owns the model.
GRANT EXECUTE ON FUNCTION tablediffusion_sample(text, bigint, jsonb, bigint) TO PUBLIC;
COMMENT ON FUNCTION tablediffusion_sample(text, bigint, jsonb, bigint)
    IS 'make synthetic rows as JSON objects';

CREATE FUNCTION tablediffusion_sample(
    model text,
    n bigint,
    row_type anyelement,
    given jsonb DEFAULT NULL,
    seed bigint DEFAULT NULL
) RETURNS SETOF anyelement
LANGUAGE c VOLATILE CALLED ON NULL INPUT SECURITY INVOKER PARALLEL RESTRICTED COST 1000 ROWS 1000
AS 'MODULE_PATHNAME', 'tablediffusion_sample_rows';
REVOKE ALL ON FUNCTION tablediffusion_sample(text, bigint, anyelement, jsonb, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tablediffusion_sample(text, bigint, anyelement, jsonb, bigint) TO PUBLIC;
COMMENT ON FUNCTION tablediffusion_sample(text, bigint, anyelement, jsonb, bigint)
    IS 'make synthetic rows of a row type, such as NULL::name_of_the_source';

-- PARALLEL UNSAFE: writes.
CREATE FUNCTION tablediffusion_create_table(
    target text,
    model text,
    n bigint,
    seed bigint DEFAULT NULL,
    given jsonb DEFAULT NULL,
    including text[] DEFAULT '{}'
) RETURNS regclass
LANGUAGE c VOLATILE CALLED ON NULL INPUT SECURITY INVOKER PARALLEL UNSAFE COST 1000
AS 'MODULE_PATHNAME', 'tablediffusion_create_table';
REVOKE ALL ON FUNCTION tablediffusion_create_table(text, text, bigint, bigint, jsonb, text[]) FROM PUBLIC;
-- Checks that the caller may sample the model, and creates the table as the caller.
GRANT EXECUTE ON FUNCTION tablediffusion_create_table(text, text, bigint, bigint, jsonb, text[]) TO PUBLIC;
COMMENT ON FUNCTION tablediffusion_create_table(text, text, bigint, bigint, jsonb, text[])
    IS 'create a table with the column types of a model''s source, and comments, constraints and indexes if named, and fill it with synthetic rows';

-- PARALLEL UNSAFE: writes.
CREATE FUNCTION tablediffusion_refresh_table(
    target regclass,
    model text,
    n bigint,
    seed bigint DEFAULT NULL,
    given jsonb DEFAULT NULL
) RETURNS bigint
LANGUAGE c VOLATILE CALLED ON NULL INPUT SECURITY INVOKER PARALLEL UNSAFE COST 1000
AS 'MODULE_PATHNAME', 'tablediffusion_refresh_table';
REVOKE ALL ON FUNCTION tablediffusion_refresh_table(regclass, text, bigint, bigint, jsonb) FROM PUBLIC;
-- Checks that the caller owns the table and may sample the model.
GRANT EXECUTE ON FUNCTION tablediffusion_refresh_table(regclass, text, bigint, bigint, jsonb) TO PUBLIC;
COMMENT ON FUNCTION tablediffusion_refresh_table(regclass, text, bigint, bigint, jsonb)
    IS 'replace the rows of a synthetic table, at once for its readers, and return their number';

-- PARALLEL UNSAFE: reads the stored model as its owner.
CREATE FUNCTION tablediffusion_export(model text) RETURNS bytea
LANGUAGE c VOLATILE CALLED ON NULL INPUT SECURITY INVOKER PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'tablediffusion_export';
REVOKE ALL ON FUNCTION tablediffusion_export(text) FROM PUBLIC;
-- Checks that the caller owns the model.
GRANT EXECUTE ON FUNCTION tablediffusion_export(text) TO PUBLIC;
COMMENT ON FUNCTION tablediffusion_export(text) IS 'a model as bytes that tablediffusion_import takes, in any database';

-- PARALLEL UNSAFE: writes. What a model claims of itself is believed, so that not everybody may bring one.
CREATE FUNCTION tablediffusion_import(bytes bytea, model text, replace boolean DEFAULT false) RETURNS text
LANGUAGE c VOLATILE CALLED ON NULL INPUT SECURITY INVOKER PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'tablediffusion_import';
REVOKE ALL ON FUNCTION tablediffusion_import(bytea, text, boolean) FROM PUBLIC;
COMMENT ON FUNCTION tablediffusion_import(bytea, text, boolean)
    IS 'store what tablediffusion_export returned as a model and return its name';

-- PARALLEL UNSAFE: writes.
CREATE FUNCTION tablediffusion_rename(model text, new_name text) RETURNS void
LANGUAGE c VOLATILE CALLED ON NULL INPUT SECURITY INVOKER PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'tablediffusion_rename';
REVOKE ALL ON FUNCTION tablediffusion_rename(text, text) FROM PUBLIC;
-- Checks that the caller owns the model.
GRANT EXECUTE ON FUNCTION tablediffusion_rename(text, text) TO PUBLIC;
COMMENT ON FUNCTION tablediffusion_rename(text, text) IS 'give a model another name; the ledger keeps the old one';

-- STABLE and PARALLEL RESTRICTED, as PostgreSQL's own: what is read is a copy that the leader took.
CREATE FUNCTION tablediffusion_progress() RETURNS TABLE (
    pid int, database oid, role oid, source oid, model text, method text, phase text, phases_done int, phases int,
    percent int, started timestamptz, phase_started timestamptz)
LANGUAGE c STABLE STRICT SECURITY INVOKER PARALLEL RESTRICTED COST 100 ROWS 10
AS 'MODULE_PATHNAME', 'tablediffusion_progress';
REVOKE ALL ON FUNCTION tablediffusion_progress() FROM PUBLIC;
-- Shows trainings of roles whose privileges the caller has.
GRANT EXECUTE ON FUNCTION tablediffusion_progress() TO PUBLIC;
COMMENT ON FUNCTION tablediffusion_progress() IS 'trainings in progress; the view tablediffusion.progress reads better';

-- VOLATILE: says that it is not private. PARALLEL UNSAFE: the threads and the sample are one session's.
CREATE FUNCTION tablediffusion_quality(synthetic regclass, source regclass, target name DEFAULT NULL)
RETURNS TABLE (metric text, column_name text, synthetic_rows float8, real_rows float8, independent_columns float8)
LANGUAGE c VOLATILE CALLED ON NULL INPUT SECURITY INVOKER PARALLEL UNSAFE COST 10000 ROWS 40
AS 'MODULE_PATHNAME', 'tablediffusion_quality';
REVOKE ALL ON FUNCTION tablediffusion_quality(regclass, regclass, name) FROM PUBLIC;
-- Needs the privilege to select from both tables.
GRANT EXECUTE ON FUNCTION tablediffusion_quality(regclass, regclass, name) TO PUBLIC;
COMMENT ON FUNCTION tablediffusion_quality(regclass, regclass, name)
    IS 'how close a synthetic table is to its source, with what other real rows and independent columns achieve; not differentially private';

-- VOLATILE and PARALLEL UNSAFE, as tablediffusion_quality.
CREATE FUNCTION tablediffusion_report(model text, source regclass DEFAULT NULL) RETURNS text
LANGUAGE c VOLATILE CALLED ON NULL INPUT SECURITY INVOKER PARALLEL UNSAFE COST 10000
AS 'MODULE_PATHNAME', 'tablediffusion_report';
REVOKE ALL ON FUNCTION tablediffusion_report(text, regclass) FROM PUBLIC;
-- Checks that the caller may sample the model, and may select from the source if one is named.
GRANT EXECUTE ON FUNCTION tablediffusion_report(text, regclass) TO PUBLIC;
COMMENT ON FUNCTION tablediffusion_report(text, regclass)
    IS 'a model as an HTML page; without a source it holds released information only and may be published';

-- PARALLEL UNSAFE: writes.
CREATE FUNCTION tablediffusion_drop(model text) RETURNS void
LANGUAGE c VOLATILE CALLED ON NULL INPUT SECURITY INVOKER PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'tablediffusion_drop';
REVOKE ALL ON FUNCTION tablediffusion_drop(text) FROM PUBLIC;
-- Checks that the caller owns the model.
GRANT EXECUTE ON FUNCTION tablediffusion_drop(text) TO PUBLIC;
COMMENT ON FUNCTION tablediffusion_drop(text) IS 'drop a model; what its training spent stays spent';

-- PARALLEL UNSAFE: writes.
CREATE FUNCTION tablediffusion_grant(model text, role name) RETURNS void
LANGUAGE c VOLATILE CALLED ON NULL INPUT SECURITY INVOKER PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'tablediffusion_grant';
REVOKE ALL ON FUNCTION tablediffusion_grant(text, name) FROM PUBLIC;
-- Checks that the caller owns the model.
GRANT EXECUTE ON FUNCTION tablediffusion_grant(text, name) TO PUBLIC;
COMMENT ON FUNCTION tablediffusion_grant(text, name)
    IS 'let a role, or public, sample a model';

CREATE FUNCTION tablediffusion_revoke(model text, role name) RETURNS void
LANGUAGE c VOLATILE CALLED ON NULL INPUT SECURITY INVOKER PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'tablediffusion_revoke';
REVOKE ALL ON FUNCTION tablediffusion_revoke(text, name) FROM PUBLIC;
-- Checks that the caller owns the model.
GRANT EXECUTE ON FUNCTION tablediffusion_revoke(text, name) TO PUBLIC;
COMMENT ON FUNCTION tablediffusion_revoke(text, name)
    IS 'take back what tablediffusion_grant gave';

CREATE FUNCTION tablediffusion_set_budget(source regclass, epsilon float8, delta float8 DEFAULT NULL) RETURNS void
LANGUAGE c VOLATILE CALLED ON NULL INPUT SECURITY INVOKER PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'tablediffusion_set_budget';
REVOKE ALL ON FUNCTION tablediffusion_set_budget(regclass, float8, float8) FROM PUBLIC;
-- Checks that the caller owns the relation.
GRANT EXECUTE ON FUNCTION tablediffusion_set_budget(regclass, float8, float8) TO PUBLIC;
COMMENT ON FUNCTION tablediffusion_set_budget(regclass, float8, float8)
    IS 'limit what all trainings on a relation may spend together; a null epsilon lifts the limit';

-- IMMUTABLE, STRICT and PARALLEL SAFE: arithmetic.
CREATE FUNCTION tablediffusion_spent_epsilon(precision_sum float8, excess_delta float8, delta float8) RETURNS float8
LANGUAGE c IMMUTABLE STRICT SECURITY INVOKER PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tablediffusion_spent_epsilon';
REVOKE ALL ON FUNCTION tablediffusion_spent_epsilon(float8, float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tablediffusion_spent_epsilon(float8, float8, float8) TO PUBLIC;
COMMENT ON FUNCTION tablediffusion_spent_epsilon(float8, float8, float8)
    IS 'epsilon that trainings amount to at a delta: their Gaussian mechanisms by the sum of 1 / noise multiplier squared, and their excess deltas';

CREATE FUNCTION tablediffusion_remaining_epsilon(epsilon float8, precision_sum float8, excess_delta float8, delta float8)
RETURNS float8
LANGUAGE c IMMUTABLE STRICT SECURITY INVOKER PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tablediffusion_remaining_epsilon';
REVOKE ALL ON FUNCTION tablediffusion_remaining_epsilon(float8, float8, float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tablediffusion_remaining_epsilon(float8, float8, float8, float8) TO PUBLIC;
COMMENT ON FUNCTION tablediffusion_remaining_epsilon(float8, float8, float8, float8)
    IS 'epsilon of one more Gaussian mechanism that brings trainings to a limit';

-- IMMUTABLE and PARALLEL SAFE: a constant of the library.
CREATE FUNCTION tablediffusion_version() RETURNS text
LANGUAGE c IMMUTABLE STRICT SECURITY INVOKER PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tablediffusion_version';
REVOKE ALL ON FUNCTION tablediffusion_version() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tablediffusion_version() TO PUBLIC;
COMMENT ON FUNCTION tablediffusion_version() IS 'version of the loaded library of tablediffusion';

-- What everybody may see of the models that they own or may sample: released information only, no weights.

-- For the other views: whoever reads it reads all models.
CREATE VIEW tablediffusion.models_usable AS
SELECT m.*
FROM tablediffusion.models_store AS m
WHERE pg_catalog.pg_has_role(m.owner::pg_catalog.oid, 'USAGE')
   OR EXISTS (
       SELECT FROM tablediffusion.grants_store AS g
       WHERE g.model OPERATOR(pg_catalog.=) m.name
         AND (g.grantee::pg_catalog.oid OPERATOR(pg_catalog.=) 0 OR pg_catalog.pg_has_role(g.grantee::pg_catalog.oid, 'USAGE')));
REVOKE ALL ON tablediffusion.models_usable FROM PUBLIC;
COMMENT ON VIEW tablediffusion.models_usable IS 'models that the current role owns or may sample, weights included';

CREATE VIEW tablediffusion.models WITH (security_barrier = true) AS
SELECT name, owner, created, source, method, epsilon, delta, neighbours, noisy_rows,
       pg_catalog.jsonb_array_length(columns) AS columns,
       pg_catalog.octet_length(bytes) AS bytes
FROM tablediffusion.models_usable;
REVOKE ALL ON tablediffusion.models FROM PUBLIC;
GRANT SELECT ON tablediffusion.models TO PUBLIC;
COMMENT ON VIEW tablediffusion.models IS 'models that the current role may use';
COMMENT ON COLUMN tablediffusion.models.name IS 'name of the model';
COMMENT ON COLUMN tablediffusion.models.owner IS 'role that trained the model and may sample and drop it';
COMMENT ON COLUMN tablediffusion.models.created IS 'start of the transaction that trained the model';
COMMENT ON COLUMN tablediffusion.models.source IS 'qualified name of the source when the model was trained';
COMMENT ON COLUMN tablediffusion.models.method IS 'method that the model was trained by';
COMMENT ON COLUMN tablediffusion.models.epsilon IS 'privacy loss that the training is bounded by';
COMMENT ON COLUMN tablediffusion.models.delta IS 'probability with which that bound may fail';
COMMENT ON COLUMN tablediffusion.models.neighbours IS 'how the tables differ between which the bound holds';
COMMENT ON COLUMN tablediffusion.models.noisy_rows IS 'noisy count of the rows that were used';
COMMENT ON COLUMN tablediffusion.models.columns IS 'number of columns of a synthetic row';
COMMENT ON COLUMN tablediffusion.models.bytes IS 'size of the model';

CREATE VIEW tablediffusion.columns WITH (security_barrier = true) AS
SELECT m.name AS model, c.ordinal, c.name, c.type, c.nullable, c.domain, c.kind, c.codes, c."values", c.other_share,
       c.null_share, c.domain_share
FROM tablediffusion.models_usable AS m,
     pg_catalog.jsonb_to_recordset(m.columns) AS c (
         ordinal int, name text, type text, nullable boolean, domain text, kind text, codes int, "values" jsonb,
         other_share float8, null_share float8, domain_share float8);
REVOKE ALL ON tablediffusion.columns FROM PUBLIC;
GRANT SELECT ON tablediffusion.columns TO PUBLIC;
COMMENT ON VIEW tablediffusion.columns IS 'what was released about each column of the models that the current role may use';
COMMENT ON COLUMN tablediffusion.columns.model IS 'name of the model';
COMMENT ON COLUMN tablediffusion.columns.ordinal IS 'position in the source';
COMMENT ON COLUMN tablediffusion.columns.name IS 'name of the column';
COMMENT ON COLUMN tablediffusion.columns.type IS 'type of the column';
COMMENT ON COLUMN tablediffusion.columns.nullable IS 'whether NULL may occur';
COMMENT ON COLUMN tablediffusion.columns.domain IS 'declared (free of charge), learned (paid for) or generated (never learned)';
COMMENT ON COLUMN tablediffusion.columns.kind IS 'categories or bins';
COMMENT ON COLUMN tablediffusion.columns.codes IS 'number of different codes, with those for other values and NULL';
COMMENT ON COLUMN tablediffusion.columns."values" IS 'the categories or bins and their noisy shares of the rows';
COMMENT ON COLUMN tablediffusion.columns.other_share IS 'noisy share of values outside the categories; NULL if there is no code for them';
COMMENT ON COLUMN tablediffusion.columns.null_share IS 'noisy share of NULL; NULL if there is no code for it';
COMMENT ON COLUMN tablediffusion.columns.domain_share IS 'share of what the stage "domains" cost';

-- For the other views: the relation that each budget is about now, and what was charged to it. A charge follows a
-- relation through renames, and a name through drops: whatever now is, or is called, what was charged.
CREATE VIEW tablediffusion.budgets_spent AS
SELECT b.id, b.relation, b.origin, b.name, b.epsilon, b.delta, b.role, b.at, c.oid AS current_relation,
       c.relowner AS owner, c.name AS current_name, s.trainings, s.precision_sum, s.excess_delta, s.claimed_epsilon,
       s.claimed_delta
FROM tablediffusion.budgets_store AS b
LEFT JOIN LATERAL (
    SELECT r.oid, r.relowner, pg_catalog.quote_ident(n.nspname) OPERATOR(pg_catalog.||) '.' OPERATOR(pg_catalog.||) pg_catalog.quote_ident(r.relname) AS name
    FROM pg_catalog.pg_class AS r JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) r.relnamespace
    WHERE r.oid OPERATOR(pg_catalog.=) coalesce(
        (SELECT own.oid FROM pg_catalog.pg_class AS own
         WHERE own.oid OPERATOR(pg_catalog.=) b.relation AND b.origin OPERATOR(pg_catalog.=) (SELECT id FROM tablediffusion.origin_store)),
        pg_catalog.to_regclass(b.name)::pg_catalog.oid)
) AS c ON true
CROSS JOIN LATERAL (
    SELECT pg_catalog.count(*) AS trainings,
           coalesce(pg_catalog.sum(l.gaussian_noise_multiplier OPERATOR(pg_catalog.^) -2), 0) AS precision_sum,
           coalesce(pg_catalog.sum(l.excess_delta), 0) AS excess_delta,
           coalesce(pg_catalog.sum(l.epsilon), 0) AS claimed_epsilon,
           coalesce(pg_catalog.sum(l.delta), 0) AS claimed_delta
    FROM tablediffusion.ledger_store AS l
    WHERE EXISTS (
        SELECT FROM tablediffusion.charges_store AS h
        WHERE h.entry OPERATOR(pg_catalog.=) l.id
          AND (h.relation OPERATOR(pg_catalog.=) b.relation AND h.origin OPERATOR(pg_catalog.=) b.origin OR h.name OPERATOR(pg_catalog.=) b.name OR h.name OPERATOR(pg_catalog.=) c.name))
) AS s;
REVOKE ALL ON tablediffusion.budgets_spent FROM PUBLIC;
COMMENT ON VIEW tablediffusion.budgets_spent IS 'all budgets and what was spent of them';

CREATE VIEW tablediffusion.budgets WITH (security_barrier = true) AS
SELECT coalesce(current_name, name) AS source, epsilon, delta, trainings,
       -- One training costs what it claims; several add up as Gaussian mechanisms do.
       CASE WHEN trainings OPERATOR(pg_catalog.=) 1 AND claimed_delta OPERATOR(pg_catalog.<=) delta
            THEN least(claimed_epsilon, @extschema@.tablediffusion_spent_epsilon(precision_sum, excess_delta, delta))
            ELSE @extschema@.tablediffusion_spent_epsilon(precision_sum, excess_delta, delta) END AS spent_epsilon,
       CASE WHEN trainings OPERATOR(pg_catalog.=) 0 THEN epsilon
            ELSE @extschema@.tablediffusion_remaining_epsilon(epsilon, precision_sum, excess_delta, delta) END AS remaining_epsilon,
       role, at
FROM tablediffusion.budgets_spent
WHERE pg_catalog.pg_has_role(coalesce(owner, role::pg_catalog.oid), 'USAGE')
   OR pg_catalog.has_any_column_privilege(current_relation, 'SELECT');
REVOKE ALL ON tablediffusion.budgets FROM PUBLIC;
GRANT SELECT ON tablediffusion.budgets TO PUBLIC;
COMMENT ON VIEW tablediffusion.budgets IS 'what trainings may spend, and have spent, of the relations that the current role may read';
COMMENT ON COLUMN tablediffusion.budgets.source IS 'qualified name of the relation, by its name now if it still exists';
COMMENT ON COLUMN tablediffusion.budgets.epsilon IS 'privacy loss of all trainings together, at most';
COMMENT ON COLUMN tablediffusion.budgets.delta IS 'delta at which that holds';
COMMENT ON COLUMN tablediffusion.budgets.trainings IS 'number of trainings that are charged';
COMMENT ON COLUMN tablediffusion.budgets.spent_epsilon IS 'privacy loss of these trainings together, at that delta';
COMMENT ON COLUMN tablediffusion.budgets.remaining_epsilon IS 'epsilon of one more training that would use the budget up, about';
COMMENT ON COLUMN tablediffusion.budgets.role IS 'role that set the budget';
COMMENT ON COLUMN tablediffusion.budgets.at IS 'when it was set';

CREATE VIEW tablediffusion.grants WITH (security_barrier = true) AS
SELECT g.model, CASE WHEN g.grantee::pg_catalog.oid OPERATOR(pg_catalog.=) 0 THEN 'public' ELSE g.grantee::pg_catalog.text END AS grantee, g.grantor, g.at
FROM tablediffusion.grants_store AS g JOIN tablediffusion.models_usable AS m ON m.name OPERATOR(pg_catalog.=) g.model;
REVOKE ALL ON tablediffusion.grants FROM PUBLIC;
GRANT SELECT ON tablediffusion.grants TO PUBLIC;
COMMENT ON VIEW tablediffusion.grants IS 'who may sample the models that the current role may use';
COMMENT ON COLUMN tablediffusion.grants.model IS 'name of the model';
COMMENT ON COLUMN tablediffusion.grants.grantee IS 'role that may sample it besides its owner';
COMMENT ON COLUMN tablediffusion.grants.grantor IS 'role that granted it';
COMMENT ON COLUMN tablediffusion.grants.at IS 'when it was granted';

CREATE VIEW tablediffusion.ledger WITH (security_barrier = true) AS
SELECT l.id, l.at, l.model, l.role_name AS role, l.source, l.method, l.epsilon, l.delta, l.neighbours, l.privacy_unit,
       l.rows_per_unit, l.row_security, l.stages, c.charged, l.gaussian_noise_multiplier, l.excess_delta
FROM tablediffusion.ledger_store AS l
CROSS JOIN LATERAL (
    SELECT pg_catalog.array_agg(h.name ORDER BY h.name) AS charged,
           pg_catalog.bool_or(pg_catalog.pg_has_role(r.relowner, 'USAGE')) AS owned
    FROM tablediffusion.charges_store AS h
    LEFT JOIN pg_catalog.pg_class AS r
        ON r.oid OPERATOR(pg_catalog.=) h.relation AND h.origin OPERATOR(pg_catalog.=) (SELECT id FROM tablediffusion.origin_store)
        OR r.oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass(h.name)
    WHERE h.entry OPERATOR(pg_catalog.=) l.id
) AS c
WHERE pg_catalog.pg_has_role(l.role::pg_catalog.oid, 'USAGE') OR c.owned;
REVOKE ALL ON tablediffusion.ledger FROM PUBLIC;
GRANT SELECT ON tablediffusion.ledger TO PUBLIC;
COMMENT ON VIEW tablediffusion.ledger IS 'committed trainings by the current role, or on its relations, and what they spent';
COMMENT ON COLUMN tablediffusion.ledger.id IS 'number of the entry';
COMMENT ON COLUMN tablediffusion.ledger.at IS 'start of the transaction that trained the model';
COMMENT ON COLUMN tablediffusion.ledger.model IS 'name of the model';
COMMENT ON COLUMN tablediffusion.ledger.role IS 'role that trained it, by its name then';
COMMENT ON COLUMN tablediffusion.ledger.source IS 'qualified name of the source then';
COMMENT ON COLUMN tablediffusion.ledger.method IS 'method of the training';
COMMENT ON COLUMN tablediffusion.ledger.epsilon IS 'privacy loss spent';
COMMENT ON COLUMN tablediffusion.ledger.delta IS 'probability with which that bound may fail';
COMMENT ON COLUMN tablediffusion.ledger.neighbours IS 'how the tables differ between which the bound holds';
COMMENT ON COLUMN tablediffusion.ledger.privacy_unit IS 'column whose values are the units that are protected; NULL if these are rows';
COMMENT ON COLUMN tablediffusion.ledger.rows_per_unit IS 'rows of a unit that were used at most; NULL if the units are rows';
COMMENT ON COLUMN tablediffusion.ledger.row_security IS 'whether row security kept rows from the role';
COMMENT ON COLUMN tablediffusion.ledger.stages IS 'the mechanisms used, by phase, as the accountant takes them';
COMMENT ON COLUMN tablediffusion.ledger.charged IS 'the relations that were read, through views and inheritance, and those that they are part of';
COMMENT ON COLUMN tablediffusion.ledger.gaussian_noise_multiplier IS 'noise multiplier of a Gaussian mechanism that the training is no worse than';
COMMENT ON COLUMN tablediffusion.ledger.excess_delta IS 'delta that comes on top of that mechanism''s';

-- The estimate takes a phase to go on as it went so far.
CREATE VIEW tablediffusion.progress AS
SELECT p.pid, d.datname AS database, pg_catalog.pg_get_userbyid(p.role) AS role,
       CASE WHEN d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database() THEN p.source::pg_catalog.regclass::pg_catalog.text END AS source,
       p.model, p.method, p.phase, p.phases_done, p.phases, p.percent, p.started,
       CASE WHEN p.percent OPERATOR(pg_catalog.>) 0
            THEN (pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) p.phase_started) OPERATOR(pg_catalog.*) ((100.0 OPERATOR(pg_catalog.-) p.percent) OPERATOR(pg_catalog./) p.percent) END AS remaining
FROM @extschema@.tablediffusion_progress() AS p
LEFT JOIN pg_catalog.pg_database AS d ON d.oid OPERATOR(pg_catalog.=) p.database;
REVOKE ALL ON tablediffusion.progress FROM PUBLIC;
GRANT SELECT ON tablediffusion.progress TO PUBLIC;
COMMENT ON VIEW tablediffusion.progress IS 'trainings in progress, of roles whose privileges the current role has';
COMMENT ON COLUMN tablediffusion.progress.pid IS 'process that trains; pg_cancel_backend(pid) ends the training';
COMMENT ON COLUMN tablediffusion.progress.database IS 'database of the source';
COMMENT ON COLUMN tablediffusion.progress.role IS 'role that trains';
COMMENT ON COLUMN tablediffusion.progress.source IS 'the source, if it is in this database';
COMMENT ON COLUMN tablediffusion.progress.model IS 'name of the model, its first 96 bytes';
COMMENT ON COLUMN tablediffusion.progress.method IS 'method of the training';
COMMENT ON COLUMN tablediffusion.progress.phase IS 'what it does now';
COMMENT ON COLUMN tablediffusion.progress.phases_done IS 'phases that are over';
COMMENT ON COLUMN tablediffusion.progress.phases IS 'phases in all';
COMMENT ON COLUMN tablediffusion.progress.percent IS 'how much of the phase is over; NULL if that cannot be told';
COMMENT ON COLUMN tablediffusion.progress.started IS 'when the training started';
COMMENT ON COLUMN tablediffusion.progress.remaining IS 'time that the rest of the phase is expected to take';
