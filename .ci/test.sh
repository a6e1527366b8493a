#!/usr/bin/env bash
# Runs the tests: test.sh [style|engine|MAJOR]...   (none: style, engine and the majors of $MAJORS, default 15 16 18)
# test.sh check MAJOR [NAME...]   only the named regression files, or all of them
# shellcheck source-path=SCRIPTDIR source=setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
cd "$ROOT"

TESTED=()

need_rust_components() {
    cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1 && return
    say "Adding rustfmt and clippy"
    rustup component add rustfmt clippy
}

# Every script that creates or updates a version: as it is, and without the search path that it pins, so that each
# protection is sufficient by itself.
check_scripts() {
    local scripts script
    need_pgspot
    say "Extension scripts: no security problems"
    scripts=$(mktemp -d)
    write_scripts "$scripts"
    for script in "$scripts"/*.sql; do spot "$script"; done
    rm -r "$scripts"
}
spot() { # FILE
    local script found
    for script in "$(cat "$1")" "$(sed '/^SET LOCAL search_path /d' "$1")"; do
        found=$(PYTHONPATH=$CACHE/pgspot python3 -m pgspot <<<"$script") || die "pgspot on $1: $found"
    done
}

# No mechanism runs without a meter. Only the job may make meters, because it compares them with the charge.
check_meters() {
    local found
    found=$(grep -rnE 'Meter::new\(\)|RoundedGaussian::new' src/engine --include='*.rs' |
        grep -vE '^src/engine/(job|nn/private_gradient|privacy/(mechanisms/noisy_counts|samplers/gaussian(/tests)?))\.rs:') || return 0
    die "a meter or noise sampler is created in a place where this is not allowed: $found"
}

test_style() {
    need_rust_components
    need_major 15
    need_packages shellcheck
    say "Format, shell scripts, and the messages of docs/troubleshooting.md"
    cargo fmt --check
    python3 tests/troubleshooting.py
    python3 tests/imports.py
    check_meters
    find .ci tests benches fuzz packaging -name '*.sh' -print0 | xargs -0 shellcheck -x .ci/run
    check_scripts
    say "Lints, engine alone"
    cargo clippy --quiet --no-default-features --all-targets -- -D warnings
    cargo clippy --quiet --no-default-features --features mutants --lib --test audit -- -D warnings
    say "Lints, with PostgreSQL 15"
    PGRX_PG_CONFIG_PATH=$(pg_config_of 15) cargo clippy --quiet --lib --tests --features pg_test -- -D warnings
    say "Licences of dependencies"
    packaging/licences.py
}

test_engine() {
    need_rust
    say "Engine tests, without PostgreSQL"
    cargo test --no-default-features --lib
    tests/audit/run.sh short
}

build_for_tests() { # PG_CONFIG
    say "Building for $("$1" --version)"
    build_extension "$1" debug pg_test
    install_extension "$1"
}

# One build serves all tests in a server. Only tests/inside.sh calls the additional tests in it.
test_major() { # MAJOR
    local pg_config
    need_major "$1"
    pg_config=$(pg_config_of "$1")
    [ "$1" != 15 ] || test_face "$pg_config"
    build_for_tests "$pg_config"
    say "Tests inside $("$pg_config" --version)"
    tests/inside.sh "$pg_config"
    say "Regression files in $("$pg_config" --version)"
    tests/regress/run.sh "$pg_config"
    TESTED+=("$1")
    [ "$1" != 18 ] || test_pg_upgrade
    say "SQL of README.md in $("$pg_config" --version)"
    tests/readme.sh "$pg_config"
    say "A week of a DBA in $("$pg_config" --version)"
    tests/demo/week.sh "$pg_config" >/dev/null
    [ "$1" != 15 ] || test_report "$pg_config"
}

# Needs no server, and does not depend on the major.
test_face() { # PG_CONFIG
    say "Tests of the face, without a server"
    PGRX_PG_CONFIG_PATH=$1 cargo test --no-default-features --features pg15 --lib pg::
}

# The page does not depend on the major.
test_report() { # PG_CONFIG
    say "Pages of tablediffusion_report in Chromium"
    tests/report/run.sh "$1"
}

# Only majors that the same call has tested have the current extension.
test_pg_upgrade() {
    local major
    for major in 15 16; do
        say "pg_upgrade from $major to 18"
        case " ${TESTED[*]} " in
        *" $major "*) tests/regress/major.sh "$(pg_config_of "$major")" "$(pg_config_of 18)" ;;
        *) echo "skipped: $major was not tested before 18 in this call" ;;
        esac
    done
}

if [ "${1:-}" = check ]; then
    need_major "$2"
    build_for_tests "$(pg_config_of "$2")"
    exec tests/regress/run.sh "$(pg_config_of "$2")" "${@:3}"
fi
if [ $# = 0 ]; then
    read -ra majors <<<"${MAJORS:-15 16 18}"
    set -- style engine "${majors[@]}"
fi
for part; do
    case $part in
    style) test_style ;;
    engine) test_engine ;;
    *) test_major "$part" ;;
    esac
done
say "All passed"
