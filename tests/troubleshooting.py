#!/usr/bin/env python3
"""Checks that docs/troubleshooting.md has a heading for each message that a user can meet, and none for any other."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/troubleshooting.md"
LITERAL = r'(?:format!\(\s*)?"((?:[^"\\]|\\.)*)"'
PLACEHOLDER = r"\{[^{}]*\}"

# No user can meet these: they would be defects, or are reported in other words.
UNMET = {
    "{message}",
    "internal error: {0}",
    "internal error: {error}",
    "internal error: {what}",
    "internal error: a computation failed unexpectedly",
    "training needs about {needed} bytes of memory, more than the limit of {limit}",
    "there is no column to learn from",
    'the value given for column "{}" is unknown to the model',
    "{what} of a private mechanism is out of range",
    "epsilon must be a finite number of at least 0",
}


def messages(path, call):
    """The first string of each call in a file. A call that passes a variable `message` has none."""
    source = path.read_text(encoding="utf-8")
    for start in re.finditer(call, source):
        literal = re.compile(LITERAL).match(source, start.end())
        if literal:
            yield literal[1].replace('\\"', '"')
        elif not re.compile(r"message\b").match(source, start.end()):
            line = source.count("\n", 0, start.start()) + 1
            sys.exit(f"{path.relative_to(ROOT)}:{line}: the message of this call cannot be read")


def all_messages():
    for path in sorted((ROOT / "src/pg/errors").glob("*.rs")):
        yield from messages(path, r"\b(?:Fault|Self)::new\(\s*(?:PgSqlErrorCode::\w+|code),\s*")
    yield from messages(ROOT / "src/engine/error.rs", r"#\[error\(")
    for path in sorted((ROOT / "src/engine").rglob("*.rs")):
        yield from messages(path, r"\bEngineError::invalid\(\s*")


def pattern(message):
    """A pattern for the message on the page: with placeholders in angle brackets, or a fixed number."""
    return r"(?:<[^<>]+>|\d+)".join(re.escape(part) for part in re.split(PLACEHOLDER, message))


def main():
    known = set(all_messages())
    headings = re.findall(r"^### `(.*)`$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    wanted = {message: re.compile(pattern(message)) for message in known - UNMET}
    faults = [f"no heading for: {m}" for m, p in wanted.items() if not any(map(p.fullmatch, headings))]
    faults += [f"no such message: {h}" for h in headings if not any(p.fullmatch(h) for p in wanted.values())]
    faults += [f"listed as unmet, but not a message: {message}" for message in UNMET - known]
    print(*sorted(faults) or [f"docs/troubleshooting.md: {len(wanted)} messages, {len(headings)} headings"], sep="\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
