-- The functions. All are VOLATILE and CALLED ON NULL INPUT unless noted otherwise: they write or draw random numbers, and
-- report NULLs themselves. None is SECURITY DEFINER: sources are read as the caller, and the code accesses the tables of the
-- extension as their owner, with a pinned search path. All names in their SQL are qualified, so the caller's search path
-- stays as it is, for the views that the caller reads.

-- PARALLEL RESTRICTED: the leader has the threads.
CREATE FUNCTION @extschema@.tablediffusion_sample(
    model pg_catalog.text,
    n bigint,
    given pg_catalog.jsonb DEFAULT NULL,
    seed bigint DEFAULT NULL
) RETURNS SETOF pg_catalog.jsonb
LANGUAGE c VOLATILE CALLED ON NULL INPUT SECURITY INVOKER PARALLEL RESTRICTED COST 1000 ROWS 1000
AS 'MODULE_PATHNAME', 'tablediffusion_sample_json';
REVOKE ALL ON FUNCTION @extschema@.tablediffusion_sample(pg_catalog.text, bigint, pg_catalog.jsonb, bigint) FROM PUBLIC;
-- Checks that the caller may sample the model.
GRANT EXECUTE ON FUNCTION @extschema@.tablediffusion_sample(
        pg_catalog.text, bigint, pg_catalog.jsonb, bigint) TO PUBLIC;
COMMENT ON FUNCTION @extschema@.tablediffusion_sample(pg_catalog.text, bigint, pg_catalog.jsonb, bigint)
    IS 'make synthetic rows as JSON objects';

