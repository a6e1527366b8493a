#!/usr/bin/env python3
"""Runs methods and peers over tables, epsilons and seeds, and scores what comes out: the data of docs/quality.md.

    grid.py [--tables adult,cardio] [--methods guided,dpmm:aim,...] [--domains declared,learned]
            [--epsilons 0.1,1] [--seeds 0,1] [--cardio FILE] [--again]

One run at a time, each in a process of its own with one thread. A run already in results.jsonl is skipped, so a grid may be
stopped and taken up again; `--again` replaces what is there. Environments for peers are made in .cache/quality/ from
peers/*.txt. Needs Python 3.11 and cargo, and nothing else: the table Cardio has no stated licence and is not in the
repository (cardio.json has the hash of the file that is meant).

A seed numbers a run. It fixes the sampling of rows, but not the noise of training where that is cryptographic.
"""

import argparse
import datetime
import fcntl
import functools
import gzip
import hashlib
import json
import os
import pathlib
import platform
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ENVIRONMENTS = ROOT / ".cache/quality"
RESULTS = HERE / "results.jsonl"
OURS = ["guided", "tablediffusion", "tablediffusion_denoiser"]
PEERS = ["dpmm:aim", "dpmm:mst", "dpmm:privbayes", "smartnoise:aim", "smartnoise:mst"]
SCALE = ["scale:real", "scale:independent"]
KEY = ("table", "method", "domains", "epsilon", "seed")
ONE_THREAD = {
    name: "1"
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS", "NPROC")
}


def environment(name):
    """The Python of a peer's environment, made from its requirements when missing."""
    folder = ENVIRONMENTS / name
    python = folder / "bin/python"
    if not (folder / "complete").exists():
        wanted = HERE / f"{name}.txt" if name in ("metrics", "first_look") else HERE / f"peers/{name}.txt"
        print(f"making {folder}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", wanted], check=True)
        (folder / "complete").touch()
    return python


def measured(command):
    """Runs a command with one thread and returns its CPU seconds and peak MiB."""
    log = tempfile.TemporaryFile()
    # The child's peak starts at this process's size, which is why nothing large is imported here.
    child = subprocess.Popen(
        [str(word) for word in command], env={**os.environ, **ONE_THREAD}, stdout=log, stderr=subprocess.STDOUT
    )
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        log.seek(0)
        sys.stderr.buffer.write(log.read()[-4000:])
        raise RuntimeError(f"exit status {child.returncode}: {command[1]}")
    return {"cpu_s": round(used.ru_utime + used.ru_stime, 1), "peak_mib": round(used.ru_maxrss / 1024)}


def machine():
    with open("/proc/cpuinfo") as file:
        models = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    return f"{models[0]}, {len(models)} cores" if models else platform.machine()


def built_engine():
    """The release build of csv.rs."""
    command = ["cargo", "bench", "--no-default-features", "--bench", "csv", "--no-run", "--message-format", "json"]
    printed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    lines = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    return next(line["executable"] for line in lines if line.get("target", {}).get("name") == "csv")


