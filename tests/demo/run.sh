#!/usr/bin/env bash
# `make demo`: from a machine with Rust and apt to synthetic rows, in a temporary cluster.
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source-path=SCRIPTDIR source=../../.ci/setup.sh
source "$here/../../.ci/setup.sh"
# shellcheck source-path=SCRIPTDIR source=../../.ci/cluster.sh
source "$here/../../.ci/cluster.sh"
here=$ROOT/tests/demo

# Uses the tests' own copy of PostgreSQL: this build is not a release, and must not replace one.
need_major "$DEBIAN_MAJOR"
pg_config=$(pg_config_of "$DEBIAN_MAJOR")
say "Building the extension, optimised but for what only networks need (the first time takes some minutes)"
build_extension "$pg_config" demo
install_extension "$pg_config"

say "Starting a throw-away $("$pg_config" --version) as $SERVER_USER"
cluster_start "$pg_config"
echo "in $CLUSTER"

say "CREATE EXTENSION tablediffusion"
sql -c 'CREATE EXTENSION tablediffusion'

say "Loading Adult: 15 columns of the 1994 United States census (tests/data/README.md)"
sql -f "$ROOT/tests/data/adult.sql"
gzip -dc "$ROOT/tests/data/adult.csv.gz" | sql -c '\copy adult FROM pstdin WITH (FORMAT csv, HEADER)'
sql -c 'ANALYZE adult' -At -c "SELECT count(*) || ' rows' FROM adult"

say "SELECT tablediffusion_train('adult', 1.0)"
sql -c '\timing on' -c "SELECT tablediffusion_train('adult', 1.0)"

say "SELECT tablediffusion_create_table('adult_synthetic', 'adult', 50000)"
sql -c '\timing on' -c "SELECT tablediffusion_create_table('adult_synthetic', 'adult', 50000)"

say "Ten real rows, ten synthetic rows"
sql -f "$here/rows.sql"

say "How close each column is (0: the same distribution, 1: nothing in common)"
sql -f "$here/closeness.sql"

say "Stopping the cluster and removing it"
cluster_stop
