#!/usr/bin/env bash
# Builds Debian packages in target/deb: deb.sh [MAJOR|PG_CONFIG]...   (none: the PostgreSQL of PG_CONFIG)
# Each is for Debian's PostgreSQL of its major, wherever the one that it was built with lives.
# shellcheck source-path=SCRIPTDIR source=../.ci/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../.ci/setup.sh"
cd "$ROOT"
umask 022

VERSION=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)-1
ARCHITECTURE=$(dpkg --print-architecture)
# Files are dated by the last commit, or by Cargo.toml where there are no commits, so that equal files make an equal package.
# Cargo is not told: some crates are built again whenever it changes.
DATE=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y Cargo.toml)}

# What the library itself needs, each in the lowest version that has all the symbols it uses.
library_depends() { # LIBRARY
    local work
    work=$(mktemp -d)
    mkdir "$work/debian"
    printf 'Source: tablediffusion\n\nPackage: tablediffusion\nArchitecture: any\n' >"$work/debian/control"
    # It warns that the library is not installed yet.
    (cd "$work" && dpkg-shlibdeps -O -e "$1") 2>"$work/log" | sed -n 's/^shlibs:Depends=//p' || cat "$work/log" >&2
    rm -rf "$work"
}

# The library holds other people's work too: each crate with its version and licence.
copyright() { # MAJOR
    echo 'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/'
    echo 'Upstream-Name: tablediffusion'
    echo 'Comment: The library contains code of these Rust crates, each under the licence named:'
    packaging/licences.py --list "$1" | sed 's/^/ /'
    echo ' Their texts are in the file third-party-licences beside this one.'
    printf '\nFiles: *\n'
    sed -n 's/^Copyright (c) /Copyright: /p' LICENSE
    echo 'License: Expat'
    # Everything after the line of the copyright; an empty line is written as a dot.
    sed '1,/^Copyright/d' LICENSE | sed '1{/^$/d}; s/^$/./; s/^/ /'
}

make_deb() { # PG_CONFIG
    local major name deb root file depends size
    major=$("$1" --version | awk '{print int($2)}')
    name=postgresql-$major-tablediffusion
    root=${CARGO_TARGET_DIR:-$ROOT/target}/deb/${name}_${VERSION}_$ARCHITECTURE
    deb=$root.deb
    say "Building $name with $("$1" --version) (the first time takes some minutes)"
    build_extension "$1" release

    rm -rf "$root" "$deb"
    mkdir -p "$root/DEBIAN"
    while read -r file; do
        case $file in
        *.so) install -D -m 644 "$file" "$root/usr/lib/postgresql/$major/lib/${file##*/}" ;;
        *) install -D -m 644 "$file" "$root/usr/share/postgresql/$major/extension/${file##*/}" ;;
        esac
    done < <(find "$PACKAGE" -type f)
    file=$root/usr/lib/postgresql/$major/lib/tablediffusion.so
    strip --strip-unneeded --remove-section=.comment --remove-section=.note "$file"
    mkdir -p "$root/usr/share/doc/$name"
    copyright "$major" >"$root/usr/share/doc/$name/copyright"
    packaging/licences.py --texts "$major" >"$root/usr/share/doc/$name/third-party-licences"

    depends=$(library_depends "$file")
    [ -n "$depends" ] || die "dpkg-shlibdeps names no package that $file needs"
    # As Debian counts: whole KiB, and one for each directory.
    size=$(find "$root/usr" -printf '%y %s\n' | awk '{ sum += $1 == "f" ? int(($2 + 1023) / 1024) : 1 } END { print sum }')
    (cd "$root" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
    cat >"$root/DEBIAN/control" <<EOF
Package: $name
Source: tablediffusion
Version: $VERSION
Architecture: $ARCHITECTURE
Maintainer: The tablediffusion authors
Installed-Size: $size
Depends: postgresql-$major, $depends
Section: database
Priority: optional
Description: differentially private synthetic tables for PostgreSQL $major
 An extension that learns a differentially private generative model of a table
 and hands out synthetic rows, from one SQL call. The rows look like the
 table's; what they can reveal about any one real row is bounded by a number
 that the caller chooses.
EOF
    find "$root" -exec touch --date="@$DATE" {} +
    SOURCE_DATE_EPOCH=$DATE dpkg-deb --root-owner-group -Zxz --build "$root" "$deb" >/dev/null
    rm -rf "$root"
    echo "$deb"
}

need_postgresql
need_packages binutils dpkg-dev python3
[ $# -gt 0 ] || set -- "$PG_CONFIG"
for which; do
    case $which in
    *[!0-9]*) make_deb "$which" ;;
    *) need_major "$which" && make_deb "$(pg_config_of "$which")" ;;
    esac
done
