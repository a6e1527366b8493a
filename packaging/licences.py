#!/usr/bin/env python3
"""Licences of the crates that the extension is made of: licences.py [--list MAJOR | --texts MAJOR]

Alone, checks that each crate that a build or a test needs may be used under licences of ALLOWED. --list prints name,
version and licence of each crate that is part of the library for a PostgreSQL major; --texts prints what these crates say
their licences are. Asks cargo, which needs no network once the crates are there.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# MPL-2.0 binds changes of the files that it covers, of which there are none here; the list says where they come from.
ALLOWED = {
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "MIT",
    "MPL-2.0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
}
# For these, "LICENCE WITH EXCEPTION" is one of ALLOWED if LICENCE is: exceptions only take conditions away.
EXCEPTIONS = {"LLVM-exception"}
TEXTS = re.compile(r"(licen[cs]e|copying|copyright|notice|unlicense)", re.IGNORECASE)


def is_allowed(expression):
    """Whether an SPDX expression can be met by ALLOWED alone. The slash is OR in old manifests."""
    tokens = re.findall(r"[()]|[^\s()/]+|/", expression)

    def take(*wanted):
        return tokens.pop(0) if tokens and tokens[0] in wanted else None

    def either():
        met = both()
        while take("OR", "/"):
            met |= both()
        return met

    def both():
        met = one()
        while take("AND"):
            met &= one()
        return met

    def one():
        if take("("):
            met = either()
            if not take(")"):
                raise ValueError(expression)
            return met
        if not tokens or take(")", "/", "AND", "OR", "WITH"):
            raise ValueError(expression)
        met = tokens.pop(0) in ALLOWED
        return met and (not tokens or tokens.pop(0) in EXCEPTIONS) if take("WITH") else met

    met = either()
    if tokens:
        raise ValueError(expression)
    return met


def cargo(*arguments):
    command = ["cargo", *arguments, "--locked", "--offline"]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def crates(major, edges):
    """(name, version, licence) of each crate, without the extension itself."""
    printed = cargo(
        *("tree", "--prefix", "none", "--no-dedupe", "--edges", edges, "--format", "{p}|{l}"),
        *("--no-default-features", "--features", f"pg{major}"),
    )
    found = set()
    for line in printed.splitlines():
        crate, licence = line.split("|")
        name, version = crate.split(" ")[:2]
        found.add((name, version.removeprefix("v"), licence))
    return sorted(crate for crate in found if crate[0] != "tablediffusion")


def of_library(major):
    return crates(major, "normal,no-proc-macro")


def listed(crate):
    name, version, licence = crate
    source = f" (source: https://crates.io/crates/{name}/{version})" if "MPL" in licence else ""
    return f"{name} {version}: {licence}{source}"


def texts(major):
    """Each text of a licence once, after the crates that come with it."""
    # Not from cargo's metadata, for which it would fetch hundreds of crates that no build needs.
    sources = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo")) / "registry/src"
    told, silent = {}, []
    for name, version, licence in of_library(major):
        folder = next(sources.glob(f"*/{name}-{version}"), None)
        if folder is None:
            sys.exit(f"{sources} does not have {name} {version}")
        files = [path for path in sorted(folder.iterdir()) if path.is_file() and TEXTS.match(path.name)]
        for path in files:
            text = path.read_text(encoding="utf-8", errors="replace").strip()
            # Copies differ in how their lines are broken.
            told.setdefault(" ".join(text.split()), (text, []))[1].append(f"{name} {version}")
        if not files:
            silent.append(listed((name, version, licence)))
    yield "Crates without a file of their own on their licence:\n\n" + "\n".join(silent)
    for text, names in told.values():
        yield ", ".join(names) + ":\n\n" + text


def check():
    assert is_allowed("(MIT OR GPL-3.0) AND Unicode-3.0") and is_allowed("Apache-2.0 WITH LLVM-exception")
    assert not is_allowed("MIT AND GPL-3.0") and not is_allowed("MIT AND (GPL-3.0 OR AGPL-3.0)")
    refused = []
    for crate in crates(15, "normal,build,dev"):
        try:
            met = is_allowed(crate[2])
        except ValueError:
            met = False
        if not met:
            refused.append(listed(crate))
    if refused:
        sys.exit("licences that packaging/licences.py does not allow:\n" + "\n".join(refused))


if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            check()
        case ["--list", major]:
            print("\n".join(map(listed, of_library(major))))
        case ["--texts", major]:
            print(f"\n\n{'-' * 80}\n\n".join(texts(major)))
        case _:
            sys.exit(__doc__)
