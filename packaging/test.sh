#!/usr/bin/env bash
# Tests META.json and the package that deb.sh made for PostgreSQL 15: test.sh [copy|clean]...   (none: copy)
#   copy    installs it into a copy of this machine's PostgreSQL, in a directory
#   clean   installs it into a fresh Debian 12, with apt and what Debian's archive has (root, network, three minutes)
# shellcheck source-path=SCRIPTDIR source=../.ci/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../.ci/setup.sh"
# shellcheck source-path=SCRIPTDIR source=../.ci/cluster.sh
source "$(dirname "${BASH_SOURCE[0]}")/../.ci/cluster.sh"
cd "$ROOT"

MAJOR=$DEBIAN_MAJOR
PG_CONFIG=/usr/lib/postgresql/$MAJOR/bin/pg_config
NAME=postgresql-$MAJOR-tablediffusion
VERSION=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
DEB=${CARGO_TARGET_DIR:-$ROOT/target}/deb/${NAME}_$VERSION-1_$(dpkg --print-architecture).deb
LIBRARY=usr/lib/postgresql/$MAJOR/lib/tablediffusion.so
EXTENSION=usr/share/postgresql/$MAJOR/extension

WORK=$(mktemp -d /tmp/tablediffusion-package.XXXXXX)
clean_up() {
    cluster_stop
    # dpkg's files are root's, whoever called it.
    if [ -e "$WORK/root" ]; then as_root rm -rf "$WORK"; else rm -rf "$WORK"; fi
}
trap clean_up EXIT
# The server's account has to reach it.
chmod 755 "$WORK"

# What PGXN is told agrees with Cargo.toml, and has what its specification asks for.
check_meta() {
    say "META.json"
    python3 - "$VERSION" <<'EOF'
import json, os, sys
meta, version = json.load(open("META.json")), sys.argv[1]
extension = meta["provides"]["tablediffusion"]
assert meta["version"] == version, f"META.json is of version {meta['version']}, Cargo.toml of {version}"
assert extension["version"] == version, f"META.json provides version {extension['version']}, Cargo.toml has {version}"
assert meta["meta-spec"]["version"] == "1.0.0" and meta["license"] == "mit"
assert meta["release_status"] in ("stable", "testing", "unstable")
assert all(meta[key] for key in ("name", "abstract", "maintainer")) and meta["name"] == "tablediffusion"
for key in "file", "docfile":
    assert os.path.isfile(extension[key]), f"META.json names {extension[key]}, which is not there"
EOF
}

check_contents() {
    local field expected files
    say "Contents of ${DEB##*/}"
    dpkg -x "$DEB" "$WORK/files"
    dpkg-deb --control "$DEB" "$WORK/control"
    files=$(cd "$WORK/files" && find . -type f | LC_ALL=C sort)
    expected="./$LIBRARY
./usr/share/doc/$NAME/copyright
./usr/share/doc/$NAME/third-party-licences
./$EXTENSION/tablediffusion--$VERSION.sql
$(cd sql && find . -name 'tablediffusion--*.sql' -printf "./$EXTENSION/%f\n")
./$EXTENSION/tablediffusion.control"
    diff <(LC_ALL=C sort <<<"$expected") <(echo "$files") || die "these files are not those expected"
    (cd "$WORK/files" && md5sum --quiet --check "$WORK/control/md5sums")
    [ "$(wc -l <"$WORK/control/md5sums")" = "$(wc -l <<<"$files")" ] || die "md5sums leaves out files"
    grep -qx "default_version = '$VERSION'" "$WORK/files/$EXTENSION/tablediffusion.control" || die "the control file names another version"
    ! readelf --section-headers --wide "$WORK/files/$LIBRARY" | grep -q ' \.symtab ' || die "the library is not stripped"
    ! dpkg-deb --contents "$DEB" | grep -v '^[d-]rw.r-.r-. root/root ' || die "these have other owners or rights than they should"
    [ "$(find "$WORK/files" -mindepth 1 -printf '%T@\n' | sort -u | wc -l)" = 1 ] || die "the files are of several dates"

    for field in "Package: $NAME" "Version: $VERSION-1" "Maintainer: The tablediffusion authors"; do
        grep -qx "$field" "$WORK/control/control" || die "its control file does not say: $field"
    done
    expected="^Depends: postgresql-$MAJOR, .*libc6 (>= [0-9.]*)"
    grep -q "$expected" "$WORK/control/control" || die "its control file does not say: $expected"
    grep '^Depends' "$WORK/control/control"
}

