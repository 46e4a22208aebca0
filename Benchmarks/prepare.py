#!/usr/bin/env python3
"""Makes the calibration and evaluation arrays of every task as .npz files below .cache/bench.

    python3 Benchmarks/prepare.py [--models NAME,NAME]
"""

import argparse

from harness import store, tasks


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", help="comma-separated task names; all that are available when left out")
    for task in tasks.select(parser.parse_args().models):
        for path in store.prepare(task):
            print(f"{task.name:12} {path.stat().st_size:>12,} B  {path}", flush=True)


if __name__ == "__main__":
    main()
