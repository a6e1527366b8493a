#!/usr/bin/env python3
"""What a user checks first of a synthetic table: SDMetrics' two reports, and the numbers that describe each column.

first_look.py --train TRAIN.csv --synth SYNTH.csv --spec SPEC.json [--out SCORES.json]

sdmetrics   score of SDMetrics' quality report: shapes of columns and trends of pairs
diagnostic  score of its diagnostic report: values within the range, or among the categories, of the real table
numbers     by numeric column, errors of the mean and the standard deviation relative to the real ones; errors of the
            1st, 50th and 99th percentile in real standard deviations; the share of real rows above the greatest and
            below the least synthetic value
"""

import warnings

import numpy as np
import pandas as pd
from sdmetrics.reports.single_table import DiagnosticReport, QualityReport

import scorer

PERCENTILES = (1, 50, 99)


def read_table(path, spec):
    """The columns of `spec`: numbers as floats, all else as text; empty cells are missing."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False)[spec["columns"]].copy()
    for name in spec["columns"]:
        if name in spec["numeric"]:
            table[name] = pd.to_numeric(table[name], errors="coerce").astype(float)
        else:
            table[name] = table[name].where(table[name] != "", None)
    return table


def reports(train, synth, spec):
    kinds = {name: "numerical" if name in spec["numeric"] else "categorical" for name in spec["columns"]}
    metadata = {"columns": {name: {"sdtype": kind} for name, kind in kinds.items()}}
    scores = {}
    for name, report in (("sdmetrics", QualityReport()), ("diagnostic", DiagnosticReport())):
        report.generate(train, synth, metadata, verbose=False)
        scores[name] = float(report.get_score())
    return scores


def numbers(real, synthetic):
    real, synthetic = real.dropna().to_numpy(), synthetic.dropna().to_numpy()
    if not len(synthetic):
        return None
    deviation = real.std()
    errors = {
        "mean": synthetic.mean() / real.mean() - 1 if real.mean() else 0.0,
        "deviation": synthetic.std() / deviation - 1,
        "above": np.mean(real > synthetic.max()),
        "below": np.mean(real < synthetic.min()),
    }
    for percentile in PERCENTILES:
        moved = np.percentile(synthetic, percentile) - np.percentile(real, percentile)
        errors[f"p{percentile}"] = moved / deviation
    return {name: round(float(error), 4) for name, error in errors.items()}


def score(train, synth, spec):
    errors = {name: numbers(train[name], synth[name]) for name in spec["numeric"]}
    return {**reports(train, synth, spec), "numbers": errors}


def main():
    warnings.filterwarnings("ignore")
    scorer.run(__doc__, ("train", "synth"), read_table, score, indent=1)


if __name__ == "__main__":
    main()
