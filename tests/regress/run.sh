#!/usr/bin/env bash
# Regression tests: runs every sql/*.sql in a separate database and compares its output with expected/*.out, then runs
# sessions.sh, upgrade.sh and servers.sh.
#   run.sh [PG_CONFIG] [NAME...]     UPDATE=1 writes the expected files instead
# The extension must be installed there. The cluster is temporary.
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source-path=SCRIPTDIR source=../../.ci/setup.sh
source "$here/../../.ci/setup.sh"
# shellcheck source-path=SCRIPTDIR source=../../.ci/cluster.sh
source "$here/../../.ci/cluster.sh"
here=$ROOT/tests/regress

pg_config=${1:-$PG_CONFIG}
[ $# -eq 0 ] || shift
names=("$@")
if [ "${#names[@]}" = 0 ]; then
    for file in "$here"/sql/*.sql; do names+=("$(basename "$file" .sql)"); done
    names+=(sessions upgrade servers)
fi

cluster_start "$pg_config" max_prepared_transactions=2 wal_writer_delay=10s log_min_messages=warning log_error_verbosity=verbose
out=$(mktemp -d)
trap 'rm -rf "$out"; cluster_stop' EXIT
# The cluster's superuser has the same name everywhere, and settings that change the output have fixed values.
export PGOPTIONS='-c client_min_messages=notice -c timezone=UTC -c datestyle=ISO -c intervalstyle=postgres -c tablediffusion.progress_interval=0'
failed=0

run_one() { # NAME
    local expected=$here/expected/$1.out
    PGOPTIONS='' sql -c "CREATE DATABASE regress_$1" -d postgres
    # Positions and contexts of errors differ between majors.
    psql --no-psqlrc --quiet --echo-all --set=SHOW_CONTEXT=never --set=VERBOSITY=default --dbname="regress_$1" \
        <"$here/sql/$1.sql" >"$out/$1.out" 2>&1
    if [ -n "${UPDATE:-}" ]; then
        cp "$out/$1.out" "$expected"
        echo "wrote    $1"
    elif diff -u "$expected" "$out/$1.out" >"$out/$1.diff"; then
        echo "ok       $1"
    else
        echo "FAILED   $1"
        cat "$out/$1.diff"
        failed=1
    fi
}

# shellcheck source-path=SCRIPTDIR source=sessions.sh
source "$here/sessions.sh"
# shellcheck source-path=SCRIPTDIR source=upgrade.sh
source "$here/upgrade.sh"
# shellcheck source-path=SCRIPTDIR source=servers.sh
source "$here/servers.sh"

# Whether this PostgreSQL has what a file needs.
can_run() { # NAME
    local query=true
    case $1 in
    icu) query="EXISTS (SELECT FROM pg_collation WHERE collname = 'en-x-icu')" ;;
    foreign) query="EXISTS (SELECT FROM pg_available_extensions WHERE name = 'postgres_fdw')" ;;
    esac
    [ "$(PGOPTIONS='' psql -XAtq -d postgres -c "SELECT $query")" = t ]
}

for name in "${names[@]}"; do
    if [ "$name" = sessions ]; then
        run_sessions "$out"
    elif [ "$name" = upgrade ]; then
        run_upgrade "$out"
    elif [ "$name" = servers ]; then
        run_servers "$out" "$pg_config"
    elif can_run "$name"; then
        run_one "$name"
    else
        echo "skipped  $name: this PostgreSQL was built without what it needs"
    fi
done

# Values that the files insert into tables but never print must not be in the server's log.
if as_server grep -c 'planted-value' "$CLUSTER/server.log" >/dev/null; then
    echo "FAILED   the server's log holds a planted value"
    as_server grep 'planted-value' "$CLUSTER/server.log" | head -n 5
    failed=1
fi
if as_server grep -E 'PANIC|terminated by signal|cache reference leak|resource was not closed' "$CLUSTER/server.log"; then
    echo "FAILED   the server's log tells of a crash or a leak"
    failed=1
fi
exit "$failed"
