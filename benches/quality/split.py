#!/usr/bin/env python3
"""Splits a table into a training and a test part: split.py TABLE.csv SPEC.json FOLDER

Writes FOLDER/train.csv (80 percent) and FOLDER/test.csv, with the spec's columns and commas, the same rows every time.
"""

import json
import pathlib
import sys

import pandas as pd
from sklearn.model_selection import train_test_split


def split(path, spec, folder):
    """Writes both parts and returns the training part, all cells as text."""
    table = pd.read_csv(path, sep=spec["separator"], dtype=str, keep_default_na=False)[spec["columns"]]
    train, test = train_test_split(table, test_size=0.2, random_state=0)
    train.to_csv(folder / "train.csv", index=False)
    test.to_csv(folder / "test.csv", index=False)
    return train


if __name__ == "__main__":
    with open(sys.argv[2]) as file:
        split(sys.argv[1], json.load(file), pathlib.Path(sys.argv[3]))
