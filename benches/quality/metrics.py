#!/usr/bin/env python3
"""Scores a synthetic table against a real one.

metrics.py --train TRAIN.csv --test TEST.csv --synth SYNTH.csv --spec SPEC.json [--out SCORES.json]

A spec names the `columns` to score, which of them are `numeric` and `integer`, and the classification `target` with its
`positive` value (adult.json). All seeds are fixed, and bins come from the real training part alone, so scores of different
synthesizers compare. Scores:

tvd1      mean over columns of the total variation distance of marginals, numbers in 20 quantile bins
tvd2      mean over pairs of columns of the same distance, numbers in 10 quantile bins
c2st_auc  how well gradient-boosted trees tell synthetic rows from real ones: 0.5 is not at all, 1 is always
tstr      area under the ROC curve on the real test part of classifiers trained on the synthetic table, and their mean
"""

import itertools
import warnings

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from xgboost import XGBClassifier

import scorer

MARGINAL_BINS = 20
PAIR_BINS = 10
DISCRIMINATOR_ROWS = 20_000


def read_table(path, spec):
    """The columns of `spec`, numbers as floats (NaN where there is none), all else as stripped text, "1.0" as "1"."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False)[spec["columns"]].copy()
    for name in spec["columns"]:
        if name not in spec["numeric"]:
            table[name] = table[name].str.strip().str.removesuffix(".0")
            continue
        numbers = pd.to_numeric(table[name], errors="coerce")
        numbers = numbers.where(np.isfinite(numbers))
        table[name] = numbers.round() if name in spec["integer"] else numbers
    return table


class Coder:
    """Maps each column of any table to small integers, by bins and categories of one reference table.

    A number's bin lies between neighbouring quantiles, closed below; what is under the smallest reference value has a
    bin of its own, and so has each quantile that alone outweighs a bin. Missing numbers and unknown categories get the
    last code."""

    def __init__(self, reference, spec, bins):
        self.rules = {}
        for name in spec["columns"]:
            if name in spec["numeric"]:
                self.rules[name] = self.edges(reference[name].dropna().to_numpy(), bins)
            else:
                self.rules[name] = pd.Index(np.unique(reference[name]))

    @staticmethod
    def edges(values, bins):
        cuts = np.unique(np.quantile(values, np.linspace(0, 1, bins + 1)))
        lower = cuts[:-1] if len(cuts) > 1 else cuts
        if len(cuts) <= bins:
            heavy = [cut for cut in cuts[:-1] if np.count_nonzero(values == cut) * bins > len(values)]
            lower = np.union1d(lower, np.nextafter(heavy, np.inf))
        return lower

    def size(self, name):
        rule = self.rules[name]
        return len(rule) + (1 if isinstance(rule, pd.Index) else 2)

    def codes(self, table):
        coded = {}
        for name, rule in self.rules.items():
            if isinstance(rule, pd.Index):
                found = rule.get_indexer(table[name])
                coded[name] = np.where(found < 0, len(rule), found)
            else:
                bins = np.digitize(table[name], rule)
                coded[name] = np.where(table[name].isna(), len(rule) + 1, bins)
        return coded


def distance(left, right, size):
    """Total variation distance of two code vectors' distributions."""
    shares = [np.bincount(codes, minlength=size) / len(codes) for codes in (left, right)]
    return float(np.abs(shares[0] - shares[1]).sum() / 2)


def marginal_distances(train, synth, spec):
    coder = Coder(train, spec, MARGINAL_BINS)
    real, fake = coder.codes(train), coder.codes(synth)
    return {name: distance(real[name], fake[name], coder.size(name)) for name in spec["columns"]}


def pair_distances(train, synth, spec):
    coder = Coder(train, spec, PAIR_BINS)
    real, fake = coder.codes(train), coder.codes(synth)
    found = []
    for one, two in itertools.combinations(spec["columns"], 2):
        width = coder.size(two)
        joint = [table[one] * width + table[two] for table in (real, fake)]
        found.append(distance(*joint, coder.size(one) * width))
    return found


