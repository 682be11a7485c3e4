"""Peak memory of a closed-form matte, without the arrays that are passed in.

    python -m benchmarks.memory [--data DIR]        (Linux)

The lemur enlarged four times, if there is a copy of it, and a rendered scene of 8 megapixels of which 3 million are
unknown. Code and libraries are loaded by a small matte first and are not counted.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from pathlib import Path

import numpy as np

import propmat
from benchmarks.data.problems import DATA, Problem, lemur
from benchmarks.measuring.memory import forget_peak, peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    arguments = parser.parse_args()
    print("| problem | unknown | peak above inputs, MB | seconds |\n| --- | ---: | ---: | ---: |")
    for which in ("lemur", "scene"):
        # A process for each, because the peak of a process never decreases.
        process = multiprocessing.get_context("spawn").Process(target=measure, args=(which, arguments.data))
        process.start()
        process.join()


def measure(which: str, data: Path) -> None:
    if which == "lemur" and not data.is_dir():
        return
    problem = lemur(data, 4) if which == "lemur" else scene()
    image, trimap = problem.image / 255, problem.trimap / 255
    small = propmat.datasets.synthetic(0, (240, 320))
    propmat.closed_form(small.image, small.trimap, solver=propmat.solvers.CG())
    forget_peak()
    before, start = peak(), time.perf_counter()
    propmat.closed_form(image, trimap)
    above, seconds = peak() - before, time.perf_counter() - start
    print(f"| {problem.name} | {np.count_nonzero(problem.unknown)} | {above:.0f} | {seconds:.1f} |", flush=True)


def scene(unknown: int = 3_000_000) -> Problem:
    """A scene of 8 megapixels with a given number of unknown pixels: columns further right have their true labels."""
    sample = propmat.datasets.synthetic(0, (2448, 3264))
    column = np.searchsorted(np.cumsum((sample.trimap == 0.5).sum(axis=0)), unknown)
    trimap = sample.trimap.copy()
    trimap[:, column:] = sample.alpha[:, column:] > 0.5
    images = (np.rint(255 * array).astype(np.uint8) for array in (sample.image, trimap))
    return Problem("rendered scene, 8 megapixels", *images)


if __name__ == "__main__":
    main()
