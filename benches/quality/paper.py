#!/usr/bin/env python3
"""Runs the paper's comparison (arXiv 2308.14784): its models against GANs over tables, epsilons and seeds. The data of
docs/paper.md, in paper.jsonl.

    paper.py [--tables adult,cardio] [--methods tablediffusion,wgan,...] [--epsilons 1,10] [--seeds 0,1] [--cardio FILE] [--again]

One run at a time, each in a process of its own with one thread. A run already in paper.jsonl is skipped, so that a grid may be
stopped and taken up again. What tables, environments and machines are: see grid.py. Adult is without fnlwgt and education, as
in the paper. `tablediffusion:paper` is `tablediffusion` with the option paper.
"""

import argparse
import datetime
import json
import sys
import tempfile

import grid

RESULTS = grid.HERE / "paper.jsonl"
METHODS = [
    "tablediffusion",
    "tablediffusion_denoiser",
    "tablediffusion:paper",
    "tablediffusion_denoiser:paper",
    "attention_vae",
    "attention_gan",
    "wgan",
    "pate_gan",
    "guided",
]
EPSILONS = [0.5, 1.0, 5.0, 10.0, 50.0, 100.0]
DROPPED = {"adult": ["fnlwgt", "education"], "cardio": []}
DELTA = 1e-5
KEY = ("table", "method", "epsilon", "seed")


def key(run):
    return tuple(run[name] for name in KEY)


def stored():
    return [json.loads(line) for line in RESULTS.read_text().splitlines()] if RESULTS.exists() else []


def store(run):
    """Appends a run, in place of one of the same key."""
    kept = [old for old in stored() if key(old) != key(run)] + [run]
    draft = RESULTS.with_suffix(".new")
    draft.write_text("".join(json.dumps(one) + "\n" for one in kept))
    draft.replace(RESULTS)


def narrowed(table):
    """Writes a table's spec without the columns that the paper leaves out, and returns its path."""
    spec = dict(table.spec)
    for kind in ("columns", "numeric", "categorical", "integer"):
        spec[kind] = [name for name in spec[kind] if name not in DROPPED[table.name]]
    spec["domains"] = {name: domain for name, domain in spec["domains"].items() if name in spec["columns"]}
    path = table.folder / "spec.json"
    path.write_text(json.dumps(spec))
    return path


def fill(run, table, spec_path, engine, version):
    """Trains, samples and scores one run, and adds to it what it cost and what it scored."""
    synthetic, scores = table.folder / "synthetic.csv", table.folder / "scores.json"
    method, _, preset = run["method"].partition(":")
    spec = json.loads(spec_path.read_text())
    command = [engine, table.train, synthetic, "--method", method, "--epsilon", run["epsilon"], "--delta", DELTA]
    command += ["--seed", run["seed"], "--declare", json.dumps(spec["domains"])]
    command += ["--options", json.dumps({"paper": True} if preset else {})]
    for name in DROPPED[table.name]:
        command += ["--drop", name]
    run["version"] = version
    run.update(grid.measured(command))
    command = [grid.environment("metrics"), grid.HERE / "paper_metrics.py", "--train", table.train]
    command += ["--synth", synthetic, "--spec", spec_path, "--out", scores]
    run["score_cpu_s"] = grid.measured(command)["cpu_s"]
    run.update(json.loads(scores.read_text()))
    run.update(machine=grid.machine(), date=datetime.date.today().isoformat())


def wanted(given):
    """The grid's runs, without results, seeds outermost: every cell has one run before any has two."""
    for seed in given.seeds:
        for epsilon in given.epsilons:
            for table in given.tables:
                for method in given.methods:
                    yield dict(zip(KEY, (table, method, epsilon, seed)))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=grid.listed(str), default=["adult", "cardio"])
    parser.add_argument("--methods", type=grid.listed(str), default=METHODS)
    parser.add_argument("--epsilons", type=grid.listed(float), default=EPSILONS)
    parser.add_argument("--seeds", type=grid.listed(int), default=list(range(5)))
    parser.add_argument("--cardio", default="cardio.csv", help="where the file is")
    parser.add_argument("--engine", help="a build of csv.rs; default: build it")
    parser.add_argument("--version", help="what that is a build of; default: what is checked out when the grid starts")
    parser.add_argument("--again", action="store_true", help="run what has results already")
    return parser.parse_args()


def main():
    given = arguments()
    paths = {"adult": grid.ROOT / "tests/data/adult.csv.gz", "cardio": given.cardio}
    done = set() if given.again else {key(run) for run in stored()}
    runs = [run for run in wanted(given) if key(run) not in done]
    engine = given.engine or (grid.built_engine() if runs else None)
    version = given.version or grid.our_version()
    with tempfile.TemporaryDirectory() as parent:
        tables = {name: grid.Table(name, paths[name], parent) for name in given.tables}
        specs = {name: narrowed(table) for name, table in tables.items()}
        for number, run in enumerate(runs, 1):
            try:
                fill(run, tables[run["table"]], specs[run["table"]], engine, version)
            except RuntimeError as failure:
                print(f"{number} of {len(runs)}: {key(run)}: {failure}", file=sys.stderr)
                continue
            store(run)
            print(f"{number} of {len(runs)}: {json.dumps(run)}", flush=True)


if __name__ == "__main__":
    main()
