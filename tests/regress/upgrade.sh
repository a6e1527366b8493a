# shellcheck shell=bash
# Updates every released version to this one. The resulting catalog must equal a fresh install, and models must keep
# working.
# run.sh sources this and calls run_upgrade.

# All objects of the extension, with definition, comment and privileges.
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
    local database=upgrade_from_${1//./_} train="SELECT tablediffusion_train('t', 1, options => '{\"rounds\": 0}')" told
    PGOPTIONS='' sql -c "CREATE DATABASE $database" -d postgres
    sql -d "$database" -c "CREATE EXTENSION tablediffusion VERSION '$1'" \
        -c "CREATE TABLE t AS SELECT i % 7 AS a, i % 3 = 0 AS b FROM generate_series(1, 5000) AS i" || return 1
    # Data of that version: a model, and an entry that is charged to a table and counts against a budget.
    sql -d "$database" -c "INSERT INTO tablediffusion.models_store
            SELECT 'old', current_user::regrole, now(), 'public.t', 't'::regclass, 'guided', 1, 1e-6, 'add or remove one row', 5000, '[]', '\x00'" \
        -c "INSERT INTO tablediffusion.ledger_store (model, role, role_name, source, source_id, method, epsilon, delta, neighbours, row_security, stages, gaussian_noise_multiplier, excess_delta)
            SELECT 'old', current_user::regrole, current_user, 'public.t', 't'::regclass, 'guided', 1, 1e-6, 'add or remove one row', false, '[]', 4, 0" \
        -c "INSERT INTO tablediffusion.charges_store (entry, relation, origin, name) SELECT 1, 't'::regclass, id, 'public.t' FROM tablediffusion.origin_store" \
        -c "INSERT INTO tablediffusion.budgets_store (relation, origin, name, epsilon, delta, role)
            SELECT 't'::regclass, id, 'public.t', 3, 1e-6, current_user::regrole FROM tablediffusion.origin_store" || return 1
    # With the old definitions and the new library, a training says what to do, and reads nothing.
    told=$(psql -XAtq -d "$database" -c "$train" 2>&1) || true
    [[ $told == *'ALTER EXTENSION tablediffusion UPDATE'* ]] || { echo "         $told"; return 1; }
    sql -d "$database" -c 'ALTER EXTENSION tablediffusion UPDATE' -c "$train" \
        -c "SELECT tablediffusion_create_table('after', 't', 10, including => '{constraints}')" >/dev/null &&
        [ "$(psql -XAtq -d "$database" -c 'SELECT string_agg(outcome, $$,$$ ORDER BY id) FROM tablediffusion.ledger' \
            -c 'SELECT trainings FROM tablediffusion.budgets')" = $'model made,model made\n2' ] &&
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
