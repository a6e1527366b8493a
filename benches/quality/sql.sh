#!/usr/bin/env bash
# Scores synthetic rows against real ones: sql.sh [sql.py's arguments]. Uses the server of PGHOST or PGSERVICE when
# one is set; else builds and installs the extension and starts a throw-away cluster.
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source-path=SCRIPTDIR source=../../.ci/setup.sh
source "$here/../../.ci/setup.sh"
# shellcheck source-path=SCRIPTDIR source=../../.ci/cluster.sh
source "$here/../../.ci/cluster.sh"

PYTHON=${PYTHON:-python3}
if ! "$PYTHON" -c 'import pandas, sklearn, xgboost' 2>/dev/null; then
    venv=$CACHE/quality/metrics
    PYTHON=$venv/bin/python
    if ! [ -x "$PYTHON" ]; then
        python3 -c 'import ensurepip' 2>/dev/null || need_packages python3-venv
        say "Installing pandas, scikit-learn and xgboost into .cache/quality/metrics"
        python3 -m venv "$venv"
        "$venv/bin/pip" install --quiet -r "$here/metrics.txt"
    fi
fi

if [ -z "${PGHOST:-}${PGSERVICE:-}" ]; then
    need_postgresql
    build_extension "$PG_CONFIG" release
    install_extension "$PG_CONFIG"
    cluster_start "$PG_CONFIG"
fi
"$PYTHON" "$ROOT/benches/quality/sql.py" "$@"
