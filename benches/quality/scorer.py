"""The command line of what scores a synthetic table: the same for every set of scores. Needs Python alone."""

import argparse
import json


def run(description, tables, read_table, score, indent=None):
    """Reads the named tables and the spec, prints `score(*tables, spec)` as JSON and writes it where `--out` says."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in (*tables, "spec"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--out")
    given = parser.parse_args()
    with open(given.spec) as file:
        spec = json.load(file)
    text = json.dumps(score(*(read_table(getattr(given, name), spec) for name in tables), spec), indent=indent)
    print(text)
    if given.out:
        with open(given.out, "w") as file:
            file.write(text)
