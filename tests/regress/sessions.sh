# shellcheck shell=bash
# Tests that need several sessions or server tools. Sourced by run.sh. Each prints ok or FAILED.

verdict() { # NAME CONDITION...
    local name=$1
    shift
    if "$@"; then
        echo "ok       $name"
    else
        echo "FAILED   $name"
        # shellcheck disable=SC2034 # run.sh reads it.
        failed=1
    fi
}

people_database() { # NAME
    PGOPTIONS='' sql -c "CREATE DATABASE $1" -d postgres
    sql -d "$1" -c 'CREATE EXTENSION tablediffusion' -c "CREATE TABLE people AS
        SELECT i % 50 + 18 AS age, (ARRAY['f', 'm'])[i % 2 + 1] AS sex FROM generate_series(1, 100000) AS i"
}

test_progress() {
    local notices
    notices=$(PGOPTIONS='-c tablediffusion.progress_interval=1ms' psql -Xq -d sessions \
        -c "SELECT tablediffusion_train('people', 1, model => 'watched', method => 'tablediffusion', options => '{\"epochs\": 0.2}')" 2>&1 | grep NOTICE)
    # Only phases and step counts.
    ! grep -qvE '^NOTICE:  (counting rows|learning domains|encoding rows|calibrating noise|training: [0-9]+ %|training is expected to need about .* of memory)$' \
        <<<"$notices" && grep -q 'training: [0-9]* %' <<<"$notices"
}

# The NOTICE about memory appears only above maintenance_work_mem.
test_memory_notice() {
    local train="SELECT tablediffusion_train('people', 1, replace => true, model => 'announced', method => 'tablediffusion', options => '{\"epochs\": 0.1}')"
    local little much
    little=$(PGOPTIONS='-c maintenance_work_mem=1MB' psql -Xq -d sessions -c "$train" 2>&1)
    much=$(PGOPTIONS='-c maintenance_work_mem=8GB' psql -Xq -d sessions -c "$train" 2>&1)
    grep -q 'training is expected to need about' <<<"$little" && ! grep -q 'memory' <<<"$much"
}

# pg_cancel_backend takes effect within a second (100 ms on an idle machine), and the session can continue.
test_cancel() {
    local out=$1/cancel.out pid started took
    psql -XAtq -d sessions >"$out" 2>&1 <<'SQL' &
SET application_name = 'to_cancel';
SELECT tablediffusion_train('people', 1, model => 'never', method => 'tablediffusion', options => '{"epochs": 2000}');
SELECT 'alive';
SQL
    pid=$!
    wait_until sessions "SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'to_cancel' AND query ~ 'train'
        AND clock_timestamp() - query_start > '1.5 s'" || return 1
    started=$(date +%s%N)
    psql -XAtq -d sessions -c "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'to_cancel'" >/dev/null
    wait "$pid"
    took=$((($(date +%s%N) - started) / 1000000))
    echo "         cancelled and answered within $took ms"
    grep -q 'canceling statement due to user request' "$out" && grep -q '^alive$' "$out" && [ "$took" -lt 1000 ] &&
        [ "$(psql -XAtq -d sessions -c "SELECT count(*) FROM tablediffusion.models WHERE name = 'never'")" = 0 ]
}

# Two trainings with one name: the second waits for the first, then reports that the name is taken.
test_same_name() {
    local first=$1/first.out second=$1/second.out
    (echo "BEGIN; SELECT tablediffusion_train('people', 1, model => 'twin', method => 'tablediffusion', options => '{\"epochs\": 0.1}');"
        echo "SELECT pg_sleep(2); COMMIT;") | psql -XAtq -d sessions >"$first" 2>&1 &
    wait_until sessions "SELECT count(*) = 1 FROM pg_stat_activity WHERE query ~ 'pg_sleep\(2\)' AND pid <> pg_backend_pid()" || return 1
    psql -XAtq -d sessions -c "SELECT tablediffusion_train('people', 1, model => 'twin')" >"$second" 2>&1
    wait $!
    grep -q '^twin$' "$first" && grep -q 'model "twin" already exists' "$second"
}

