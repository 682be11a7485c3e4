"""Every method on every picture and trimap: quality, time and memory.

    python -m benchmarks.suite [--data DIR] [--output DIR] [--methods NAME ...] [--trimaps 1 2] [--peers] [--jobs N]

DIR is the folder of the photographs of alphamatting.com (`propmat datasets fetch alphamatting --root DIR`); without
`--data`, scenes are rendered. Results are written to results.jsonl in the output folder at the end, one line each;
mattes are files next to it. A run is a job of `propmat.jobs`: interrupted, it is resumed when it is started again, each
process loses at most one matte, and `propmat batch status DIR` tells how far it is.

All methods of propmat run with their default settings; `--peers` adds methods of other installed libraries. Networks
and methods with other settings (knn.rgb) run only if `--methods` names them.

Before they are scored, mattes are rounded to 8 bits and known pixels set to their labels, as for published numbers.
Each job is a process with its share of the cores, so that times on one machine are comparable for the same number of
jobs; with `--jobs 1` a method has all cores. "memory_mb" is the peak minus what was resident before the call.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from benchmarks.data import sets
from benchmarks.suite import contestants
from benchmarks.suite.run import OUTPUT, Suite


def main() -> None:
    arguments = _arguments()
    start = time.perf_counter()
    suite = Suite(arguments.data, arguments.output, arguments.jobs)
    problems = [(image, trimap) for image in arguments.images for trimap in arguments.trimaps]
    try:
        count = suite.carry_out([(*problem, method) for problem in problems for method in arguments.methods])
    except KeyboardInterrupt:
        sys.exit("stopped; the same command goes on from here")
    print(f"{suite.path}: {count} results, {time.perf_counter() - start:.0f} s")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.suite", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    known = list(contestants.everyone())
    parser.add_argument("--data", type=Path, help="photographs; without it, scenes are rendered")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="(%(default)s)")
    parser.add_argument("--methods", nargs="+", choices=known, metavar="NAME", help=", ".join(known))
    parser.add_argument("--peers", action="store_true", help="also the methods of other libraries that are installed")
    parser.add_argument("--images", nargs="+", metavar="NAME", help="some pictures only")
    parser.add_argument("--trimaps", nargs="+", type=int, choices=(1, 2), default=[1, 2])
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes at a time (%(default)s)")
    arguments = parser.parse_args()
    if arguments.jobs < 1:
        parser.error(f"--jobs takes at least 1, got {arguments.jobs}")
    arguments.images = arguments.images or sets.names(arguments.data)
    if strange := set(arguments.images) - set(sets.names(arguments.data)):
        parser.error(f"--images: there is no {', '.join(sorted(strange))} in {sets.set_name(arguments.data)}")
    # --peers adds to the methods named, if any.
    named = arguments.methods or list(contestants.ours())
    arguments.methods = list(dict.fromkeys([*named, *(contestants.peers() if arguments.peers else ())]))
    return arguments


if __name__ == "__main__":
    main()
