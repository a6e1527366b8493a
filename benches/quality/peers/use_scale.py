"""Two tables that give the scores a scale, with no privacy at all; see frame.py for the call.

real         a random half of the training rows; the other half takes the place of the real table it is scored against
independent  the training rows, each column shuffled by itself
"""

import numpy as np
import pandas as pd

from frame import Call


def main():
    call = Call()
    draw = np.random.default_rng(call.seed)
    if call.method == "independent":
        shuffled = {name: draw.permutation(call.train[name].to_numpy()) for name in call.spec["columns"]}
        call.write(pd.DataFrame(shuffled))
        return
    order = draw.permutation(len(call.train))
    half = len(order) // 2
    call.write(call.train.iloc[order[:half]])
    call.out += ".train"
    call.write(call.train.iloc[order[half:]])


if __name__ == "__main__":
    main()
