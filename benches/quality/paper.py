#!/usr/bin/env python3
"""Runs the paper's comparison (arXiv 2308.14784): its models against GANs over tables, epsilons and seeds. The data of
docs/paper.md, in paper.jsonl.

    paper.py [--tables adult,cardio] [--methods tablediffusion,wgan,...] [--epsilons 1,10] [--seeds 0,1] [--cardio FILE] [--again]

One run at a time, each in a process of its own with one thread. A run already in paper.jsonl is skipped, so that a grid may be
stopped and taken up again. What tables, environments and machines are: see grid.py. Adult is without fnlwgt and education, as
in the paper. `tablediffusion:paper` is `tablediffusion` with the option paper.
"""

import datetime
import json

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


def narrowed(table):
    """A table's spec without the columns that the paper leaves out."""
    spec = dict(table.spec)
    for kind in ("columns", "numeric", "categorical", "integer"):
        spec[kind] = [name for name in spec[kind] if name not in DROPPED[table.name]]
    spec["domains"] = {name: domain for name, domain in spec["domains"].items() if name in spec["columns"]}
    return spec


def fill(run, table, engine, version):
    """Trains, samples and scores one run, and adds to it what it cost and what it scored."""
    synthetic, scores, spec_path = (table.folder / name for name in ("synthetic.csv", "scores.json", "spec.json"))
    spec = narrowed(table)
    spec_path.write_text(json.dumps(spec))
    method, _, preset = run["method"].partition(":")
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


def main():
    given = grid.parser_of(__doc__, METHODS, EPSILONS).parse_args()
    grid.take(given, wanted(given), fill, RESULTS, KEY)


if __name__ == "__main__":
    main()
