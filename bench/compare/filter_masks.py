#!/usr/bin/env python3
"""Write the filters of the peers' script peer_ann_filter.py as files that bench_ann_filter --masks reads, so that both
sides search under the very same filters.

  filter_masks.py --peers SCRIPTS --data DIR --out MASKS     (needs NumPy: run it with the peers' interpreter)"""
import argparse
import pathlib
import sys

import numpy as np


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--peers", required=True, help="the folder of peer_ann_filter.py")
    p.add_argument("--data", required=True, help="the folder of base.npy")
    p.add_argument("--out", required=True)
    a = p.parse_args()
    sys.path.insert(0, a.peers)
    from peer_ann_filter import masks
    out = pathlib.Path(a.out)
    out.mkdir(parents=True, exist_ok=True)
    for name, mask in masks(np.load(pathlib.Path(a.data) / "base.npy")):
        np.save(out / f"mask.{name.rstrip('%')}.npy", mask.astype(np.uint8))


if __name__ == "__main__":
    main()
