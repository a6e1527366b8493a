# shellcheck shell=bash
# Tests with separate servers, and with databases that move between servers. run.sh sources this file and calls
# run_servers. major.sh uses the database and its state too.

# Two models, two ledger entries, a budget, grants, and a table of synthetic rows.
moving_database() { # NAME
    PGOPTIONS='' sql -c "CREATE DATABASE $1" -d postgres || return 1
    sql -d "$1" -o /dev/null -c 'CREATE EXTENSION tablediffusion' \
        -c "CREATE TABLE people AS SELECT i % 50 + 18 AS age, (ARRAY['f', 'm'])[i % 2 + 1] AS sex FROM generate_series(1, 3000) AS i" \
        -c "SELECT tablediffusion_train('people', 1, model => 'one', options => '{\"rounds\": 0}')" \
        -c "SELECT tablediffusion_train('people', 1, model => 'two', options => '{\"rounds\": 0}')" \
        -c "SELECT tablediffusion_set_budget('people', 5, 1e-5)" \
        -c "SELECT tablediffusion_create_table('shared', 'one', 100)" \
        -c 'CREATE ROLE td_moving' \
        -c 'GRANT EXECUTE ON FUNCTION tablediffusion_train TO td_moving' \
        -c "SELECT tablediffusion_grant('one', 'td_moving')" -c "SELECT tablediffusion_grant('two', 'public')"
}

# Removes the role and the databases that it appears in.
drop_moving() { # DATABASE...
    local database
    for database; do PGOPTIONS='' sql -d postgres -c "DROP DATABASE IF EXISTS $database WITH (FORCE)"; done
    PGOPTIONS='' sql -d postgres -c 'DROP ROLE td_moving'
}

# The state that must not change when the database moves: the rows for a seed, also for a role with a grant, and
# everything that was spent, limited and granted.
moving_state() { # DATABASE FILE
    sql -At -d "$1" -o "$2" -c 'SET ROLE td_moving' -c "SELECT tablediffusion_sample('one', 100, seed => 1)" -c 'RESET ROLE' \
        -c "SELECT tablediffusion_sample('two', 100, seed => 1)" -c 'SELECT * FROM tablediffusion.ledger ORDER BY id' \
        -c 'SELECT * FROM tablediffusion.charges_store ORDER BY entry, relation' -c 'SELECT * FROM tablediffusion.budgets' \
        -c 'SELECT * FROM tablediffusion.models ORDER BY name' -c 'SELECT * FROM tablediffusion.columns ORDER BY model, ordinal' \
        -c 'SELECT * FROM tablediffusion.grants ORDER BY model, grantee' \
        -c "SELECT has_function_privilege('td_moving', oid, 'EXECUTE') FROM pg_proc WHERE proname = 'tablediffusion_train'" \
        -c "SELECT count(*), obj_description('shared'::regclass) FROM shared" || return 1
    # Two hundred rows, two entries with a charge each, a budget, two models of two columns, two grants, and two more
    # lines.
    [ "$(wc -l <"$2")" = 215 ]
}

# A training continues after the last ledger entry, is charged to the budget, and is refused if the budget does not
# allow it.
moving_goes_on() { # DATABASE
    local train="SELECT tablediffusion_train('people'" told
    told=$(PGOPTIONS='-c client_min_messages=error' psql -XAtq -v VERBOSITY=sqlstate -d "$1" -c "$train, 20, model => 'much')" 2>&1) || true
    [ "$told" = 'ERROR:  53400' ] || { echo "         a training over the budget: $told"; return 1; }
    PGOPTIONS='-c client_min_messages=warning' sql -d "$1" -o /dev/null -c "$train, 1, model => 'after', options => '{\"rounds\": 0}')" &&
        [ "$(psql -XAtq -d "$1" -c "SELECT count(*) = 3 AND count(DISTINCT id) = 3 AND max(id) = max(id) FILTER (WHERE model = 'after')
            FROM tablediffusion.ledger" -c 'SELECT trainings FROM tablediffusion.budgets')" = $'t\n3' ]
}

# A hot standby samples like the primary.
test_standby() { # DIRECTORY
    PGOPTIONS='' as_server "$CLUSTER_BIN/pg_basebackup" --pgdata="$CLUSTER/standby" --checkpoint=fast --write-recovery-conf --no-sync \
        >/dev/null || return 1
    # Trained after the copy, so the rows arrive by replication.
    moving_database standby && moving_state standby "$1/primary.txt" &&
        sql -d standby -c "CREATE TABLE carried AS SELECT tablediffusion_export('one') AS bytes" &&
        server_start standby 5433 max_prepared_transactions=2 || return 1
    local lsn
    lsn=$(psql -XAtq -d postgres -c 'SELECT pg_current_wal_flush_lsn()')
    local -x PGPORT=5433
    wait_until postgres "SELECT pg_is_in_recovery() AND pg_last_wal_replay_lsn() >= '$lsn'" &&
        moving_state standby "$1/standby.txt" && diff -u "$1/primary.txt" "$1/standby.txt"
}

