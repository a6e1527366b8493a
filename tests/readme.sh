#!/usr/bin/env bash
# Runs the SQL of README.md and docs/operating.md, block by block, and compares docs/reference.md with the catalogs:
# readme.sh [PG_CONFIG]. It uses the server of the PG* variables, or a temporary cluster. The extension must be
# installed there. UPDATE=1 writes docs/reference.md instead.
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
# A session that has loaded the library knows its settings.
reference=$(sql -At -c 'SET search_path = public' -c "SELECT set_config('x.version', tablediffusion_version(), false)" -f tests/reference.sql | tail -n +2)
if [ -n "${UPDATE:-}" ]; then
    printf '%s\n' "$reference" >docs/reference.md
else
    diff -u docs/reference.md <(printf '%s\n' "$reference") || die "docs/reference.md differs from the catalogs: run UPDATE=1 tests/readme.sh"
fi
echo "docs/reference.md: matches the catalogs"
