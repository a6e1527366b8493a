#!/usr/bin/env bash
# Measures whole calls inside PostgreSQL, optimised, in a throw-away cluster: training on Adult, sampling from it,
# looking at the rows, and streaming in a table of 1,000,000 rows and 15 columns. Prints one Markdown table: of REPEATS
# runs (default 3) the best, which other work on the machine disturbs least.
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source-path=SCRIPTDIR source=../.ci/setup.sh
source "$here/../.ci/setup.sh"
# shellcheck source-path=SCRIPTDIR source=../.ci/cluster.sh
source "$here/../.ci/cluster.sh"
here=$ROOT/benches
REPEATS=${REPEATS:-3}
SAMPLED=500000
STREAMED=1000000

# Runs SQL in a session of its own; prints its wall seconds, and CPU seconds and peak MiB of its backend.
measure() { # SQL
    local printed
    printed=$(LC_ALL=C sql -At <<EOF
SELECT pg_backend_pid() AS pid \gset
\setenv BACKEND :pid
\timing on
$1;
\timing off
\! cat /proc/\$BACKEND/stat /proc/\$BACKEND/status
EOF
    )
    awk -v hertz="$(getconf CLK_TCK)" '
        $1 == "Time:" { wall = $2 / 1000 }
        /^[0-9]+ \(/ { sub(/.*\) /, ""); cpu = ($12 + $13) / hertz }
        $1 == "VmHWM:" { peak = $2 / 1024 }
        END { print wall, cpu, peak }' <<<"$printed"
}

# The least, column by column, of REPEATS runs of a command.
best_of() { # COMMAND...
    local column i results=
    for ((i = 0; i < REPEATS; i++)); do results+=$("$@")$'\n'; done
    for column in 1 2 3; do
        awk -v c="$column" 'NF { print $c }' <<<"$results" | sort -n | awk 'NR == 1 { printf "%.2f ", $1 }'
    done
}

# Seconds from the first notice of each phase to the next phase's, from the server's log of the last training.
phase_seconds() { # PHASE
    awk -v phase="$1" '
        $2 != "NOTICE:" { next }
        { name = $0; sub(/^[^:]*: +/, "", name); sub(/:.*/, "", name) }
        name == phase && name != last { start = $1; found = 0 }
        last == phase && name != phase { found = $1 - start }
        { last = name }
        END { print found }' "$CLUSTER/server.log"
}

train_adult() { measure "SELECT tablediffusion_train('adult', 1.0, replace => true)"; }
sample_typed() { measure "CREATE TEMP TABLE s AS SELECT * FROM tablediffusion_sample('adult', $SAMPLED, NULL::adult)"; }
sample_count() { measure "SELECT count(*) FROM tablediffusion_sample('adult', $SAMPLED, NULL::adult)"; }
create() {
    sql -c 'DROP TABLE IF EXISTS adult_synthetic'
    measure "SELECT tablediffusion_create_table('adult_synthetic', 'adult', $SAMPLED)"
}
quality() { measure "SELECT count(*) FROM tablediffusion_quality('adult_synthetic', 'adult', 'salary')"; }
report() { measure "SELECT length(tablediffusion_report('adult'))"; }
report_owner() { measure "SELECT length(tablediffusion_report('adult', 'adult'))"; }
import() { measure "SELECT tablediffusion_import(tablediffusion_export('adult'), 'moved', replace => true)"; }
stream_wide() {
    measure "SELECT tablediffusion_train('wide', 1.0, replace => true, delta => 1e-7,
             method => 'tablediffusion', options => '{\"epochs\": 0.02}')" >>"$CLUSTER/wide"
    echo "$(phase_seconds 'learning domains') $(phase_seconds 'encoding rows') $(tail -n 1 "$CLUSTER/wide" | cut -d ' ' -f 3)"
}

need_postgresql
build_extension "$PG_CONFIG" release
install_extension "$PG_CONFIG"
cluster_start "$PG_CONFIG" log_line_prefix="'%n '" log_min_messages=notice max_wal_size=4GB
sql -c 'CREATE EXTENSION tablediffusion' -f "$ROOT/tests/data/adult.sql"
gzip -dc "$ROOT/tests/data/adult.csv.gz" | sql -c '\copy adult FROM pstdin WITH (FORMAT csv, HEADER)'
sql -c 'VACUUM ANALYZE adult'
export PGOPTIONS="-c client_min_messages=warning"

read -r wall cpu peak <<<"$(best_of train_adult)"
read -r typed typed_cpu typed_peak <<<"$(best_of sample_typed)"
read -r counted counted_cpu counted_peak <<<"$(best_of sample_count)"
read -r created created_cpu created_peak <<<"$(best_of create)"
read -r judged judged_cpu judged_peak <<<"$(best_of quality)"
read -r shown shown_cpu shown_peak <<<"$(best_of report)"
read -r owned owned_cpu owned_peak <<<"$(best_of report_owner)"
read -r moved moved_cpu moved_peak <<<"$(best_of import)"

sql -f "$here/wide.sql"
export PGOPTIONS="-c client_min_messages=warning -c tablediffusion.progress_interval=10ms"
read -r learn encode wide_peak <<<"$(best_of stream_wide)"

rate() { awk -v rows="$1" -v seconds="$2" 'BEGIN { if (seconds > 0) printf "%d", rows / seconds; else printf "?" }'; }
cat <<EOF
$(date -u +%F), $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores, $("$PG_CONFIG" --version), best of $REPEATS

| what | rows/s | wall s | CPU s | peak memory, MiB |
|---|---|---|---|---|
| train on Adult, epsilon 1, defaults | | $wall | $cpu | $peak |
| sample $SAMPLED typed rows into a temporary table | $(rate $SAMPLED "$typed") | $typed | $typed_cpu | $typed_peak |
| sample $SAMPLED typed rows and count them | $(rate $SAMPLED "$counted") | $counted | $counted_cpu | $counted_peak |
| create a table of $SAMPLED rows | $(rate $SAMPLED "$created") | $created | $created_cpu | $created_peak |
| quality of these rows | | $judged | $judged_cpu | $judged_peak |
| report, released information only | | $shown | $shown_cpu | $shown_peak |
| report with the real rows | | $owned | $owned_cpu | $owned_peak |
| export and import | | $moved | $moved_cpu | $moved_peak |
| stream in $STREAMED x 15: learn domains | $(rate $STREAMED "$learn") | $learn | | $wide_peak |
| stream in $STREAMED x 15: encode | $(rate $STREAMED "$encode") | $encode | | $wide_peak |
EOF