CREATE FUNCTION @extschema@.tablediffusion_sample(
    model pg_catalog.text,
    n bigint,
    row_type pg_catalog.anyelement,
    given pg_catalog.jsonb DEFAULT NULL,
    seed bigint DEFAULT NULL
) RETURNS SETOF pg_catalog.anyelement
LANGUAGE c VOLATILE CALLED ON NULL INPUT SECURITY INVOKER PARALLEL RESTRICTED COST 1000 ROWS 1000
AS 'MODULE_PATHNAME', 'tablediffusion_sample_rows';
REVOKE ALL ON FUNCTION @extschema@.tablediffusion_sample(
        pg_catalog.text, bigint, pg_catalog.anyelement, pg_catalog.jsonb, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION @extschema@.tablediffusion_sample(
        pg_catalog.text, bigint, pg_catalog.anyelement, pg_catalog.jsonb, bigint) TO PUBLIC;
COMMENT ON FUNCTION @extschema@.tablediffusion_sample(
        pg_catalog.text, bigint, pg_catalog.anyelement, pg_catalog.jsonb, bigint)
    IS 'make synthetic rows of a row type, such as NULL::name_of_the_source';

-- PARALLEL UNSAFE: writes.
CREATE FUNCTION @extschema@.tablediffusion_create_table(
    target pg_catalog.text,
    model pg_catalog.text,
    n bigint,
    seed bigint DEFAULT NULL,
    given pg_catalog.jsonb DEFAULT NULL,
    including pg_catalog.text[] DEFAULT '{}'
) RETURNS pg_catalog.regclass
LANGUAGE c VOLATILE CALLED ON NULL INPUT SECURITY INVOKER PARALLEL UNSAFE COST 1000
AS 'MODULE_PATHNAME', 'tablediffusion_create_table';
REVOKE ALL ON FUNCTION @extschema@.tablediffusion_create_table(
        pg_catalog.text, pg_catalog.text, bigint, bigint, pg_catalog.jsonb, pg_catalog.text[]) FROM PUBLIC;
-- Checks that the caller may sample the model, and creates the table as the caller.
GRANT EXECUTE ON FUNCTION @extschema@.tablediffusion_create_table(
        pg_catalog.text, pg_catalog.text, bigint, bigint, pg_catalog.jsonb, pg_catalog.text[]) TO PUBLIC;
COMMENT ON FUNCTION @extschema@.tablediffusion_create_table(
        pg_catalog.text, pg_catalog.text, bigint, bigint, pg_catalog.jsonb, pg_catalog.text[])
    IS 'create a table of synthetic rows with the column types of a model''s source, and its comments, constraints and indexes if requested';

-- PARALLEL UNSAFE: writes.
CREATE FUNCTION @extschema@.tablediffusion_refresh_table(
    target pg_catalog.regclass,
    model pg_catalog.text,
    n bigint,
    seed bigint DEFAULT NULL,
    given pg_catalog.jsonb DEFAULT NULL
) RETURNS bigint
LANGUAGE c VOLATILE CALLED ON NULL INPUT SECURITY INVOKER PARALLEL UNSAFE COST 1000
AS 'MODULE_PATHNAME', 'tablediffusion_refresh_table';
REVOKE ALL ON FUNCTION @extschema@.tablediffusion_refresh_table(
        pg_catalog.regclass, pg_catalog.text, bigint, bigint, pg_catalog.jsonb) FROM PUBLIC;
-- Checks that the caller owns the table and may sample the model.
GRANT EXECUTE ON FUNCTION @extschema@.tablediffusion_refresh_table(
        pg_catalog.regclass, pg_catalog.text, bigint, bigint, pg_catalog.jsonb) TO PUBLIC;
COMMENT ON FUNCTION @extschema@.tablediffusion_refresh_table(
        pg_catalog.regclass, pg_catalog.text, bigint, bigint, pg_catalog.jsonb)
    IS 'replace the rows of a synthetic table in one transaction and return the number of new rows';

-- PARALLEL UNSAFE: reads the stored model as its owner.
CREATE FUNCTION @extschema@.tablediffusion_export(model pg_catalog.text) RETURNS pg_catalog.bytea
LANGUAGE c VOLATILE CALLED ON NULL INPUT SECURITY INVOKER PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'tablediffusion_export';
REVOKE ALL ON FUNCTION @extschema@.tablediffusion_export(pg_catalog.text) FROM PUBLIC;
-- Checks that the caller owns the model.
GRANT EXECUTE ON FUNCTION @extschema@.tablediffusion_export(pg_catalog.text) TO PUBLIC;
COMMENT ON FUNCTION @extschema@.tablediffusion_export(pg_catalog.text)
    IS 'return a model as bytes that tablediffusion_import accepts in any database';

-- PARALLEL UNSAFE: writes. Revoked from PUBLIC, because the privacy claims of an imported model are not verified.
CREATE FUNCTION @extschema@.tablediffusion_import(
    bytes pg_catalog.bytea,
    model pg_catalog.text,
    replace boolean DEFAULT false
) RETURNS pg_catalog.text
LANGUAGE c VOLATILE CALLED ON NULL INPUT SECURITY INVOKER PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'tablediffusion_import';
REVOKE ALL ON FUNCTION @extschema@.tablediffusion_import(pg_catalog.bytea, pg_catalog.text, boolean) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.tablediffusion_import(pg_catalog.bytea, pg_catalog.text, boolean)
    IS 'store the result of tablediffusion_export as a model and return the name of the model';

-- PARALLEL UNSAFE: writes.
CREATE FUNCTION @extschema@.tablediffusion_rename(
    model pg_catalog.text,
    new_name pg_catalog.text
) RETURNS pg_catalog.void
LANGUAGE c VOLATILE CALLED ON NULL INPUT SECURITY INVOKER PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'tablediffusion_rename';
REVOKE ALL ON FUNCTION @extschema@.tablediffusion_rename(pg_catalog.text, pg_catalog.text) FROM PUBLIC;
-- Checks that the caller owns the model.
GRANT EXECUTE ON FUNCTION @extschema@.tablediffusion_rename(pg_catalog.text, pg_catalog.text) TO PUBLIC;
COMMENT ON FUNCTION @extschema@.tablediffusion_rename(pg_catalog.text, pg_catalog.text)
    IS 'rename a model; the ledger keeps the old name';

-- STABLE and PARALLEL RESTRICTED, like PostgreSQL's own progress functions: it reads a copy that the leader took.
CREATE FUNCTION @extschema@.tablediffusion_progress() RETURNS TABLE (
    pid int, database pg_catalog.oid, role pg_catalog.oid, source pg_catalog.oid, model pg_catalog.text,
    method pg_catalog.text, phase pg_catalog.text, phases_done int, phases int, percent int,
    started pg_catalog.timestamptz, phase_started pg_catalog.timestamptz)
LANGUAGE c STABLE STRICT SECURITY INVOKER PARALLEL RESTRICTED COST 100 ROWS 10
AS 'MODULE_PATHNAME', 'tablediffusion_progress';
REVOKE ALL ON FUNCTION @extschema@.tablediffusion_progress() FROM PUBLIC;
-- Shows trainings of roles whose privileges the caller has.
GRANT EXECUTE ON FUNCTION @extschema@.tablediffusion_progress() TO PUBLIC;
COMMENT ON FUNCTION @extschema@.tablediffusion_progress()
    IS 'list trainings in progress; the view tablediffusion.progress is easier to read';

-- VOLATILE: raises a NOTICE that it is not private. PARALLEL UNSAFE: the threads and the sample belong to one session.
CREATE FUNCTION @extschema@.tablediffusion_quality(
    synthetic pg_catalog.regclass,
    source pg_catalog.regclass,
    target pg_catalog.name DEFAULT NULL
) RETURNS TABLE (
    metric pg_catalog.text, column_name pg_catalog.text, synthetic_rows pg_catalog.float8,
    real_rows pg_catalog.float8, independent_columns pg_catalog.float8)
LANGUAGE c VOLATILE CALLED ON NULL INPUT SECURITY INVOKER PARALLEL UNSAFE COST 10000 ROWS 40
AS 'MODULE_PATHNAME', 'tablediffusion_quality';
REVOKE ALL ON FUNCTION @extschema@.tablediffusion_quality(
        pg_catalog.regclass, pg_catalog.regclass, pg_catalog.name) FROM PUBLIC;
-- Requires the SELECT privilege on both tables.
GRANT EXECUTE ON FUNCTION @extschema@.tablediffusion_quality(
        pg_catalog.regclass, pg_catalog.regclass, pg_catalog.name) TO PUBLIC;
COMMENT ON FUNCTION @extschema@.tablediffusion_quality(pg_catalog.regclass, pg_catalog.regclass, pg_catalog.name)
    IS 'measure how close a synthetic table is to its source, and how close other real rows and independent columns are; not differentially private';

-- VOLATILE and PARALLEL UNSAFE, like tablediffusion_quality.
CREATE FUNCTION @extschema@.tablediffusion_report(
    model pg_catalog.text,
    source pg_catalog.regclass DEFAULT NULL
) RETURNS pg_catalog.text
LANGUAGE c VOLATILE CALLED ON NULL INPUT SECURITY INVOKER PARALLEL UNSAFE COST 10000
AS 'MODULE_PATHNAME', 'tablediffusion_report';
REVOKE ALL ON FUNCTION @extschema@.tablediffusion_report(pg_catalog.text, pg_catalog.regclass) FROM PUBLIC;
-- Checks that the caller may sample the model, and may select from the source if one is named.
GRANT EXECUTE ON FUNCTION @extschema@.tablediffusion_report(pg_catalog.text, pg_catalog.regclass) TO PUBLIC;
COMMENT ON FUNCTION @extschema@.tablediffusion_report(pg_catalog.text, pg_catalog.regclass)
    IS 'describe a model as an HTML page; without a source, the page contains only released information and may be published';

-- PARALLEL UNSAFE: writes.
CREATE FUNCTION @extschema@.tablediffusion_drop(model pg_catalog.text) RETURNS pg_catalog.void
LANGUAGE c VOLATILE CALLED ON NULL INPUT SECURITY INVOKER PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'tablediffusion_drop';
REVOKE ALL ON FUNCTION @extschema@.tablediffusion_drop(pg_catalog.text) FROM PUBLIC;
-- Checks that the caller owns the model.
GRANT EXECUTE ON FUNCTION @extschema@.tablediffusion_drop(pg_catalog.text) TO PUBLIC;
COMMENT ON FUNCTION @extschema@.tablediffusion_drop(pg_catalog.text)
    IS 'drop a model; its training stays charged';

-- PARALLEL UNSAFE: writes.
CREATE FUNCTION @extschema@.tablediffusion_grant(model pg_catalog.text, role pg_catalog.name) RETURNS pg_catalog.void
LANGUAGE c VOLATILE CALLED ON NULL INPUT SECURITY INVOKER PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'tablediffusion_grant';
REVOKE ALL ON FUNCTION @extschema@.tablediffusion_grant(pg_catalog.text, pg_catalog.name) FROM PUBLIC;
-- Checks that the caller owns the model.
GRANT EXECUTE ON FUNCTION @extschema@.tablediffusion_grant(pg_catalog.text, pg_catalog.name) TO PUBLIC;
COMMENT ON FUNCTION @extschema@.tablediffusion_grant(pg_catalog.text, pg_catalog.name)
    IS 'allow a role, or public, to sample a model';

CREATE FUNCTION @extschema@.tablediffusion_revoke(model pg_catalog.text, role pg_catalog.name) RETURNS pg_catalog.void
LANGUAGE c VOLATILE CALLED ON NULL INPUT SECURITY INVOKER PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'tablediffusion_revoke';
REVOKE ALL ON FUNCTION @extschema@.tablediffusion_revoke(pg_catalog.text, pg_catalog.name) FROM PUBLIC;
-- Checks that the caller owns the model.
GRANT EXECUTE ON FUNCTION @extschema@.tablediffusion_revoke(pg_catalog.text, pg_catalog.name) TO PUBLIC;
COMMENT ON FUNCTION @extschema@.tablediffusion_revoke(pg_catalog.text, pg_catalog.name)
    IS 'revoke what tablediffusion_grant granted';

CREATE FUNCTION @extschema@.tablediffusion_set_budget(
    source pg_catalog.regclass,
    epsilon pg_catalog.float8,
    delta pg_catalog.float8 DEFAULT NULL
) RETURNS pg_catalog.void
LANGUAGE c VOLATILE CALLED ON NULL INPUT SECURITY INVOKER PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'tablediffusion_set_budget';
REVOKE ALL ON FUNCTION @extschema@.tablediffusion_set_budget(
        pg_catalog.regclass, pg_catalog.float8, pg_catalog.float8) FROM PUBLIC;
-- Checks that the caller owns the relation.
GRANT EXECUTE ON FUNCTION @extschema@.tablediffusion_set_budget(
        pg_catalog.regclass, pg_catalog.float8, pg_catalog.float8) TO PUBLIC;
COMMENT ON FUNCTION @extschema@.tablediffusion_set_budget(pg_catalog.regclass, pg_catalog.float8, pg_catalog.float8)
    IS 'limit the total cost of all trainings on a relation; a null epsilon removes the limit';

-- IMMUTABLE, STRICT and PARALLEL SAFE: arithmetic.
CREATE FUNCTION @extschema@.tablediffusion_spent_epsilon(
    precision_sum pg_catalog.float8,
    excess_delta pg_catalog.float8,
    delta pg_catalog.float8
) RETURNS pg_catalog.float8
LANGUAGE c IMMUTABLE STRICT SECURITY INVOKER PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tablediffusion_spent_epsilon';
REVOKE ALL ON FUNCTION @extschema@.tablediffusion_spent_epsilon(
        pg_catalog.float8, pg_catalog.float8, pg_catalog.float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION @extschema@.tablediffusion_spent_epsilon(
        pg_catalog.float8, pg_catalog.float8, pg_catalog.float8) TO PUBLIC;
COMMENT ON FUNCTION @extschema@.tablediffusion_spent_epsilon(pg_catalog.float8, pg_catalog.float8, pg_catalog.float8)
    IS 'total epsilon of trainings at a delta, from the sum of 1 / noise multiplier squared over their Gaussian mechanisms and the sum of their excess deltas';

CREATE FUNCTION @extschema@.tablediffusion_remaining_epsilon(
    epsilon pg_catalog.float8,
    precision_sum pg_catalog.float8,
    excess_delta pg_catalog.float8,
    delta pg_catalog.float8
) RETURNS pg_catalog.float8
LANGUAGE c IMMUTABLE STRICT SECURITY INVOKER PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tablediffusion_remaining_epsilon';
REVOKE ALL ON FUNCTION @extschema@.tablediffusion_remaining_epsilon(
        pg_catalog.float8, pg_catalog.float8, pg_catalog.float8, pg_catalog.float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION @extschema@.tablediffusion_remaining_epsilon(
        pg_catalog.float8, pg_catalog.float8, pg_catalog.float8, pg_catalog.float8) TO PUBLIC;
COMMENT ON FUNCTION @extschema@.tablediffusion_remaining_epsilon(
        pg_catalog.float8, pg_catalog.float8, pg_catalog.float8, pg_catalog.float8)
    IS 'epsilon of one more Gaussian mechanism that brings trainings to the limit epsilon';

-- IMMUTABLE and PARALLEL SAFE: a constant of the library.
CREATE FUNCTION @extschema@.tablediffusion_version() RETURNS pg_catalog.text
LANGUAGE c IMMUTABLE STRICT SECURITY INVOKER PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tablediffusion_version';
REVOKE ALL ON FUNCTION @extschema@.tablediffusion_version() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION @extschema@.tablediffusion_version() TO PUBLIC;
COMMENT ON FUNCTION @extschema@.tablediffusion_version()
    IS 'version of the loaded tablediffusion library';

-- The update from version 0.2.0 also runs everything below: the functions that are new since then, and all views.

-- PARALLEL UNSAFE: writes.
CREATE FUNCTION @extschema@.tablediffusion_train(
    source pg_catalog.regclass,
    epsilon pg_catalog.float8,
    model pg_catalog.text DEFAULT NULL,
    delta pg_catalog.float8 DEFAULT NULL,
    method pg_catalog.text DEFAULT 'guided',
    columns pg_catalog.name[] DEFAULT NULL,
    exclude pg_catalog.name[] DEFAULT NULL,
    domain pg_catalog.jsonb DEFAULT NULL,
    privacy_unit pg_catalog.name DEFAULT NULL,
    rows_per_unit int DEFAULT NULL,
    replace boolean DEFAULT false,
    options pg_catalog.jsonb DEFAULT '{}',
    derived pg_catalog.jsonb DEFAULT NULL,
    rules pg_catalog.text[] DEFAULT NULL
) RETURNS pg_catalog.text
LANGUAGE c VOLATILE CALLED ON NULL INPUT SECURITY INVOKER PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'tablediffusion_train';
REVOKE ALL ON FUNCTION @extschema@.tablediffusion_train(
        pg_catalog.regclass, pg_catalog.float8, pg_catalog.text, pg_catalog.float8, pg_catalog.text,
        pg_catalog.name[], pg_catalog.name[], pg_catalog.jsonb, pg_catalog.name, int, boolean, pg_catalog.jsonb,
        pg_catalog.jsonb, pg_catalog.text[])
    FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.tablediffusion_train(
        pg_catalog.regclass, pg_catalog.float8, pg_catalog.text, pg_catalog.float8, pg_catalog.text,
        pg_catalog.name[], pg_catalog.name[], pg_catalog.jsonb, pg_catalog.name, int, boolean, pg_catalog.jsonb,
        pg_catalog.jsonb, pg_catalog.text[])
    IS 'train a differentially private model of a table and return the name of the model';

-- STABLE: reads catalogs, and no row of the source. Takes the arguments of tablediffusion_train and a number of rows.
CREATE FUNCTION @extschema@.tablediffusion_plan(
    source pg_catalog.regclass,
    epsilon pg_catalog.float8,
    model pg_catalog.text DEFAULT NULL,
    delta pg_catalog.float8 DEFAULT NULL,
    method pg_catalog.text DEFAULT 'guided',
    columns pg_catalog.name[] DEFAULT NULL,
    exclude pg_catalog.name[] DEFAULT NULL,
    domain pg_catalog.jsonb DEFAULT NULL,
    privacy_unit pg_catalog.name DEFAULT NULL,
    rows_per_unit int DEFAULT NULL,
    replace boolean DEFAULT false,
    options pg_catalog.jsonb DEFAULT '{}',
    rows bigint DEFAULT 100000,
    derived pg_catalog.jsonb DEFAULT NULL,
    rules pg_catalog.text[] DEFAULT NULL
) RETURNS TABLE (
    stage pg_catalog.text, mechanism pg_catalog.text, uses bigint, noise_multiplier pg_catalog.float8,
    sampling_rate pg_catalog.float8, steps bigint, stage_epsilon pg_catalog.float8, stage_delta pg_catalog.float8,
    note pg_catalog.text)
LANGUAGE c STABLE CALLED ON NULL INPUT SECURITY INVOKER PARALLEL UNSAFE COST 1000 ROWS 10
AS 'MODULE_PATHNAME', 'tablediffusion_plan';
REVOKE ALL ON FUNCTION @extschema@.tablediffusion_plan(
        pg_catalog.regclass, pg_catalog.float8, pg_catalog.text, pg_catalog.float8, pg_catalog.text,
        pg_catalog.name[], pg_catalog.name[], pg_catalog.jsonb, pg_catalog.name, int, boolean, pg_catalog.jsonb,
        bigint, pg_catalog.jsonb, pg_catalog.text[]) FROM PUBLIC;
-- Requires the SELECT privilege on what a training would read, and spends nothing.
GRANT EXECUTE ON FUNCTION @extschema@.tablediffusion_plan(
        pg_catalog.regclass, pg_catalog.float8, pg_catalog.text, pg_catalog.float8, pg_catalog.text,
        pg_catalog.name[], pg_catalog.name[], pg_catalog.jsonb, pg_catalog.name, int, boolean, pg_catalog.jsonb,
        bigint, pg_catalog.jsonb, pg_catalog.text[]) TO PUBLIC;
COMMENT ON FUNCTION @extschema@.tablediffusion_plan(
        pg_catalog.regclass, pg_catalog.float8, pg_catalog.text, pg_catalog.float8, pg_catalog.text,
        pg_catalog.name[], pg_catalog.name[], pg_catalog.jsonb, pg_catalog.name, int, boolean, pg_catalog.jsonb,
        bigint, pg_catalog.jsonb, pg_catalog.text[]) IS 'show what each stage of a training with these arguments would cost, and what the training would guarantee';