# Two trainings fit a budget alone but not together. The second sees the charge of the first while that is still
# running, at any isolation level. A budget can be set meanwhile.
test_budget_race() {
    local first=$1/first.out second=$1/second.out
    local train="SELECT tablediffusion_train('raced', 0.8, delta => 1e-7, replace => true, options => '{\"rounds\": 0}'"
    sql -d sessions -c 'CREATE TABLE raced AS SELECT * FROM people LIMIT 1000' \
        -c "SELECT tablediffusion_set_budget('raced', 1, 1e-6)" >/dev/null
    (echo "BEGIN; $train, model => 'race1'); SELECT pg_sleep(3); ROLLBACK;") | psql -XAtq -d sessions >"$first" 2>&1 &
    wait_until sessions "SELECT count(*) = 1 FROM pg_stat_activity WHERE query ~ 'pg_sleep\(3\)' AND pid <> pg_backend_pid()" || return 1
    [ "$(psql -XAtq -d sessions -c "SELECT outcome FROM tablediffusion.ledger WHERE model = 'race1'")" = running ] || return 1
    (echo "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1; $train, model => 'race2'); COMMIT;") | psql -XAtq -d sessions >"$second" 2>&1 || true
    psql -XAtq -d sessions -c "SET lock_timeout = '300ms'" -c "SELECT tablediffusion_set_budget('raced', 5, 1e-6)" >/dev/null || return 1
    wait
    grep -q '^race1$' "$first" && grep -q 'privacy budget of public.raced does not allow' "$second" &&
        [ "$(psql -XAtq -d sessions -c "SELECT outcome FROM tablediffusion.ledger WHERE model = 'race1'")" = 'rolled back' ] &&
        [ "$(psql -XAtq -d sessions -c "SELECT count(*) FROM tablediffusion.ledger WHERE model = 'race2'")" = 0 ]
}

# A training is refused after a while if another session is changing its budget, and reads nothing.
test_budget_changing() {
    local told
    (echo "BEGIN; SELECT tablediffusion_set_budget('raced', 50, 1e-6); SELECT pg_sleep(8);") | psql -XAtq -d sessions >/dev/null 2>&1 &
    wait_until sessions "SELECT count(*) = 1 FROM pg_stat_activity WHERE query ~ 'pg_sleep\(8\)' AND pid <> pg_backend_pid()" || return 1
    told=$(psql -XAtq -v VERBOSITY=verbose -d sessions -c "SELECT tablediffusion_train('raced', 0.1, 'changing')" 2>&1) || true
    psql -XAtq -d sessions -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ 'pg_sleep\(8\)' AND pid <> pg_backend_pid()" >/dev/null
    wait
    [[ $told == 'ERROR:  55P03: '* ]] && [ "$(psql -XAtq -d sessions -c "SELECT count(*) FROM tablediffusion.ledger WHERE model = 'changing'")" = 0 ]
}

