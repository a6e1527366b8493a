#!/usr/bin/env bash
# Fuzzes the import of models: run.sh [SECONDS] (default 600). What is worth keeping goes into corpus/. See README.md.
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source-path=SCRIPTDIR source=../.ci/setup.sh
source "$here/../.ci/setup.sh"
cd "$ROOT"

need_rust
rustup toolchain list | grep -q '^nightly' || die "fuzzing needs: rustup toolchain install nightly --profile minimal"
command -v c++ >/dev/null || need_packages g++
if ! [ -x "$CACHE/tools/bin/cargo-fuzz" ]; then
    say "Installing cargo-fuzz into .cache/tools (some minutes, once)"
    CARGO_TARGET_DIR="$CACHE/build" cargo install --quiet --locked --root "$CACHE/tools" cargo-fuzz
    rm -rf "$CACHE/build"
fi

# Of what is found, so that the repository stays small.
MOST_BYTES=250000
corpus=fuzz/corpus/import
found=$CACHE/fuzz/found
kept=$CACHE/fuzz/kept
import() { # CORPUS... -- LIBFUZZER_OPTION...
    CARGO_TARGET_DIR=$CACHE/fuzz RAYON_NUM_THREADS=1 cargo +nightly fuzz run --sanitizer none import "$@" \
        -timeout=20 -rss_limit_mb=2048 -max_len=8192
}

say "Fuzzing for ${1:-600} seconds (building it takes some minutes, once)"
mkdir -p "$found"
import "$found" "$corpus" -- -max_total_time="${1:-600}" -print_final_stats=1
say "Keeping bodies that each reach code which no other does, the smallest first, beside the models of $corpus"
rm -rf "$kept"
mkdir -p "$kept"
import "$kept" "$corpus" "$found" -- -set_cover_merge=1 -use_counters=0
find "$corpus" -type f -regextype posix-extended -regex '.*/[0-9a-f]{40}' -delete
find "$kept" -type f -printf '%s %p\n' | sort -n | awk -v most="$MOST_BYTES" '(all += $1) <= most { print $2 }' |
    xargs cp -t "$corpus"
du -sh --apparent-size "$corpus"