def ordinal(train, table, spec, without=()):
    """One float column per column: numbers as they are, categories by their rank in the training part."""
    columns = []
    for name in spec["columns"]:
        if name in without:
            continue
        if name in spec["numeric"]:
            columns.append(table[name].to_numpy(float))
        else:
            known = pd.Index(np.unique(train[name]))
            rank = known.get_indexer(table[name])
            columns.append(np.where(rank < 0, len(known), rank).astype(float))
    return np.column_stack(columns)


def indicators(train, table, spec, without=()):
    """Standardised numbers (clipped to 20 deviations) and one indicator per category, scaled by the training part."""
    columns = []
    for name in spec["columns"]:
        if name in without:
            continue
        if name in spec["numeric"]:
            values = table[name].fillna(train[name].median())
            scaled = (values - train[name].mean()) / (train[name].std() or 1.0)
            columns.append(scaled.clip(-20, 20).to_numpy()[:, None])
        else:
            columns.append((table[name].to_numpy()[:, None] == np.unique(train[name])[None, :]).astype(float))
    return np.hstack(columns)


def discriminator_auc(train, synth, spec):
    draw = np.random.default_rng(0)
    count = min(len(train), len(synth), DISCRIMINATOR_ROWS)
    parts = [table.iloc[draw.permutation(len(table))[:count]] for table in (train, synth)]
    rows = np.vstack([ordinal(train, part, spec) for part in parts])
    label = np.repeat([0, 1], count)
    seen, unseen, label_seen, label_unseen = train_test_split(
        rows, label, test_size=0.3, random_state=0, stratify=label
    )
    model = HistGradientBoostingClassifier(random_state=0).fit(seen, label_seen)
    return float(roc_auc_score(label_unseen, model.predict_proba(unseen)[:, 1]))


def classifier_aucs(train, synth, test, spec):
    target, positive = spec["target"], str(spec["positive"])
    label = (synth[target] == positive).to_numpy(int)
    truth = (test[target] == positive).to_numpy(int)
    wide = [indicators(train, table, spec, (target,)) for table in (synth, test)]
    narrow = [ordinal(train, table, spec, (target,)) for table in (synth, test)]
    filled = [np.nan_to_num(rows, nan=-1.0) for rows in narrow]
    models = {
        "lr": (LogisticRegression(max_iter=1000, random_state=0), wide),
        "rf": (RandomForestClassifier(100, min_samples_leaf=5, random_state=0), filled),
        "hgb": (HistGradientBoostingClassifier(random_state=0), narrow),
        "xgb": (XGBClassifier(n_estimators=150, max_depth=6, learning_rate=0.1, n_jobs=1, random_state=0), narrow),
    }
    aucs = {}
    for name, (model, (rows, test_rows)) in models.items():
        if label.min() == label.max():
            aucs[name] = 0.5
            continue
        model.fit(rows, label)
        aucs[name] = float(roc_auc_score(truth, model.predict_proba(test_rows)[:, 1]))
    return aucs


def score(train, test, synth, spec):
    marginals = marginal_distances(train, synth, spec)
    pairs = pair_distances(train, synth, spec)
    tstr = classifier_aucs(train, synth, test, spec)
    return {
        "tvd1": float(np.mean(list(marginals.values()))),
        "tvd1_by_col": {name: round(value, 4) for name, value in marginals.items()},
        "tvd2": float(np.mean(pairs)),
        "c2st_auc": discriminator_auc(train, synth, spec),
        "tstr": {**tstr, "mean_auc": float(np.mean(list(tstr.values())))},
    }


def main():
    warnings.filterwarnings("ignore", category=UserWarning)
    scorer.run(__doc__, ("train", "test", "synth"), read_table, score, indent=1)


if __name__ == "__main__":
    main()