# A plan that does not contain the model cannot reveal it, neither to the caller of a wrapper, by their own settings,
# nor to readers of the server's log, whatever modules observe statements.
test_statements() { # DIRECTORY
    local out=$1/statements.out bytes hex log='SET log_min_messages = debug5'
    psql -Xq -d sessions >"$out" 2>&1 <<SQL
LOAD 'auto_explain';
SET auto_explain.log_min_duration = 0;
SET auto_explain.log_nested_statements = on;
SET auto_explain.log_verbose = on;
SET auto_explain.log_analyze = on;
DO \$\$ BEGIN SET auto_explain.log_parameter_max_length = -1; EXCEPTION WHEN OTHERS THEN NULL; END \$\$;
$log;
SET client_min_messages = log;
SET debug_print_parse = on;
SET debug_print_rewritten = on;
SET debug_print_plan = on;
SET log_statement = 'all';
SET log_duration = on;
SELECT tablediffusion_train('people', 1, 'printed', options => '{"rounds": 0}');
SQL
    # The header is the same in all models. The rest is specific to the model, as hexadecimal digits and in the form of
    # a plan.
    hex=$(psql -XAtq -d sessions -c "SELECT encode(substr(tablediffusion_export('printed'), 43, 16), 'hex')")
    bytes=$(psql -XAtq -d sessions -c "SELECT string_agg(CASE WHEN b > 127 THEN b - 256 ELSE b END::text, ' ' ORDER BY i)
        FROM (SELECT i, get_byte(tablediffusion_export('printed'), i) AS b FROM generate_series(42, 57) AS i) AS _")
    [ "${#hex}" = 32 ] && grep -q 'PLANNEDSTMT' "$out" && ! grep -qF -e "$hex" -e "$bytes" "$out" &&
        ! as_server grep -qF -e "$hex" -e "$bytes" "$CLUSTER/server.log"
}

# Outcomes of trainings that end without a model: cancelled, ended with their session, and with the server.
test_outcomes() { # DIRECTORY
    local way name
    for way in cancel terminate; do
        name="to $way"
        psql -XAtq -d sessions -c "SELECT tablediffusion_train('people', 1, '$name', method => 'tablediffusion',
            options => '{\"epochs\": 2000}')" >/dev/null 2>&1 &
        wait_until sessions "SELECT count(*) = 1 FROM tablediffusion.progress WHERE model = '$name' AND phase = 'training'" || return 1
        psql -XAtq -d sessions -c "SELECT pg_${way}_backend(pid) FROM tablediffusion.progress WHERE model = '$name'" >/dev/null
        wait
    done
    wait_until sessions "SELECT outcome = 'cancelled' FROM tablediffusion.ledger WHERE model = 'to cancel'" &&
        [ "$(psql -XAtq -d sessions -c "SELECT outcome FROM tablediffusion.ledger WHERE model = 'to terminate'")" = 'rolled back' ]
}

# A worker that starts after its training was cancelled finds nothing to do, and the server keeps running.
test_late_worker() {
    local wait
    {
        for wait in {1..30} {1..30}; do
            echo "SET statement_timeout = $wait;"
            echo "SELECT tablediffusion_train('people', 1, 'late', options => '{\"rounds\": 0}', replace => true);"
        done
        echo "SET statement_timeout = 0; SELECT pg_sleep(0.5); SELECT 'alive';"
    } | psql -XAtq -d sessions 2>/dev/null | tail -n 1 | grep -qx alive || return 1
    sql -d sessions -o /dev/null -c "SELECT tablediffusion_drop(name) FROM tablediffusion.models WHERE name = 'late'"
}

# Without a worker nothing is charged, so nothing is read.
test_no_worker() {
    local told
    sql -d sessions -c 'ALTER SYSTEM SET max_worker_processes = 0'
    as_server "$CLUSTER_BIN/pg_ctl" restart --silent --wait --mode=fast --pgdata="$CLUSTER/data" --log="$CLUSTER/server.log"
    told=$(psql -XAtq -v VERBOSITY=verbose -d sessions -c "SELECT tablediffusion_train('people', 1, 'unpaid')" 2>&1) || true
    sql -d sessions -c 'ALTER SYSTEM RESET max_worker_processes'
    as_server "$CLUSTER_BIN/pg_ctl" restart --silent --wait --mode=fast --pgdata="$CLUSTER/data" --log="$CLUSTER/server.log"
    [[ $told == 'ERROR:  53400: no background worker is free'* ]] &&
        [ "$(psql -XAtq -d sessions -c "SELECT count(*) FROM tablediffusion.ledger WHERE model = 'unpaid'")" = 0 ]
}

