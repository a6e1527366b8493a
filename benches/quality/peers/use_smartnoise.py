"""AIM and MST of the package smartnoise-synth, which run on the package mbi; see frame.py for the call.

Its transformers, told the declared domains: numeric columns are cut into equal bins between the declared bounds and come
back as the middle of a bin; no budget goes into that. The package's default is 10 bins; here it has as many as dpmm.
"""

import itertools

import numpy as np
import pandas as pd
from snsynth import Synthesizer
from snsynth.transform import BinTransformer, LabelTransformer, TableTransformer

from frame import Call

BINS = 64


def transformer(call):
    """Fitted on a table of the declared values, so that it knows nothing else."""
    columns = call.spec["columns"]
    parts = [
        BinTransformer(bins=BINS, lower=call.domains[name][0], upper=call.domains[name][1])
        if name in call.spec["numeric"]
        else LabelTransformer(nullable=False)
        for name in columns
    ]
    longest = max(len(known) for known in call.domains.values())
    declared = {name: list(itertools.islice(itertools.cycle(call.domains[name]), longest)) for name in columns}
    table = TableTransformer(parts)
    table.fit(pd.DataFrame(declared))
    return table


def main():
    call = Call()
    np.random.seed(call.seed)
    synthesizer = Synthesizer.create(call.method, epsilon=call.epsilon, delta=call.delta)
    synthesizer.fit(call.train, transformer=transformer(call))
    rows = synthesizer.sample(len(call.train))
    call.write(pd.DataFrame(rows, columns=call.spec["columns"]))


if __name__ == "__main__":
    main()
