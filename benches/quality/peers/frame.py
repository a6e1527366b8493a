"""What the adapters share: one command line, one way to read the training part.

Every adapter is called as `python ADAPTER.py METHOD TRAIN.csv OUT.csv SPEC.json EPSILON DELTA SEED` in an environment
of its own (the .txt file of its name) and writes as many synthetic rows as there are training rows.
"""

import json
import sys

import pandas as pd


class Call:
    """The adapter's command line, with the training part as `train` and the declared domains as `domains`."""

    def __init__(self):
        self.method, train, self.out, spec, epsilon, delta, seed = sys.argv[1:]
        self.epsilon, self.delta, self.seed = float(epsilon), float(delta), int(seed)
        with open(spec) as file:
            self.spec = json.load(file)
        self.domains = self.spec["domains"]
        self.train = pd.read_csv(train, dtype=str, keep_default_na=False)[self.spec["columns"]]
        for name in self.spec["numeric"]:
            whole = name in self.spec["integer"]
            self.train[name] = pd.to_numeric(self.train[name]).astype("int64" if whole else "float64")

    def write(self, synthetic):
        synthetic[self.spec["columns"]].to_csv(self.out, index=False)
