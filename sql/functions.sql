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
    seed bigint DEFAULT NULL
) RETURNS regclass
LANGUAGE c VOLATILE CALLED ON NULL INPUT SECURITY INVOKER PARALLEL UNSAFE COST 1000
AS 'MODULE_PATHNAME', 'tablediffusion_create_table';
REVOKE ALL ON FUNCTION tablediffusion_create_table(text, text, bigint, bigint) FROM PUBLIC;
-- Checks that the caller owns the model, and creates the table as the caller.
GRANT EXECUTE ON FUNCTION tablediffusion_create_table(text, text, bigint, bigint) TO PUBLIC;
COMMENT ON FUNCTION tablediffusion_create_table(text, text, bigint, bigint)
    IS 'create a table with the column types of a model''s source and fill it with synthetic rows';

-- PARALLEL UNSAFE: writes.
CREATE FUNCTION tablediffusion_drop(model text) RETURNS void
LANGUAGE c VOLATILE CALLED ON NULL INPUT SECURITY INVOKER PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'tablediffusion_drop';
REVOKE ALL ON FUNCTION tablediffusion_drop(text) FROM PUBLIC;
-- Checks that the caller owns the model.
GRANT EXECUTE ON FUNCTION tablediffusion_drop(text) TO PUBLIC;
COMMENT ON FUNCTION tablediffusion_drop(text) IS 'drop a model; what its training spent stays spent';

-- IMMUTABLE and PARALLEL SAFE: a constant of the library.
CREATE FUNCTION tablediffusion_version() RETURNS text
LANGUAGE c IMMUTABLE STRICT SECURITY INVOKER PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tablediffusion_version';
REVOKE ALL ON FUNCTION tablediffusion_version() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tablediffusion_version() TO PUBLIC;
COMMENT ON FUNCTION tablediffusion_version() IS 'version of the loaded library of tablediffusion';