# A charge is on disk before a row is read (the cluster writes WAL only every ten seconds). After a crash in the middle
# of a training, the charge remains, whatever synchronous_commit is, and nothing else.
test_crash() {
    PGOPTIONS='-c synchronous_commit=off' psql -XAtq -d sessions -c "SELECT tablediffusion_train('people', 1,
        'crashed', method => 'tablediffusion', options => '{\"epochs\": 2000}')" >/dev/null 2>&1 &
    wait_until sessions "SELECT count(*) = 1 FROM tablediffusion.progress WHERE model = 'crashed'" || return 1
    as_server "$CLUSTER_BIN/pg_ctl" restart --silent --wait --mode=immediate --pgdata="$CLUSTER/data" \
        --log="$CLUSTER/server.log" >/dev/null 2>&1
    wait
    [ "$(psql -XAtq -d sessions -c "SELECT outcome FROM tablediffusion.ledger WHERE model = 'crashed'")" = 'rolled back' ] &&
        [ "$(psql -XAtq -d sessions -c "SELECT count(*) FROM tablediffusion.models WHERE name = 'crashed'")" = 0 ]
}

# Another session does not see a model before it is committed.
test_other_session() {
    (echo "BEGIN; SELECT tablediffusion_train('people', 1, model => 'unseen', method => 'tablediffusion', options => '{\"epochs\": 0.1}');"
        echo "SELECT pg_sleep(2); ROLLBACK;") | psql -XAtq -d sessions >/dev/null 2>&1 &
    wait_until sessions "SELECT count(*) = 1 FROM pg_stat_activity WHERE query ~ 'pg_sleep\(2\)' AND pid <> pg_backend_pid()" || return 1
    # psql fails, as it should, so its output is checked separately from its status.
    local told
    told=$(psql -XAtq -d sessions -c "SELECT tablediffusion_sample('unseen', 1)" 2>&1) || true
    wait $!
    grep -q 'model "unseen" does not exist' <<<"$told"
}

# Threads take no signals: every signal that PostgreSQL handles is blocked in them. There are at most as many threads as
# processors.
test_threads() {
    psql -XAtq -d sessions >/dev/null 2>&1 <<'SQL' &
SET application_name = 'threads';
SET tablediffusion.threads = 1024;
SELECT tablediffusion_train('people', 1, model => 'threads', method => 'tablediffusion', options => '{"epochs": 0.1}');
SELECT pg_sleep(3);
SQL
    wait_until sessions "SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'threads' AND query ~ 'pg_sleep'" || return 1
    local pid task blocked unblocked=0 workers=0
    pid=$(psql -XAtq -d sessions -c "SELECT pid FROM pg_stat_activity WHERE application_name = 'threads'")
    for task in /proc/"$pid"/task/*; do
        [ "${task##*/}" != "$pid" ] || continue
        workers=$((workers + 1))
        blocked=$(awk '/^SigBlk/ { print $2 }' "$task/status")
        # SIGHUP, SIGINT, SIGUSR1, SIGALRM, SIGTERM.
        (((0x$blocked & 0x6203) == 0x6203)) || unblocked=$((unblocked + 1))
    done
    wait $!
    [ "$workers" -gt 0 ] && [ "$workers" -le "$(nproc)" ] && [ "$unblocked" = 0 ]
}

# Cancelled work does not continue in the background.
test_abandoned() {
    local pid i before after
    local plan="SELECT count(*) FROM tablediffusion_plan('people', 1, method => 'tablediffusion', options => '{\"epochs\": 500}')"
    {
        echo "SET application_name = 'abandoned'; SET statement_timeout = '20ms';"
        for ((i = 0; i < 40; i++)); do echo "$plan;"; done
        echo 'SET statement_timeout = 0; SELECT pg_sleep(6);'
    } | psql -XAtq -d sessions >"$1/abandoned.out" 2>&1 &
    wait_until sessions "SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'abandoned' AND query ~ 'pg_sleep'" || return 1
    pid=$(psql -XAtq -d sessions -c "SELECT pid FROM pg_stat_activity WHERE application_name = 'abandoned'")
    sleep 1
    before=$(processor_time "$pid")
    sleep 3
    after=$(processor_time "$pid")
    wait $!
    [ "$(grep -c 'canceling statement due to statement timeout' "$1/abandoned.out")" -ge 10 ] && [ $((after - before)) -lt 50 ]
}
processor_time() { awk '{ print $14 + $15 }' "/proc/$1/stat"; } # PID, in hundredths of a second

