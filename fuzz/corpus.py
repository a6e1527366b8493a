#!/usr/bin/env python3
"""Bodies of models in one file, each after its length in four bytes, little-endian.

corpus.py pack FILE BYTES DIRECTORY   the smallest files of the directory that come to that many bytes
corpus.py unpack FILE DIRECTORY
"""

import sys
from pathlib import Path


def pack(target, most, source):
    packed = b""
    for body in sorted((path.read_bytes() for path in source.iterdir()), key=lambda body: (len(body), body)):
        if len(packed) + len(body) <= most:
            packed += len(body).to_bytes(4, "little") + body
    target.write_bytes(packed)


def unpack(source, target):
    packed, i = source.read_bytes(), 0
    target.mkdir(parents=True, exist_ok=True)
    while packed:
        length = int.from_bytes(packed[:4], "little")
        (target / f"{i}").write_bytes(packed[4 : 4 + length])
        packed, i = packed[4 + length :], i + 1


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["pack", target, most, source]:
            pack(Path(target), int(most), Path(source))
        case ["unpack", source, target]:
            unpack(Path(source), Path(target))
        case _:
            sys.exit(__doc__)
