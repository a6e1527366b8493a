# shellcheck shell=bash
# Every released version, updated to this one: its catalog is that of a fresh install, and its models go on working.
# run.sh sources this and calls run_upgrade.

# Everything that belongs to the extension, with its definition, comment and privileges.
CATALOG="SELECT pg_describe_object(classid, objid, 0) AS object, obj_description(objid, classid::regclass::name) AS comment,
    CASE classid WHEN 'pg_proc'::regclass THEN (SELECT pg_get_functiondef(oid) || coalesce(proacl::text, '') FROM pg_proc WHERE oid = objid)
        WHEN 'pg_class'::regclass THEN (
            SELECT coalesce(pg_get_viewdef(oid), '') || coalesce(relacl::text, '') || coalesce(reloptions::text, '') || (
                SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod) || attnotnull || coalesce(col_description(oid, attnum), ''), ',' ORDER BY attnum)
                FROM pg_attribute WHERE attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped)
            FROM pg_class WHERE oid = objid) END AS definition
    FROM pg_depend WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
        AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'tablediffusion')
    ORDER BY 1"

upgrade_from() { # VERSION DIRECTORY
    local database=upgrade_from_${1//./_} train="SELECT tablediffusion_train('t', 1, options => '{\"rounds\": 0}')"
    PGOPTIONS='' sql -c "CREATE DATABASE $database" -d postgres
    sql -d "$database" -c "CREATE EXTENSION tablediffusion VERSION '$1'" \
        -c "CREATE TABLE t AS SELECT i % 7 AS a, i % 3 = 0 AS b FROM generate_series(1, 5000) AS i" -c "$train" >/dev/null || return 1
    # The old definitions with the new library.
    sql -d "$database" -c "SELECT tablediffusion_create_table('before', 't', 10)" >/dev/null &&
        sql -d "$database" -c 'ALTER EXTENSION tablediffusion UPDATE' &&
        sql -d "$database" -c "SELECT tablediffusion_create_table('after', 't', 10, including => '{constraints}')" >/dev/null &&
        psql -XAtq -d "$database" -c "$CATALOG" >"$2/updated.txt" && diff -u "$2/fresh.txt" "$2/updated.txt"
}

run_upgrade() { # DIRECTORY
    local script version
    PGOPTIONS='' sql -c 'CREATE DATABASE upgrade_fresh' -d postgres
    sql -d upgrade_fresh -c 'CREATE EXTENSION tablediffusion'
    psql -XAtq -d upgrade_fresh -c "$CATALOG" >"$1/fresh.txt"
    for script in "$ROOT"/sql/tablediffusion--*.sql; do
        version=$(basename "$script" .sql)
        version=${version#tablediffusion--}
        case $version in
        *--*) ;;
        *) verdict "update from $version" upgrade_from "$version" "$1" ;;
        esac
    done
}
