-- From version 0.1.0 to 0.2.0; leaves what a fresh install of 0.2.0 has. As it was released, but that its view names
-- operators and functions with their schema.

-- A restore with several jobs fills tables in any order.
ALTER TABLE tablediffusion.charges_store DROP CONSTRAINT charges_store_entry_fkey;
ALTER TABLE tablediffusion.grants_store DROP CONSTRAINT grants_store_model_fkey;

DROP FUNCTION tablediffusion_create_table(text, text, bigint, bigint, jsonb);

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