# A standby refuses everything that writes, with PostgreSQL's own error. It allows export, and its server keeps running.
test_standby_refuses() { # DIRECTORY
    local -x PGPORT=5433
    local call told result=0 started='SELECT pg_is_in_recovery(), pg_postmaster_start_time()' before
    before=$(psql -XAtq -d standby -c "$started") || return 1
    for call in "train('people', 1, model => 'never', options => '{\"rounds\": 0}')" "create_table('never', 'one', 10)" \
        "refresh_table('shared', 'one', 10)" "drop('one')" "import((SELECT bytes FROM carried), 'never')" \
        "rename('one', 'never')" "grant('one', 'public')" "revoke('one', 'td_moving')" "set_budget('people', 9)"; do
        told=$(PGOPTIONS='-c client_min_messages=error' psql -XAtq -v VERBOSITY=verbose -d standby -c "SELECT tablediffusion_$call" 2>&1) || true
        [[ $told == 'ERROR:  25006: '* ]] || { echo "         tablediffusion_$call: ${told%%$'\n'*}"; result=1; }
    done
    # Bytes of a model are read, not written.
    told=$(psql -XAtq -v VERBOSITY=verbose -d standby -c "SELECT length(tablediffusion_export('one')) > 0" 2>&1) || true
    [ "$told" = t ] || { echo "         tablediffusion_export('one'): ${told%%$'\n'*}"; result=1; }
    # A crash would have ended all sessions and restarted recovery.
    moving_state standby "$1/standby.txt" && diff -u "$1/primary.txt" "$1/standby.txt" &&
        [ "$(psql -XAtq -d standby -c "$started")" = "$before" ] &&
        ! as_server grep -q 'because of crash of another server process' "$CLUSTER/server.log" || return 1
    return "$result"
}

dump_custom() { # FROM TO DIRECTORY
    pg_dump -d "$1" -Fc -f "$3/custom.dump" && pg_restore -d "$2" --exit-on-error "$3/custom.dump"
}

# Several processes fill tables in any order, regardless of references (pg_dump records no order for them). Here two
# referenced tables come last, because a lock delays them for a second. The lock allows checks of references to read.
dump_in_parallel() { # FROM TO DIRECTORY
    local result=0
    pg_dump -d "$1" -Fc -f "$3/parallel.dump" && pg_restore -d "$2" -j 2 --exit-on-error --section=pre-data "$3/parallel.dump" || return 1
    psql -XAtq -d "$2" >/dev/null <<'SQL' &
BEGIN;
LOCK TABLE tablediffusion.ledger_store, tablediffusion.models_store IN SHARE ROW EXCLUSIVE MODE;
SELECT pg_sleep(1);
SQL
    wait_until "$2" "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep')" || result=1
    pg_restore -d "$2" -j 3 --exit-on-error --section=data --section=post-data "$3/parallel.dump" || result=1
    wait $!
    return "$result"
}

dump_in_parts() { # FROM TO DIRECTORY
    local part
    for part in schema data; do
        pg_dump -d "$1" --$part-only -f "$3/$part.sql" && sql -d "$2" -o /dev/null -f "$3/$part.sql" || return 1
    done
}

dump_plain() { # FROM TO DIRECTORY
    pg_dump -d "$1" -f "$3/plain.sql" && sql -d "$2" -o /dev/null -f "$3/plain.sql"
}

test_dumps() { # KIND DIRECTORY
    local to=moved_$1
    PGOPTIONS='' sql -c "CREATE DATABASE $to" -d postgres
    "dump_$1" moving "$to" "$2" && moving_state "$to" "$2/$1.txt" && diff -u "$2/moving.txt" "$2/$1.txt" && moving_goes_on "$to"
}

# pg_cron runs a job in the first seconds of a minute. So it is started before the other tests and checked last.
cron_start() {
    server_init cron
    server_start cron 5434 shared_preload_libraries=pg_cron cron.database_name=moving cron.use_background_workers=on
    local -x PGPORT=5434
    local job="\$\$SELECT tablediffusion_refresh_table('shared', 'one', 200)\$\$"
    moving_database moving && sql -d moving -c 'CREATE EXTENSION pg_cron' || return 1
    # Seconds are supported from version 1.5 on.
    psql -XAtq -d moving -c "SELECT cron.schedule('refresh', '1 second', $job)" >/dev/null 2>&1 ||
        sql -d moving -o /dev/null -c "SELECT cron.schedule('refresh', '* * * * *', $job)"
}

test_cron() { # STARTED
    [ "$1" = started ] || return 1
    local -x PGPORT=5434
    local i
    for ((i = 0; i < 75; i++)); do
        [ "$(psql -XAtq -d moving -c "SELECT EXISTS (SELECT FROM cron.job_run_details WHERE status IN ('succeeded', 'failed'))")" = f ] || break
        sleep 1
    done
    [ "$(psql -XAtq -d moving -c 'SELECT status, return_message FROM cron.job_run_details ORDER BY runid LIMIT 1')" = 'succeeded|SELECT 1' ] &&
        [ "$(psql -XAtq -d moving -c 'SELECT count(*) FROM shared')" = 200 ] &&
        [ "$(psql -XAtq -d moving -c "SELECT obj_description('shared'::regclass)" | sed 's/, made by .*//')" = \
            'Synthetic rows from model "one" (method guided, epsilon 1, delta 1e-6, neighbouring tables: add or remove one row)' ]
}

run_servers() { # DIRECTORY PG_CONFIG
    local kind cron=
    if ! [ "$2" -ef "$(pg_config_of 15)" ] || ! need_cron; then
        echo "skipped  a table refreshed by pg_cron: there is none for this PostgreSQL"
    else
        cron=started
        cron_start || cron=failed
    fi
    verdict 'a hot standby samples' test_standby "$1"
    verdict 'a hot standby refuses to write, and no more' test_standby_refuses "$1"
    server_remove standby
    drop_moving standby
    moving_database moving && moving_state moving "$1/moving.txt"
    for kind in custom in_parallel in_parts plain; do
        verdict "dump and restore, ${kind/_/ }" test_dumps "$kind" "$1"
    done
    drop_moving moving moved_custom moved_in_parallel moved_in_parts moved_plain
    if [ -n "$cron" ]; then
        verdict 'a table refreshed by pg_cron' test_cron "$cron"
        server_remove cron
    fi
}
