#!/usr/bin/env python3
"""Scores a synthetic table against the real rows it was learned from, as the paper does (arXiv 2308.14784).

paper_metrics.py --train TRAIN.csv --synth SYNTH.csv --spec SPEC.json [--out SCORES.json]

tvd1, tvd2       as in metrics.py
pmse_ratio       mean squared propensity of a logistic regression that tells synthetic rows from real ones, over what it
                 would be in expectation if both came from one source (Snoke et al., arXiv 1604.06651): 1 is best
alpha_precision  how much synthetic rows are where real ones are (Alaa et al., arXiv 2102.08921): 1 is best
beta_recall      how much of where real rows are is reached by synthetic ones (the same): 1 is best, low where modes are
                 missing
coverage         mean over categorical columns of the share of categories that synthetic rows show at all

Rows for these are numbers, standardised, and one indicator for each category but, for pmse_ratio, the first; at most ROWS of each kind.
"""

import warnings

import metrics
import numpy as np
import scorer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors

ROWS = 5_000
LEVELS = 30


def pmse_ratio(real, fake):
    """Of two matrices with a row each; columns without variance are left out."""
    both = np.vstack([real, fake])
    both = both[:, both.std(axis=0) > 0]
    label = np.repeat([0, 1], [len(real), len(fake)])
    share = len(fake) / len(both)
    model = LogisticRegression(C=1e6, max_iter=2_000, random_state=0).fit(both, label)
    observed = np.mean((model.predict_proba(both)[:, 1] - share) ** 2)
    expected = both.shape[1] * (1 - share) ** 2 * share / len(both)
    return observed / expected


def area(curve, levels):
    """1 for a curve along the diagonal, less twice the area between."""
    return float(1 - 2 * np.trapezoid(np.abs(curve - levels), levels))


def precision_and_recall(real, fake):
    """Integrated alpha-precision and beta-recall, with balls about the means of real and of synthetic rows."""
    levels = np.linspace(0, 1, LEVELS)
    middle = real.mean(axis=0)
    radii = np.quantile(np.linalg.norm(real - middle, axis=1), levels)
    away = np.linalg.norm(fake - middle, axis=1)
    precision = np.array([np.mean(away <= radius) for radius in radii])
    # The nearest other real row bounds how far a synthetic one may be to stand for it.
    reach = NearestNeighbors(n_neighbors=2).fit(real).kneighbors(real)[0][:, 1]
    gap, nearest = (found[:, 0] for found in NearestNeighbors(n_neighbors=1).fit(fake).kneighbors(real))
    depth = np.linalg.norm(fake - fake.mean(axis=0), axis=1)
    radii = np.quantile(depth, levels)
    recall = np.array([np.mean((gap <= reach) & (depth[nearest] <= radius)) for radius in radii])
    return area(precision, levels), area(recall, levels)


def coverage(train, synth, spec):
    """Share of categories that show, averaged over categorical columns."""
    columns = [name for name in spec["columns"] if name not in spec["numeric"]]
    shares = [len(set(train[name]) & set(synth[name])) / train[name].nunique() for name in columns]
    return float(np.mean(shares))


def score(train, synth, spec):
    draw = np.random.default_rng(0)
    count = min(len(train), len(synth), ROWS)
    parts = [table.iloc[draw.permutation(len(table))[:count]] for table in (train, synth)]
    real, fake = (metrics.indicators(train, part, spec) for part in parts)
    # One indicator of each category is told by the others.
    firsts, at = [], 0
    for name in spec["columns"]:
        if name not in spec["numeric"]:
            firsts.append(at)
        at += 1 if name in spec["numeric"] else train[name].nunique()
    alpha, beta = precision_and_recall(real, fake)
    found = {
        "tvd1": np.mean(list(metrics.marginal_distances(train, synth, spec).values())),
        "tvd2": np.mean(metrics.pair_distances(train, synth, spec)),
        "pmse_ratio": pmse_ratio(np.delete(real, firsts, axis=1), np.delete(fake, firsts, axis=1)),
        "alpha_precision": alpha,
        "beta_recall": beta,
        "coverage": coverage(train, synth, spec),
    }
    return {name: round(float(value), 5) for name, value in found.items()}


def main():
    warnings.filterwarnings("ignore", category=UserWarning)
    scorer.run(__doc__, ("train", "synth"), metrics.read_table, score)


if __name__ == "__main__":
    main()
