#!/usr/bin/env python3
"""Turns results.jsonl into docs/quality.md's tables (between its markers) and docs/quality-*.svg: report.py

A cell is one table, method, kind of domains and epsilon; what is shown of it is the mean over its seeds, with the standard
error of that mean.
"""

import collections
import json
import math
import pathlib
import re
import statistics

from plot import Curve, Figure

HERE = pathlib.Path(__file__).resolve().parent
DOCS = HERE.parents[1] / "docs"
# name, title, whether more is better
METRICS = [
    ("tvd1", "1-way TVD", False),
    ("tvd2", "2-way TVD", False),
    ("auc", "train-on-synthetic AUC", True),
    ("c2st", "discriminator AUC", False),
]
# (method, domains): name, colour, marker
LINES = {
    ("guided", "declared"): ("guided, declared domains", "#c1121f", "o"),
    ("guided", "learned"): ("guided, learned domains", "#f08a24", "o"),
    ("tablediffusion", "declared"): ("tablediffusion, declared", "#7a7a7a", "v"),
    ("tablediffusion", "learned"): ("tablediffusion, learned", "#a0a0a0", "v"),
    ("tablediffusion_denoiser", "declared"): ("tablediffusion_denoiser, declared", "#8d6e63", "^"),
    ("tablediffusion_denoiser", "learned"): ("tablediffusion_denoiser, learned", "#bcaaa4", "^"),
    ("dpmm:aim", "declared"): ("AIM, dpmm", "#1d4e89", "s"),
    ("dpmm:mst", "declared"): ("MST, dpmm", "#2a9d8f", "s"),
    ("dpmm:privbayes", "declared"): ("PrivBayes, dpmm", "#6a4c93", "s"),
    ("smartnoise:aim", "declared"): ("AIM, smartnoise-synth", "#4c8bd6", "D"),
    ("smartnoise:mst", "declared"): ("MST, smartnoise-synth", "#7fcdbb", "D"),
    ("scale:real", "none"): ("real rows (half against half)", "#222222", None),
    ("scale:independent", "none"): ("independent columns", "#b0b0b0", None),
}


class Cell:
    def __init__(self, runs):
        self.runs = runs

    def mean(self, name):
        return statistics.mean(run[name] for run in self.runs)

    def error(self, name):
        """Standard error of the mean; 0 for a single run, whose error is not known."""
        values = [run[name] for run in self.runs]
        return statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else 0.0

    def text(self, name):
        return f"{self.mean(name):.4f}" + (f" ± {self.error(name):.4f}" if len(self.runs) > 1 else "")


def cells():
    """All cells: table -> (line, epsilon) -> cell."""
    found = collections.defaultdict(lambda: collections.defaultdict(list))
    for line in (HERE / "results.jsonl").read_text().splitlines():
        run = json.loads(line)
        found[run["table"]][(run["method"], run["domains"]), run["epsilon"]].append(run)
    return {table: {cell: Cell(runs) for cell, runs in inside.items()} for table, inside in sorted(found.items())}


def lead(one, other, name, more):
    """By how much one cell's mean beats another's, and the standard error of that."""
    return (one.mean(name) - other.mean(name)) * (1 if more else -1), math.hypot(one.error(name), other.error(name))


def epsilons(inside):
    return sorted({epsilon for _, epsilon in inside if epsilon is not None})


def markdown(inside):
    """One row a cell, by epsilon; the scale first."""
    titles = [title for _, title, _ in METRICS]
    rows = ["| epsilon | method | seeds | " + " | ".join(titles) + " | CPU s | MiB |", "|---" * 9 + "|"]
    for epsilon in [None, *epsilons(inside)]:
        for line, (label, _, _) in LINES.items():
            cell = inside.get((line, epsilon))
            if cell is None:
                continue
            scale = epsilon is None
            scores = " | ".join(cell.text(name) for name, _, _ in METRICS)
            cost = " | " if scale else f"{cell.mean('cpu_s'):.0f} | {max(run['peak_mib'] for run in cell.runs)}"
            label = f"**{label}**" if line == ("guided", "declared") else label
            rows.append(f"| {'' if scale else f'{epsilon:g}'} | {label} | {len(cell.runs)} | {scores} | {cost} |")
    return "\n".join(rows)


def percent(value):
    return f"{100 * value:.1f}"


