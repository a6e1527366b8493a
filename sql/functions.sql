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
