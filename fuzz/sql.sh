#!/usr/bin/env bash
# Fuzzes the functions of the extension in a server: sql.sh [PG_CONFIG] [SECONDS] [SEED]. See README.md.
# The extension has to be installed there; the cluster is thrown away.
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source-path=SCRIPTDIR source=../.ci/setup.sh
source "$here/../.ci/setup.sh"
# shellcheck source-path=SCRIPTDIR source=../.ci/cluster.sh
source "$here/../.ci/cluster.sh"

cluster_start "${1:-$PG_CONFIG}" log_error_verbosity=verbose log_min_error_statement=panic deadlock_timeout=200ms \
    temp_file_limit=1GB tablediffusion.memory_limit=512MB
sql --output=/dev/null --file="$ROOT/fuzz/sql_setup.sql"
python3 "$ROOT/fuzz/sql.py" "$CLUSTER/server.log" "$ROOT/fuzz/artifacts" "${2:-600}" "${3:-1}"
