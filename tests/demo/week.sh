#!/usr/bin/env bash
# `make week`: a DBA's week with the extension, on temporary servers. It shows everything that it runs, and checks the
# results: week.sh [PG_CONFIG]. The extension must be installed there.
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source-path=SCRIPTDIR source=../../.ci/setup.sh
source "$here/../../.ci/setup.sh"
# shellcheck source-path=SCRIPTDIR source=../../.ci/cluster.sh
source "$here/../../.ci/cluster.sh"

DATABASE=clinic

# Runs SQL, shows it and its result, and compares the result with a regular expression.
check() { # EXPECTED SQL [psql option...]
    local found
    printf '%s=> %s\n' "$DATABASE" "$2"
    found=$(psql -XAtq -d "$DATABASE" -v VERBOSITY=default "${@:3}" -c "$2" 2>&1) || true
    printf '%s\n' "$found"
    [[ $found =~ $1 ]] || die "that should have been: $1"
}

cluster_start "${1:-$PG_CONFIG}"
export PGOPTIONS='-c client_min_messages=warning -c search_path=public'
sql -c "CREATE DATABASE $DATABASE"
sql -d "$DATABASE" -f "$ROOT/tests/data/adult.sql"
gzip -dc "$ROOT/tests/data/adult.csv.gz" | sql -d "$DATABASE" -c '\copy adult FROM pstdin WITH (FORMAT csv, HEADER)'

say "Monday: install an older release, and say who may train"
check '^$' "CREATE EXTENSION tablediffusion VERSION '0.1.0'"
check '^$' 'CREATE ROLE analyst; CREATE ROLE reader'
check '^$' 'GRANT SELECT ON adult TO analyst; GRANT EXECUTE ON FUNCTION tablediffusion_train TO analyst; GRANT CREATE ON SCHEMA public TO analyst'
check 'Run ALTER EXTENSION tablediffusion UPDATE' "SELECT tablediffusion_set_budget('adult', 3.0, 1e-5)"

say "Tuesday: update, say what all trainings may spend, and see what one would do"
check '^$' 'ALTER EXTENSION tablediffusion UPDATE'
# The update creates the function again, with more arguments.
check '^$' 'GRANT EXECUTE ON FUNCTION tablediffusion_train TO analyst'
check '^$' "SELECT tablediffusion_set_budget('adult', 3.0, 1e-5)"
check '^public.adult\|3\|1e-05\|0$' 'SELECT source, epsilon, delta, trainings FROM tablediffusion.budgets'
check '^t$' "SELECT extversion = tablediffusion_version() FROM pg_extension WHERE extname = 'tablediffusion'"
check 'the budget of public.adult allows this training' "SELECT note FROM tablediffusion_plan('adult', 1.0) WHERE stage = 'budget'"

say "Wednesday: train, watch, change one's mind, cancel, which is charged all the same; then train for good"
long="SET ROLE analyst; SELECT tablediffusion_train('adult', 1.0, method => 'tablediffusion', options => '{\"epochs\": 500}')"
printf '%s=> %s   (in another session)\n' "$DATABASE" "$long"
psql -XAtq -d "$DATABASE" -c "$long" >"$CLUSTER/long.out" 2>&1 &
wait_until "$DATABASE" "SELECT EXISTS (SELECT FROM tablediffusion.progress WHERE phase = 'training')" || die "it did not come to training"
check '^adult\|analyst\|tablediffusion\|training\|4\|5$' 'SELECT source, role, method, phase, phases_done, phases FROM tablediffusion.progress'
check '^t$' 'SELECT pg_cancel_backend(pid) FROM tablediffusion.progress'
wait
cat "$CLUSTER/long.out"
grep -q 'canceling statement due to user request' "$CLUSTER/long.out" || die "it was not cancelled"
check '^0$' 'SELECT count(*) FROM tablediffusion.models'
wait_until "$DATABASE" "SELECT outcome = 'cancelled' FROM tablediffusion.ledger" || die "the ledger does not say that it was cancelled"
check '^1$' 'SELECT trainings FROM tablediffusion.budgets'
check '^adult$' "SET ROLE analyst; SELECT tablediffusion_train('adult', 1.0)"
check '^2\|t$' 'SELECT trainings, remaining_epsilon BETWEEN 1 AND 3 FROM tablediffusion.budgets'

say "Thursday: share rows, and the model, with a role that may not see the table"
check '^adult_shared$' "SET ROLE analyst; SELECT tablediffusion_create_table('adult_shared', 'adult', 20000)"
check '^$' 'SET ROLE analyst; GRANT SELECT ON adult_shared TO reader'
check '^$' "SET ROLE analyst; SELECT tablediffusion_grant('adult', 'reader')"
check '^20000$' 'SET ROLE reader; SELECT count(*) FROM adult_shared'
check '^100$' "SET ROLE reader; SELECT count(*) FROM tablediffusion_sample('adult', 100, given => '{\"sex\": \"Female\"}')"
check 'permission denied for table adult$' 'SET ROLE reader; SELECT count(*) FROM adult'
check '^t$' "SELECT synthetic_rows < independent_columns / 2 FROM tablediffusion_quality('adult_shared', 'adult') WHERE metric = '2-way distance'"
check '^t$' "SELECT tablediffusion_report('adult') LIKE '%may be published%'"

say "Friday: a job refreshes the table at night; it may run twice, and the budget ends a job that trains"
job="SET ROLE analyst; SELECT tablediffusion_refresh_table('adult_shared', 'adult', 25000)"
check '^25000$' "$job"
check '^25000$' "$job"
check '^25000$' 'SET ROLE reader; SELECT count(*) FROM adult_shared'
check '^Synthetic rows from model "adult" .method guided, epsilon 1' "SELECT obj_description('adult_shared'::regclass)"
check '^adult$' "SET ROLE analyst; SELECT tablediffusion_train('adult', 1.0, replace => true)"
check 'the privacy budget of public.adult does not allow this training' "SET ROLE analyst; SELECT tablediffusion_train('adult', 3.0, replace => true)"
check '^25000$' 'SET ROLE reader; SELECT count(*) FROM adult_shared'

say "Saturday: dump, and restore into another cluster"
pg_dump -d "$DATABASE" -Fc -f "$CLUSTER/clinic.dump"
rows=$(psql -XAtq -d "$DATABASE" -c "SELECT md5(string_agg(r::text, '')) FROM tablediffusion_sample('adult', 500, seed => 1) AS r")
server_init other
server_start other 5433
PGPORT=5433 sql -d postgres -c 'CREATE ROLE analyst' -c 'CREATE ROLE reader' -c "CREATE DATABASE $DATABASE"
PGPORT=5433 pg_restore -d "$DATABASE" -j 2 "$CLUSTER/clinic.dump"
export PGPORT=5433
check "^$rows\$" "SELECT md5(string_agg(r::text, '')) FROM tablediffusion_sample('adult', 500, seed => 1) AS r"
check '^3\|3$' 'SELECT epsilon, trainings FROM tablediffusion.budgets'
check 'does not allow this training' "SET ROLE analyst; SELECT tablediffusion_train('adult', 3.0, replace => true)"

say "Sunday: be rid of all of it; shared tables stay"
check '^$' "SELECT tablediffusion_drop('adult')"
check '^0$' 'SELECT count(*) FROM tablediffusion.models'
check '^3$' 'SELECT count(*) FROM tablediffusion.ledger'
check '^$' 'DROP EXTENSION tablediffusion'
check '^25000$' 'SELECT count(*) FROM adult_shared'
cluster_stop
echo "A week in which everything came out as it should."
