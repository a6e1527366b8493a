#!/usr/bin/env bash
# Runs the SQL of README.md and docs/operating.md, block after block, against the server that PG* variables or a throw-away cluster give:
# readme.sh [PG_CONFIG]. The extension has to be installed there.
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source-path=SCRIPTDIR source=../.ci/setup.sh
source "$here/../.ci/setup.sh"
# shellcheck source-path=SCRIPTDIR source=../.ci/cluster.sh
source "$here/../.ci/cluster.sh"
cd "$ROOT" || exit

[ -n "${PGHOST:-}${PGSERVICE:-}" ] || cluster_start "${1:-$PG_CONFIG}"
for page in README.md docs/operating.md; do
    blocks=$(awk '/^```sql$/ { inside = 1; next } /^```/ { inside = 0 } inside' "$page")
    [ -n "$blocks" ] || die "$page has no SQL"
    sql --echo-errors --output=/dev/null <<<"$blocks"
    echo "$page: its SQL runs"
done