check_use() { # COMMAND that runs psql...
    local printed
    printed=$("$@" --no-psqlrc --quiet --no-align --tuples-only --set=ON_ERROR_STOP=1 <<'EOF'
CREATE EXTENSION tablediffusion;
CREATE TABLE people AS SELECT i % 50 + 18 AS age, (ARRAY['f', 'm'])[i % 2 + 1] AS sex FROM generate_series(1, 3000) AS i;
SELECT FROM tablediffusion_train('people', 1, options => '{"rounds": 0}');
CREATE TABLE one AS SELECT * FROM tablediffusion_sample('people', 1, NULL::people);
SELECT 'sampled ' || one FROM one;
SELECT extversion, (SELECT count(*) FROM one) FROM pg_extension WHERE extname = 'tablediffusion';
EOF
    )
    echo "$printed"
    [ "$(tail -n 1 <<<"$printed")" = "$VERSION|1" ] || die "the last line should have been $VERSION|1"
}

dpkg_in() { # ROOT ARGUMENT...
    as_root dpkg --root="$1" --log=/dev/null "${@:2}" >"$WORK/log" 2>&1 || { cat "$WORK/log" >&2; die "dpkg failed"; }
}

test_copy() {
    local root=$WORK/root package
    need_packages "postgresql-$MAJOR"
    copy_postgresql "$root"
    # As if it had never been there.
    find "$root" -name 'tablediffusion*' -delete
    say "Installing into the copy with dpkg"
    # dpkg knows of no package there; the machine's records of those needed let it judge whether they do.
    mkdir -p "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates"
    sed -n 's/^Depends: //p' "$WORK/control/control" | sed 's/([^)]*)//g' | tr -d ' ' | tr ',' '\n' |
        while read -r package; do
            dpkg-query --status "$package" && echo
            touch "$root/var/lib/dpkg/info/$(dpkg-query --show --showformat='${binary:Package}' "$package").list"
        done >"$root/var/lib/dpkg/status"
    dpkg_in "$root" --install "$DEB"
    dpkg --root="$root" --status "$NAME" | grep -qx 'Status: install ok installed' || die "dpkg did not install it"

    say "Using it, from a server in the copy, as $SERVER_USER"
    cluster_start "$root/usr/lib/postgresql/$MAJOR/bin/pg_config"
    trap clean_up EXIT
    check_use as_server "$CLUSTER_BIN/psql"
    cluster_stop

    say "Removing it"
    dpkg_in "$root" --purge "$NAME"
    ! find "$root" -name '*tablediffusion*' | grep . || die "these files were left behind"
}

test_clean() {
    local root=$WORK/root bin=/usr/lib/postgresql/$MAJOR/bin inside
    [ "$(id -u)" = 0 ] || die "a fresh Debian needs root"
    need_packages debootstrap
    say "Fetching a Debian 12 into $root"
    debootstrap --variant=minbase bookworm "$root" >"$WORK/log" || { tail "$WORK/log" >&2; die "debootstrap failed"; }
    # Nothing may start servers by itself.
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod 755 "$root/usr/sbin/policy-rc.d"
    cp "$DEB" "$root/tmp/"
    say "Installing with apt, and with it what it depends on"
    chroot "$root" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "/tmp/${DEB##*/}" \
        >"$WORK/log" 2>&1 || { tail "$WORK/log" >&2; die "apt-get failed"; }

    say "Using it, from a server in there, as postgres"
    inside=(chroot "$root" runuser -u postgres -- env -i LANG=C.UTF-8 "PATH=$bin:/usr/bin:/bin")
    "${inside[@]}" initdb --pgdata=/tmp/data --auth=trust --no-sync >"$WORK/log"
    "${inside[@]}" pg_ctl start --silent --wait --pgdata=/tmp/data --log=/tmp/log \
        --options="-c listen_addresses= -c unix_socket_directories=/tmp"
    CLEAN=("${inside[@]}" pg_ctl stop --silent --wait --mode=immediate --pgdata=/tmp/data)
    trap '"${CLEAN[@]}"; clean_up' EXIT
    check_use "${inside[@]}" psql --host=/tmp
    "${CLEAN[@]}"
    trap clean_up EXIT
    rm -rf "$root"
}

[ -f "$DEB" ] || die "there is no $DEB: make package"
check_meta
check_contents
[ $# -gt 0 ] || set -- copy
for part; do
    case $part in
    copy) test_copy ;;
    clean) test_clean ;;
    *) die "neither copy nor clean: $part" ;;
    esac
done
say "The package passed"