# Other sessions see a training, except roles without privileges, and only until its end.
test_progress_view() {
    local mine="SELECT EXISTS (SELECT FROM tablediffusion.progress WHERE model = 'seen' AND source = 'people' AND database = 'sessions'
        AND role = current_user AND method = 'tablediffusion' AND phase = 'training' AND phases_done = 4 AND phases = 5 AND percent > 0
        AND remaining > interval '0' AND started < clock_timestamp())"
    psql -XAtq -d sessions >/dev/null 2>&1 \
        -c "SELECT tablediffusion_train('people', 1, model => 'seen', method => 'tablediffusion', options => '{\"epochs\": 200}')" &
    sql -d sessions -c 'DROP ROLE IF EXISTS td_stranger' -c 'CREATE ROLE td_stranger' 2>/dev/null
    wait_until sessions "$mine" || return 1
    [ "$(psql -XAtq -d sessions -c 'SET ROLE td_stranger' -c 'SELECT count(*) FROM tablediffusion.progress')" = 0 ] || return 1
    psql -XAtq -d sessions -c "SELECT pg_cancel_backend(pid) FROM tablediffusion.progress WHERE model = 'seen'" >/dev/null
    wait
    sql -d sessions -c 'DROP ROLE td_stranger'
    [ "$(psql -XAtq -d sessions -c 'SELECT count(*) FROM tablediffusion.progress')" = 0 ]
}

# While a table is refreshed, readers see its old rows, and afterwards the new ones.
test_refresh() {
    local count='SELECT count(*) FROM shared'
    sql -d sessions -c "SELECT tablediffusion_create_table('shared', 'watched', 100)" >/dev/null
    psql -XAtq -d sessions >/dev/null <<'SQL' &
SET application_name = 'refreshing';
BEGIN;
SELECT tablediffusion_refresh_table('shared', 'watched', 200);
SELECT pg_sleep(1);
COMMIT;
SQL
    wait_until sessions "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'refreshing' AND wait_event = 'PgSleep')" || return 1
    [ "$(psql -XAtq -d sessions -c "SET lock_timeout = '200ms'" -c "$count")" = 100 ] || return 1
    # A second run waits for the first, and is harmless.
    sql -d sessions -c "SELECT tablediffusion_refresh_table('shared', 'watched', 200)" >/dev/null
    wait
    [ "$(psql -XAtq -d sessions -c "$count")" = 200 ]
}

