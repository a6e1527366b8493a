#!/usr/bin/env bash
# The tests of src/pg/tests: inside.sh [PG_CONFIG]
# Each test is a function of the library, which must be installed with the feature pg_test. Each is called in a
# transaction that is rolled back. The cluster is temporary.
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source-path=SCRIPTDIR source=../.ci/setup.sh
source "$here/../.ci/setup.sh"
# shellcheck source-path=SCRIPTDIR source=../.ci/cluster.sh
source "$here/../.ci/cluster.sh"

# Each test with its expected error, from #[pg_test(error = "...")].
list() {
    awk '/^ *#\[pg_test/ {
            due = 1
            error = ""
            if (match($0, /error = ".*"\)\]$/)) { error = substr($0, RSTART + 9, RLENGTH - 12); gsub(/\\"/, "\"", error) }
        }
        due && /^ *fn / { sub(/\(.*/, "", $2); print $2 "\t" error; due = 0 }' "$ROOT"/src/pg/tests/*.rs
}

# The message of the error that a test ends with, or nothing.
outcome() { # NAME
    psql --no-psqlrc --quiet --no-align --tuples-only 2>>"$CLUSTER/errors" <<EOF | tail -n 1
BEGIN;
CREATE FUNCTION pg_temp.test() RETURNS void LANGUAGE c AS '\$libdir/tablediffusion', '$1_wrapper';
SELECT pg_temp.test();
\\echo :LAST_ERROR_MESSAGE
EOF
}

cluster_start "${1:-$PG_CONFIG}"
export PGOPTIONS='-c client_min_messages=warning'
sql -c 'CREATE EXTENSION tablediffusion'
passed=0 failed=0
while IFS=$'\t' read -r name expected; do
    if found=$(outcome "$name") && [ "$found" = "$expected" ]; then
        echo "test $name ... ok"
        passed=$((passed + 1))
    else
        echo "test $name ... FAILED: $found"
        failed=$((failed + 1))
    fi
done < <(list)
[ "$failed" = 0 ] || cat "$CLUSTER/errors"
echo "test result: $([ "$failed" = 0 ] && echo ok || echo FAILED). $passed passed; $failed failed"
[ "$failed" = 0 ] && [ "$passed" = "$(cat "$ROOT"/src/pg/tests/*.rs | grep -c '#\[pg_test')" ]
