#!/usr/bin/env python3
"""Trains on 80 percent of a table by SQL, samples as many rows, and scores them against the real ones.

Reaches PostgreSQL through psql and its PG* variables; the extension has to be installed there. sql.sh starts a
throw-away cluster around it. One JSON line per run goes to --out, and a Markdown table to standard output.

The noise of training comes from the operating system and cannot be fixed: a seed numbers a run and fixes its sampling.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from split import split

HERE = pathlib.Path(__file__).resolve().parent
SCORES = {
    "1-way TVD": lambda scores: scores["tvd1"],
    "2-way TVD": lambda scores: scores["tvd2"],
    "discriminator AUC": lambda scores: scores["c2st_auc"],
    "train-on-synthetic AUC": lambda scores: scores["tstr"]["mean_auc"],
}


def identifier(name):
    return '"' + name.replace('"', '""') + '"'


def literal(text):
    return "'" + text.replace("'", "''") + "'"


def psql(script):
    """Runs a script in one session and returns what it prints."""
    command = ["psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]
    plain = {**os.environ, "LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, input=script, text=True, capture_output=True, env=plain)
    if done.returncode != 0:
        sys.exit(f"psql failed:\n{done.stderr}")
    return done.stdout


def sql_type(name, spec):
    declared = spec.get("types", {}).get(name)
    return declared or ("text" if name not in spec["numeric"] else "int" if name in spec["integer"] else "float8")


def load(train, spec, folder):
    """Creates the table quality_train; a column is NOT NULL unless the file has empty fields in it."""
    columns = []
    for name in spec["columns"]:
        required = "" if (train[name] == "").any() else " NOT NULL"
        columns.append(f"{identifier(name)} {sql_type(name, spec)}{required}")
    psql(
        "CREATE EXTENSION IF NOT EXISTS tablediffusion;\n"
        "DROP TABLE IF EXISTS quality_train;\n"
        f"CREATE TABLE quality_train ({', '.join(columns)});\n"
        f"\\copy quality_train FROM {literal(str(folder / 'train.csv'))} WITH (FORMAT csv, HEADER)\n"
        "ANALYZE quality_train;\n"
    )


def train_model(method, epsilon, given):
    """Trains the model `quality` and returns what the call cost: seconds, CPU seconds and MiB of its backend."""
    extra = f", delta => {given.delta!r}" if given.delta else ""
    extra += f", options => {literal(given.options)}" if given.options else ""
    extra += f", domain => {literal(given.domain)}" if given.domain else ""
    printed = psql(
        "SELECT pg_backend_pid() AS pid \\gset\n"
        "\\setenv BACKEND :pid\n"
        "SET client_min_messages = warning;\n"
        "\\timing on\n"
        f"SELECT tablediffusion_train('quality_train', {epsilon!r}::float8, model => 'quality', "
        f"method => {literal(method)}, replace => true{extra});\n"
        "\\timing off\n"
        "\\! cat /proc/$BACKEND/stat /proc/$BACKEND/status\n"
    )
    milliseconds = re.search(r"Time: ([\d.]+) ms", printed)
    cost = {"train_s": round(float(milliseconds.group(1)) / 1000, 3)}
    ticks = re.search(r"^\d+ \(.*\) \S (.*)$", printed, re.MULTILINE)
    peak = re.search(r"VmHWM:\s+(\d+) kB", printed)
    if ticks and peak:
        fields = ticks.group(1).split()
        cost["train_cpu_s"] = (int(fields[10]) + int(fields[11])) / os.sysconf("SC_CLK_TCK")
        cost["backend_peak_mib"] = round(int(peak.group(1)) / 1024, 1)
    return cost


def sample(rows, seed, path):
    psql(
        f"\\copy (SELECT * FROM tablediffusion_sample('quality', {rows}, NULL::quality_train, seed => {seed})) "
        f"TO {literal(str(path))} WITH (FORMAT csv, HEADER)\n"
    )


def judge(path, folder, synthetic, spec_path):
    command = [sys.executable, path, "--train", folder / "train.csv", "--test", folder / "test.csv"]
    command += ["--synth", synthetic, "--spec", spec_path, "--out", folder / "scores.json"]
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)
    return json.loads((folder / "scores.json").read_text())


def markdown(runs):
    """One line per method and epsilon: the mean over its runs, with the range in parentheses."""
    names = list(SCORES)
    lines = ["| method | epsilon | runs | " + " | ".join(names) + " | train, CPU s |", "|---" * (len(names) + 4) + "|"]
    for key in dict.fromkeys((run["method"], run["epsilon"]) for run in runs):
        same = [run for run in runs if (run["method"], run["epsilon"]) == key]
        cells = [f"`{key[0]}`", f"{key[1]:g}", str(len(same))]
        for name in names:
            values = [SCORES[name](run["scores"]) for run in same]
            cells.append(f"{sum(values) / len(values):.3f} ({min(values):.3f} to {max(values):.3f})")
        cpu = [run["train_cpu_s"] for run in same if "train_cpu_s" in run]
        cells.append(f"{sum(cpu) / len(cpu):.1f}" if cpu else "")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--csv", default=HERE.parents[1] / "tests/data/adult.csv.gz", help="the table, with a header")
    parser.add_argument("--spec", default=HERE / "adult.json", help="columns and kinds: see metrics.py")
    parser.add_argument("--methods", default="guided,tablediffusion,tablediffusion_denoiser")
    parser.add_argument("--epsilons", default="1.0")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--delta", type=float, help="default: the setting tablediffusion.delta")
    parser.add_argument("--options", help="JSON for the argument `options`")
    parser.add_argument("--domain", help="JSON for the argument `domain`: declared domains")
    parser.add_argument("--judge", default=HERE / "metrics.py", help="a script with the interface of metrics.py")
    parser.add_argument("--out", help="append one JSON line per run to this file")
    parser.add_argument("--keep", type=pathlib.Path, help="keep the CSV files in this folder")
    return parser.parse_args()


def main():
    given = arguments()
    spec = json.loads(pathlib.Path(given.spec).read_text())
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.keep or pathlib.Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        train = split(given.csv, spec, folder)
        load(train, spec, folder)
        runs = []
        for method in given.methods.split(","):
            for epsilon in map(float, given.epsilons.split(",")):
                for seed in map(int, given.seeds.split(",")):
                    cost = train_model(method, epsilon, given)
                    synthetic = folder / f"{method}-{epsilon:g}-{seed}.csv"
                    sample(len(train), seed, synthetic)
                    scores = judge(given.judge, folder, synthetic, given.spec)
                    runs.append({"method": method, "epsilon": epsilon, "seed": seed, **cost, "scores": scores})
                    line = json.dumps(runs[-1])
                    print(line, file=sys.stderr)
                    if given.out:
                        with open(given.out, "a") as file:
                            file.write(line + "\n")
        print(markdown(runs))


if __name__ == "__main__":
    main()