# Models, ledger, the ledger's sequence and grants survive dump and restore. The budget must cover all trainings before,
# including up to 60 that came too late, which count with their maximum cost.
test_dump() {
    local dump=$1/sessions.dump
    sql -d sessions -c "DROP ROLE IF EXISTS td_sessions" -c "CREATE ROLE td_sessions" \
        -c "GRANT EXECUTE ON FUNCTION tablediffusion_train TO td_sessions" \
        -c "SELECT tablediffusion_grant('watched', 'td_sessions')" -c "SELECT tablediffusion_set_budget('people', 500, 1e-3)" >/dev/null 2>&1
    pg_dump -d sessions -Fc -f "$dump" || return 1
    PGOPTIONS='' sql -c 'CREATE DATABASE restored' -d postgres
    pg_restore -d restored "$dump" || return 1
    local query="SELECT string_agg(s::text, ',') FROM tablediffusion_sample('watched', 100, seed => 1) AS s"
    local state="SELECT (SELECT count(*) FROM tablediffusion.ledger), (SELECT string_agg(name || owner, ',' ORDER BY name) FROM tablediffusion.models),
        (SELECT string_agg(b::text, ',') FROM tablediffusion.budgets AS b), (SELECT string_agg(g::text, ',') FROM tablediffusion.grants AS g),
        (SELECT sum(cardinality(charged)) FROM tablediffusion.ledger),
        has_function_privilege('td_sessions', 'tablediffusion_train', 'EXECUTE')"
    state=${state//\'tablediffusion_train\'/"(SELECT oid FROM pg_proc WHERE proname = 'tablediffusion_train')"}
    # Says what differs.
    diff <(psql -XAtq -d sessions -c "$query" -c "$state" 2>&1) <(psql -XAtq -d restored -c "$query" -c "$state" 2>&1) &&
        sql -d restored -c "SELECT tablediffusion_train('people', 1, model => 'after', method => 'tablediffusion', options => '{\"epochs\": 0.1}')" >/dev/null &&
        [ "$(psql -XAtq -d restored -c 'SELECT count(*) = count(DISTINCT id) FROM tablediffusion.ledger')" = t ]
    local result=$?
    sql -d sessions -c 'DROP OWNED BY td_sessions'
    sql -d restored -c 'DROP OWNED BY td_sessions' -c 'DROP ROLE td_sessions'
    return "$result"
}

# Sessions are forks of one process, which has preloaded the library here. No two draw the same noise.
test_streams() {
    local i sessions=()
    # Trainings without a model have almost spent the budget.
    sql -d sessions -c "ALTER SYSTEM SET shared_preload_libraries = 'tablediffusion'" -c "SELECT tablediffusion_set_budget('people', NULL)" >/dev/null
    as_server "$CLUSTER_BIN/pg_ctl" restart --silent --wait --mode=fast --pgdata="$CLUSTER/data" --log="$CLUSTER/server.log"
    for i in 1 2 3 4 5 6; do
        psql -XAtq -d sessions -c "SELECT tablediffusion_train('people', 1, model => 'stream $i', method => 'tablediffusion',
            options => '{\"epochs\": 0.1}')" >/dev/null &
        sessions+=($!)
    done
    wait "${sessions[@]}"
    [ "$(psql -XAtq -d sessions -c "SELECT count(DISTINCT noisy_rows) FROM tablediffusion.models WHERE name ~ '^stream '")" = 6 ]
}

# A role that does not own a table gets an error at once, neither waits for its lock nor delays others that do.
test_stranger() {
    local out=$1/stranger.out
    sql -d sessions -c 'CREATE ROLE td_stranger' -c 'CREATE TABLE guarded (age int, sex text)' >/dev/null
    (echo "BEGIN; LOCK TABLE guarded IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(4); COMMIT;") | psql -XAtq -d sessions >/dev/null 2>&1 &
    wait_until sessions "SELECT count(*) = 1 FROM pg_stat_activity WHERE query ~ 'pg_sleep\\(4\\)' AND pid <> pg_backend_pid()" || return 1
    psql -XAtq -d sessions -c "SET ROLE td_stranger" -c "SET lock_timeout = '1s'" \
        -c "SELECT tablediffusion_refresh_table('guarded', 'people', 10)" >"$out" 2>&1
    wait $!
    sql -d sessions -c 'DROP TABLE guarded' -c 'DROP ROLE td_stranger' >/dev/null
    grep -q 'must be owner of relation guarded' "$out"
}

run_sessions() { # DIRECTORY
    people_database sessions
    verdict 'progress is told in phases and steps' test_progress
    verdict 'memory is announced' test_memory_notice
    verdict 'a cancel is answered' test_cancel "$1"
    verdict 'two trainings of one name' test_same_name "$1"
    verdict 'two trainings and one budget' test_budget_race "$1"
    verdict 'a budget that is being changed' test_budget_changing
    verdict 'statements that are printed hold no model' test_statements "$1"
    verdict 'what becomes of trainings' test_outcomes "$1"
    verdict 'a worker that comes too late' test_late_worker
    verdict 'no worker, no training' test_no_worker
    verdict 'a model is not seen before it is committed' test_other_session
    verdict 'threads take no signals' test_threads
    verdict 'cancelled work ends' test_abandoned "$1"
    verdict 'progress is seen by others' test_progress_view
    verdict 'readers of a table that is refreshed' test_refresh
    verdict 'strangers do not queue for a table' test_stranger "$1"
    verdict 'dump and restore' test_dump "$1"
    verdict 'sessions share no noise' test_streams
    verdict 'a charge outlives a crash' test_crash
}
