#!/usr/bin/env python3
"""Turns paper.jsonl into docs/paper.md's tables (between its markers) and docs/paper-*.svg: paper_report.py

A cell is one table, method and epsilon; what is shown of it is the mean over its seeds, with the standard error of that
mean.
"""

import collections
import json

import report
from plot import Curve, Figure
from report import epsilons

# name, title, whether more is better, whether on a logarithmic scale
METRICS = [
    ("pmse_ratio", "pMSE ratio", False, True),
    ("alpha_precision", "alpha-precision", True, False),
    ("beta_recall", "beta-recall", True, False),
    ("coverage", "category coverage", True, False),
    ("tvd1", "1-way TVD", False, True),
    ("tvd2", "2-way TVD", False, True),
]
# method: colour, marker
LINES = {
    "tablediffusion": ("#c1121f", "o"),
    "tablediffusion:paper": ("#e58b8b", "o"),
    "tablediffusion_denoiser": ("#1d4e89", "s"),
    "tablediffusion_denoiser:paper": ("#8fb3d9", "s"),
    "attention_vae": ("#2a9d8f", "^"),
    "attention_gan": ("#6a4c93", "D"),
    "wgan": ("#f08a24", "v"),
    "pate_gan": ("#8d6e63", "x"),
    "guided": ("#222222", "*"),
}
GANS = ["attention_gan", "wgan", "pate_gan"]


def cells():
    """All cells: table -> (method, epsilon) -> cell."""
    found = collections.defaultdict(lambda: collections.defaultdict(list))
    for line in (report.HERE / "paper.jsonl").read_text().splitlines():
        run = json.loads(line)
        found[run["table"]][run["method"], run["epsilon"]].append(run)
    return {table: {cell: report.Cell(runs) for cell, runs in inside.items()} for table, inside in sorted(found.items())}


def markdown(inside):
    """One row a cell, by epsilon."""
    titles = [title for _, title, _, _ in METRICS]
    rows = ["| epsilon | method | seeds | " + " | ".join(titles) + " | CPU s |", "|---" * (len(titles) + 4) + "|"]
    for epsilon in epsilons(inside):
        for method in LINES:
            cell = inside.get((method, epsilon))
            if cell is not None:
                scores = " | ".join(cell.text(name) for name, _, _, _ in METRICS)
                rows.append(f"| {epsilon:g} | {method} | {len(cell.runs)} | {scores} | {cell.mean('cpu_s'):.0f} |")
    return "\n".join(rows)


def better(one, other, name, more):
    """Whether a cell's mean is better than another's: yes, no, or a difference within its standard error."""
    by, error = report.lead(one, other, name, more)
    return "even" if abs(by) <= error else "yes" if by > 0 else "no"


def claims(results):
    """At how many epsilons each claim holds, is even, or fails, by table, preset and metric."""
    titles = [title for _, title, _, _ in METRICS]
    rows = ["| table | claim | " + " | ".join(titles) + " |", "|---" * (len(titles) + 2) + "|"]
    for table, inside in results.items():
        for preset in ("", ":paper"):
            ours = f"tablediffusion{preset}"
            rivals = {f"above `tablediffusion_denoiser{preset}`": [f"tablediffusion_denoiser{preset}"]}
            rivals |= {f"above `{gan}`": [gan] for gan in GANS}
            for claim, (rival,) in rivals.items():
                counts = []
                for name, _, more, _ in METRICS:
                    both = [e for e in epsilons(inside) if (ours, e) in inside and (rival, e) in inside]
                    found = collections.Counter(
                        better(inside[ours, e], inside[rival, e], name, more) for e in both
                    )
                    counts.append(f"{found['yes']} / {found['even']} / {found['no']}")
                rows.append(f"| {table} | `{ours}` {claim} | " + " | ".join(counts) + " |")
    return "\n".join(rows)


def draw(table, inside):
    figure = Figure(3, 864, epsilons(inside))
    for name, title, more, logarithmic in METRICS:
        shown = {method: report.points(inside, method, name) for method in LINES}
        curves = [Curve(method, points, *LINES[method], 1.2) for method, points in shown.items() if points]
        figure.panel(report.titled(title, more), curves, logarithmic)
    figure.save(report.DOCS / f"paper-{table}.svg", list(LINES), 4)


def main():
    results = cells()
    parts = {f"table {table}": markdown(inside) for table, inside in results.items()} | {"claims": claims(results)}
    report.publish(report.DOCS / "paper.md", parts)
    for table, inside in results.items():
        draw(table, inside)


if __name__ == "__main__":
    main()
