#!/usr/bin/env bash
# Fuzzes the import of models: run.sh [SECONDS] (default 600). What is worth keeping goes into corpus/found. See README.md.
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
models=fuzz/corpus/models
packed=$CACHE/fuzz/packed
found=$CACHE/fuzz/found
kept=$CACHE/fuzz/kept
import() { # CORPUS... -- LIBFUZZER_OPTION...
    CARGO_TARGET_DIR=$CACHE/fuzz RAYON_NUM_THREADS=1 cargo +nightly fuzz run --sanitizer none import "$@" \
        -timeout=20 -rss_limit_mb=2048 -max_len=8192
}

say "Fuzzing for ${1:-600} seconds (building it takes some minutes, once)"
rm -rf "$packed" "$kept"
mkdir -p "$found" "$kept"
fuzz/corpus.py unpack fuzz/corpus/found "$packed"
import "$found" "$models" "$packed" -- -max_total_time="${1:-600}" -print_final_stats=1
say "Keeping bodies that each reach code which no other does, the smallest first, beside $models"
import "$kept" "$models" "$packed" "$found" -- -set_cover_merge=1 -use_counters=0
fuzz/corpus.py pack fuzz/corpus/found "$MOST_BYTES" "$kept"
ls -sh fuzz/corpus/found