def first_look(inside, epsilon=1.0):
    """What SDMetrics says at one epsilon, and by numeric column how far off its describing numbers are."""
    rows = ["| method | seeds | SDMetrics quality | diagnostic |", "|---" * 4 + "|"]
    columns = [
        "",
        "| column | method | mean, % | deviation, % | p1 | p50 | p99 | above, % | below, % |",
        "|---" * 9 + "|",
    ]
    shown = []
    for line, (label, _, _) in LINES.items():
        cell = inside.get((line, None if line[1] == "none" else epsilon))
        runs = [run for run in cell.runs if "numbers" in run] if cell else []
        if runs:
            cell = Cell(runs)
            rows.append(f"| {label} | {len(runs)} | {cell.text('sdmetrics')} | {cell.text('diagnostic')} |")
            shown.append((label, runs))
    for column in shown[0][1][0]["numbers"] if shown else []:
        for label, runs in shown:
            found = [run["numbers"][column] for run in runs if run["numbers"][column]]
            if not found:
                columns.append(f"| {column} | {label} |" + " none |" * 7)
                continue
            # Errors of different runs must not cancel each other.
            size = {name: statistics.mean(abs(one[name]) for one in found) for name in found[0]}
            errors = [percent(size["mean"]), percent(size["deviation"])]
            errors += [f"{size[name]:.3f}" for name in ("p1", "p50", "p99")]
            errors += [f"{100 * size[name]:.2f}" for name in ("above", "below")]
            columns.append(f"| {column} | {label} | " + " | ".join(errors) + " |")
    return "\n".join(rows + columns)


def ahead(results):
    """Where a peer's mean beats that of guided, with the same domains, by more than the difference's standard error."""
    rows = ["| table | epsilon | metric | peer | its score | ours | ahead by | standard error |", "|---" * 8 + "|"]
    compared = 0
    for table, inside in results.items():
        for (line, epsilon), cell in sorted(inside.items(), key=lambda item: (item[0][1] or 0, item[0][0])):
            ours = inside.get((("guided", "declared"), epsilon))
            if ":" not in line[0] or ours is None:
                continue
            compared += len(METRICS)
            for name, title, more in METRICS:
                by, error = lead(cell, ours, name, more)
                if by > error:
                    scores = f"{cell.text(name)} | {ours.text(name)} | {by:.4f} | {error:.4f}"
                    rows.append(f"| {table} | {epsilon:g} | {title} | {LINES[line][0]} | {scores} |")
    if not compared:
        return "Not known: the results hold no run of `guided` and of a peer at one epsilon."
    return "\n".join(rows) if len(rows) > 2 else f"Nowhere, in {compared} comparisons."


def points(inside, line, name):
    """A line's means of a score against epsilon, with their errors."""
    found = [(epsilon, inside[line, epsilon]) for epsilon in epsilons(inside) if (line, epsilon) in inside]
    return [(epsilon, cell.mean(name), cell.error(name)) for epsilon, cell in found]


def titled(title, more):
    return f"{title} ({'more' if more else 'less'} is better)"


def publish(path, parts):
    """Writes the parts of a page between their markers."""
    page = path.read_text()
    for name, text in parts.items():
        marked = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        page = marked.sub(lambda match: f"{match[1]}{text}\n{match[2]}", page)
    path.write_text(page)


def draw(table, inside):
    figure = Figure(2, 720, epsilons(inside))
    for name, title, more in METRICS:
        curves = []
        for line, (label, colour, marker) in LINES.items():
            if marker is not None:
                shown = points(inside, line, name)
            else:
                level = inside[line, None].mean(name) if (line, None) in inside else 0
                # A level far below all the curves would squeeze them.
                shown = [(None, level, 0)] if level > 0 and not (more and level < 0.45) else []
            if shown:
                curves.append(Curve(label, shown, colour, marker, 2.2 if line[0] == "guided" else 1.1))
        figure.panel(titled(title, more), curves, name.startswith("tvd"))
    figure.save(DOCS / f"quality-{table}.svg", [label for label, _, _ in LINES.values()], 3)


def main():
    results = cells()
    parts = {f"table {table}": markdown(inside) for table, inside in results.items()} | {"ahead": ahead(results)}
    parts |= {f"first look {table}": first_look(inside) for table, inside in results.items()}
    publish(DOCS / "quality.md", parts)
    for table, inside in results.items():
        draw(table, inside)


if __name__ == "__main__":
    main()
