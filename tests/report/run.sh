#!/usr/bin/env bash
# Checks the pages of tablediffusion_report in headless Chromium: run.sh [PG_CONFIG]. The extension must be installed
# there. KEEP=DIRECTORY keeps the pages and screenshots in that directory. Skipped without Chromium, unless
# BROWSER=install.
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source-path=SCRIPTDIR source=../../.ci/setup.sh
source "$here/../../.ci/setup.sh"
# shellcheck source-path=SCRIPTDIR source=../../.ci/cluster.sh
source "$here/../../.ci/cluster.sh"

[ "${BROWSER:-}" != install ] || need_packages chromium
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [ -z "$browser" ]; then
    echo "skipped: no Chromium is installed (Debian's package chromium)"
    exit 0
fi
cluster_start "${1:-$PG_CONFIG}"
pages=${KEEP:-$CLUSTER/pages}
mkdir -p "$pages"
sql -c 'CREATE EXTENSION tablediffusion' -f "$ROOT/tests/data/adult.sql"
gzip -dc "$ROOT/tests/data/adult.csv.gz" | sql -c '\copy adult FROM pstdin WITH (FORMAT csv, HEADER)'
# A key and NULLs, which the census table does not have.
sql -c 'CREATE TABLE people AS SELECT row_number() OVER () AS id, *, nullif(age % 5, 0) AS fifth FROM adult LIMIT 5000' \
    -c 'ALTER TABLE people ADD PRIMARY KEY (id)' -o /dev/null -c "SELECT tablediffusion_train('people', 5)"
sql -At -c "SELECT tablediffusion_report('people')" >"$pages/released.html"
PGOPTIONS='-c client_min_messages=warning' sql -At -c "SELECT tablediffusion_report('people', 'people')" >"$pages/owner.html"
columns=$(sql -At -c "SELECT string_agg(name, ',' ORDER BY ordinal) FROM tablediffusion.columns WHERE model = 'people'")
python3 "$ROOT/tests/report/check.py" "$browser" "$pages" "$columns"