def our_version():
    command = ["git", "-C", ROOT, "describe", "--always", "--exclude", "*", "--abbrev=8"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


class Table:
    """A table's spec and its two parts, unpacked into a folder of its own."""

    def __init__(self, name, path, parent):
        self.name, self.spec_path = name, HERE / f"{name}.json"
        self.spec = json.loads(self.spec_path.read_text())
        data = pathlib.Path(path).read_bytes()
        data = gzip.decompress(data) if str(path).endswith(".gz") else data
        if hashlib.sha256(data).hexdigest() != self.spec["sha256"]:
            sys.exit(f"{path} is not the file that {self.spec_path.name} describes")
        self.folder = pathlib.Path(parent) / name
        self.folder.mkdir()
        (self.folder / "all.csv").write_bytes(data)
        command = [environment("metrics"), HERE / "split.py", self.folder / "all.csv", self.spec_path, self.folder]
        subprocess.run(command, check=True)
        self.train, self.test = self.folder / "train.csv", self.folder / "test.csv"


def fill(run, table, engine, version, delta):
    """Trains, samples and scores one run, and adds to it what it cost and what it scored."""
    synthetic = table.folder / "synthetic.csv"
    real = table.train
    family, _, method = run["method"].rpartition(":")
    if not family:
        command = [engine, table.train, synthetic, "--method", method, "--epsilon", run["epsilon"], "--delta", delta]
        command += ["--seed", run["seed"]]
        if run["domains"] == "declared":
            command += ["--declare", json.dumps(table.spec["domains"])]
        run["version"] = version
    else:
        python = environment("metrics" if family == "scale" else family)
        command = [python, HERE / f"peers/use_{family}.py", method, table.train, synthetic, table.spec_path]
        command += [run["epsilon"] or 0, delta, run["seed"]]
        if family == "scale":
            real = table.folder / "synthetic.csv.train" if method == "real" else table.train
        else:
            pins = (HERE / f"peers/{family}.txt").read_text().splitlines()
            run["version"] = next(line for line in pins if line.startswith(family))
    run.update(measured(command))
    scores = table.folder / "scores.json"
    command = [environment("metrics"), HERE / "metrics.py", "--train", real, "--test", table.test]
    command += ["--synth", synthetic, "--spec", table.spec_path, "--out", scores]
    run["score_cpu_s"] = measured(command)["cpu_s"]
    found = json.loads(scores.read_text())
    command = [environment("first_look"), HERE / "first_look.py", "--train", real, "--synth", synthetic]
    measured([*command, "--spec", table.spec_path, "--out", scores])
    run.update(json.loads(scores.read_text()))
    run.update(tvd1=found["tvd1"], tvd2=found["tvd2"], auc=found["tstr"].pop("mean_auc"), c2st=found["c2st_auc"])
    run.update(aucs=found["tstr"], machine=machine(), date=datetime.date.today().isoformat())
    for name, value in run.items():
        if isinstance(value, float) and name not in KEY:
            run[name] = round(value, 5)


def wanted(given):
    """The grid's runs, without results, seeds outermost: every cell has one run before any has two."""
    for seed in given.seeds:
        for table in given.tables:
            for method in given.methods:
                family = method.rpartition(":")[0]
                modes = given.domains if not family else ["none" if family == "scale" else "declared"]
                for domains in modes:
                    for epsilon in [None] if family == "scale" else given.epsilons:
                        yield dict(zip(KEY, (table, method, domains, epsilon, seed)))


def key(run, names):
    return tuple(run[name] for name in names)


def stored(results):
    return [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []


def store(run, results, names):
    """Appends a run, in place of one of the same key. The folder is locked: several grids may run at once."""
    folder = os.open(HERE, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    try:
        kept = [old for old in stored(results) if key(old, names) != key(run, names)] + [run]
        draft = results.with_suffix(".new")
        draft.write_text("".join(json.dumps(one) + "\n" for one in kept))
        draft.replace(results)
    finally:
        os.close(folder)


def listed(kind):
    return lambda text: [kind(word) for word in text.split(",")]


def parser_of(description, methods, epsilons):
    """What every grid may be told."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=listed(str), default=["adult", "cardio"])
    parser.add_argument("--methods", type=listed(str), default=methods)
    parser.add_argument("--epsilons", type=listed(float), default=epsilons)
    parser.add_argument("--seeds", type=listed(int), default=list(range(5)))
    parser.add_argument("--cardio", default="cardio.csv", help="where the file is")
    parser.add_argument("--engine", help="a build of csv.rs; default: build it")
    parser.add_argument("--version", help="what that is a build of; default: what is checked out when the grid starts")
    parser.add_argument("--again", action="store_true", help="run what has results already")
    return parser


def take(given, wanted, fill, results, names, is_ours=lambda run: True):
    """Runs what is wanted and has no results, or all of it, and stores each run as soon as it is scored."""
    paths = {"adult": ROOT / "tests/data/adult.csv.gz", "cardio": given.cardio}
    done = set() if given.again else {key(run, names) for run in stored(results)}
    runs = [run for run in wanted if key(run, names) not in done]
    engine = given.engine or (built_engine() if any(map(is_ours, runs)) else None)
    version = given.version or our_version()
    with tempfile.TemporaryDirectory() as parent:
        tables = {name: Table(name, paths[name], parent) for name in given.tables}
        for number, run in enumerate(runs, 1):
            try:
                fill(run, tables[run["table"]], engine, version)
            except RuntimeError as failure:
                print(f"{number} of {len(runs)}: {key(run, names)}: {failure}", file=sys.stderr)
                continue
            store(run, results, names)
            print(f"{number} of {len(runs)}: {json.dumps(run)}", flush=True)


def main():
    parser = parser_of(__doc__, OURS + PEERS + SCALE, [0.1, 0.3, 1.0, 3.0, 10.0])
    parser.add_argument("--domains", type=listed(str), default=["declared", "learned"], help="for our methods")
    parser.add_argument("--delta", type=float, default=1e-5)
    given = parser.parse_args()
    filling = functools.partial(fill, delta=given.delta)
    take(given, wanted(given), filling, RESULTS, KEY, is_ours=lambda run: ":" not in run["method"])


if __name__ == "__main__":
    main()
