#!/usr/bin/env bash
# The audit: attacks on the unchanged engine, which must fail, and on each of its mutants, which must succeed.
# run.sh [short]     docs/audit.md describes the checks. Without "short" it also runs inside PostgreSQL, about ten
# minutes
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source-path=SCRIPTDIR source=../../.ci/setup.sh
source "$here/../../.ci/setup.sh"
cd "$ROOT"

# Each mutant, and the check that must detect it.
CAUGHT_BY="
HalfNoise steps::step_full_batch
HalfNoise counts::heavy_keys
NoNoise counts::counts
ClipByBatch steps::step_full_batch
ClipByBatch steps::step_explicit
Shuffle noise::batches_are_poisson
RealBatchSize steps::step_size_of_the_rest
ExactRange rows::rows_learned
EncoderOutside steps::step_layer_by_layer
SharedStream noise::streams_differ
"
scale=${1:-long}
unset TABLEDIFFUSION_MUTANT
log=$(mktemp)
server=
trap 'rm -rf "$log" ${server:+"$server"}' EXIT
missed=0

need_rust
say "Building the audit, with mutants to be switched on"
binary=$(cargo test --no-default-features --features mutants --test audit --no-run --message-format=json |
    sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)
[ -x "$binary" ] || die "the audit did not build"

say "The engine as it is ($scale)"
TABLEDIFFUSION_AUDIT=$scale "$binary" --nocapture --test-threads=1 >"$log" 2>&1 || missed=1
echo '| check | attack | claimed epsilon | lower bound | runs | verdict |'
echo '|---|---|---|---|---|---|'
sed -n 's/^[^|]*\(| .* |\)$/\1/p' "$log"
grep -E '^test result:' "$log" || true
[ "$missed" = 0 ] || grep -A 3 'panicked at' "$log" || true

# Whether the check fails because more was measured than claimed, and for no other reason.
caught() { # MUTANT CHECK
    ! TABLEDIFFUSION_MUTANT=$1 "$binary" --nocapture --test-threads=1 --exact "$2" >"$log" 2>&1 && grep -q '| BROKEN |' "$log"
}

# Differences of commit.sql from the expected output, except for the warning that such a build gives when it is loaded.
commit_differs() { # PG_CONFIG
    { tests/regress/run.sh "$1" commit 2>&1 || true; } | sed -nE '/^(---|\+\+\+) /d
        /^\+(WARNING:  this build|DETAIL:  It has deliberate flaws|HINT:  Use a build without)/d
        /^([-+]|error:)/p'
}

# Uses a separate server, so that no other one keeps such a build. Without a mutant it must pass. With the mutant it
# must lose the charge of a training that is rolled back.
caught_by_commit() {
    local pg_config plain mutated
    server=$(mktemp -d "$(servers_dir)/audit.XXXXXX")
    copy_postgresql "$server"
    pg_config=$server$("$PG_CONFIG" --bindir)/pg_config
    build_extension "$pg_config" debug mutants
    install_extension "$pg_config"
    rm -rf "$PACKAGE"
    plain=$(commit_differs "$pg_config")
    mutated=$(TABLEDIFFUSION_MUTANT=ChargeTakenBack commit_differs "$pg_config")
    printf '%s\n' "$plain" "$mutated" >"$log"
    [ -z "$plain" ] && grep -q '^- rolled back |       1 | \[\]' <<<"$mutated"
}

# Whether a build without debug assertions, such as a release, accepts the mutants.
released() {
    ! cargo test --no-default-features --features mutants --lib --no-run \
        --config 'profile.dev.package.tablediffusion.debug-assertions=false' >"$log" 2>&1 || return 0
    ! grep -q 'has no place in a release' "$log"
}

say "Its mutants"
released && die "a build without debug assertions has mutants"
rows=
while read -r mutant check; do
    caught "$mutant" "$check" && verdict=caught || verdict=MISSED
    rows+="| $mutant | ${check##*::} | $verdict |"$'\n'
done < <(grep . <<<"$CAUGHT_BY")
if [ "$scale" = long ]; then
    need_postgresql
    caught_by_commit && verdict=caught || verdict=MISSED
    rows+="| ChargeTakenBack | tests/regress/sql/commit.sql | $verdict |"$'\n'
fi
printf '| mutant | caught by check | verdict |\n|---|---|---|\n%s' "$rows"
[[ $rows != *MISSED* ]] || missed=1
[ "$missed" = 0 ] || die "the audit found what it must not, or missed what it must find"
