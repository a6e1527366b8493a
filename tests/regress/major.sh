#!/usr/bin/env bash
# pg_upgrade of a database with models, ledger, budget and grants: major.sh OLD_PG_CONFIG NEW_PG_CONFIG
# The extension must be installed in both. The clusters are temporary.
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source-path=SCRIPTDIR source=../../.ci/setup.sh
source "$here/../../.ci/setup.sh"
# shellcheck source-path=SCRIPTDIR source=../../.ci/cluster.sh
source "$here/../../.ci/cluster.sh"
# shellcheck source-path=SCRIPTDIR source=servers.sh
source "$ROOT/tests/regress/servers.sh"

[ $# = 2 ] || die "major.sh OLD_PG_CONFIG NEW_PG_CONFIG"
old=$("$1" --bindir)
new=$("$2" --bindir)

cluster_start "$1"
out=$(mktemp -d)
trap 'rm -rf "$out"; cluster_stop' EXIT
export PGOPTIONS='-c client_min_messages=warning -c timezone=UTC'

moving_database moving
moving_state moving "$out/before.txt" || die "the old server does not have what it should"

# Some builds of PostgreSQL (a Debian 15.20) give every column an option pg_attver, which no other major accepts. With
# such options, pg_upgrade fails for any table, and RESET does not remove them.
option=$(sql -At -d moving -c "SELECT attoptions FROM pg_attribute WHERE attrelid = 'people'::regclass AND attoptions IS NOT NULL LIMIT 1")
if [ -n "$option" ]; then
    echo "skipped  pg_upgrade from $("$1" --version): it gives columns the option $option, which only itself knows"
    exit 0
fi
server_stop data

# Both clusters must have checksums, or neither. From 18 on, initdb enables them by default.
CLUSTER_BIN=$new
checksums=()
! "$new/initdb" --help | grep -q -e --no-data-checksums || checksums=(--no-data-checksums)
server_init new "${checksums[@]}"

# pg_upgrade writes to the current directory, and the servers that it starts must not inherit options.
# shellcheck disable=SC2016 # The inner shell's arguments.
as_server env --unset=PGOPTIONS --unset=PGHOST --unset=PGPORT sh -c 'cd "$1" && shift && exec "$@"' sh "$CLUSTER" \
    "$new/pg_upgrade" --username=postgres --old-bindir="$old" --new-bindir="$new" --old-datadir="$CLUSTER/data" \
    --new-datadir="$CLUSTER/new" >"$out/pg_upgrade.log" 2>&1 ||
    { tail -n 40 "$out/pg_upgrade.log" "$CLUSTER"/new/pg_upgrade_output.d/*/log/pg_upgrade_dump_*.log >&2; die "pg_upgrade failed"; }

server_start new "$PGPORT"
if ! moving_state moving "$out/after.txt" || ! diff -u "$out/before.txt" "$out/after.txt"; then
    die "the database is not what it was"
fi
moving_goes_on moving || die "trainings do not go on as they should"
echo "ok       pg_upgrade from $("$1" --version) to $("$2" --version)"
