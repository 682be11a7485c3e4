"""Foreground colours: error against the truth and time, beside PyMatting.

    python -m benchmarks.foreground

Error: root mean square over 0 < alpha < 1, weighted by alpha, against the true foreground of
rendered scenes, for the exact alpha and for one blurred by a pixel. Time: the least of several
runs. PyMatting runs on one thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numba
import numpy as np
import pymatting
from scipy import ndimage

import propmat
from propmat.datasets import synthetic

SEEDS = range(6)
SHAPE = (480, 640)
SIZES = ((240, 320), (600, 800), (1080, 1920))
RUNS = 9

Estimate = Callable[[Any, Any], Any]

METHODS: dict[str, Estimate] = {
    "pymatting ml": pymatting.estimate_foreground_ml,
    "pymatting cf": pymatting.estimate_foreground_cf,
    "multilevel": lambda image, alpha: propmat.foreground(image, alpha)[0],
    "multilevel, ω = 0.1": lambda image, alpha: propmat.foreground(image, alpha, gradient_weight=0.1)[0],
    "closed_form": lambda image, alpha: propmat.foreground(image, alpha, method="closed_form")[0],
}


def error(estimate: np.ndarray, truth: np.ndarray, alpha: np.ndarray) -> float:
    """Root mean square of all channels over the mixed pixels, weighted by alpha."""
    weight = np.where((alpha > 0) & (alpha < 1), alpha, 0.0)
    return float(np.sqrt((weight * ((estimate - truth) ** 2).mean(axis=2)).sum() / weight.sum()))


def seconds(work: Callable[[], Any]) -> float:
    """The least of several runs, after one that compiles."""
    work()
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def errors() -> Iterator[str]:
    """Rows of the table of errors."""
    samples = [synthetic(seed, SHAPE) for seed in SEEDS]
    yield f"{'error of F':22}{'exact alpha':>12}{'ratio':>8}{'blurred':>12}{'ratio':>8}"
    first: list[float] = []
    for name, estimate in METHODS.items():
        pair = [
            np.mean([error(estimate(s.image, disturb(s.alpha)), s.foreground, s.alpha) for s in samples])
            for disturb in (np.asarray, lambda alpha: ndimage.gaussian_filter(alpha, 1.0))
        ]
        first = first or pair
        cells = (f"{value:12.4f}{value / base:8.2f}" for value, base in zip(pair, first, strict=True))
        yield f"{name:22}{''.join(cells)}"


def times() -> Iterator[str]:
    """Rows of the table of times; both sides estimate both layers."""
    available = numba.get_num_threads()
    yield f"{'milliseconds':22}{'pymatting ml':>14}" + "".join(
        f"{f'{threads} thr':>10}{'ratio':>8}" for threads in sorted({1, available})
    )
    for shape in SIZES:
        s = synthetic(0, shape)
        theirs = seconds(lambda s=s: pymatting.estimate_foreground_ml(s.image, s.alpha, return_background=True))
        row = f"{f'{shape[0]} x {shape[1]}':22}{1e3 * theirs:14.1f}"
        for threads in sorted({1, available}):
            numba.set_num_threads(threads)
            ours = seconds(lambda s=s: propmat.foreground(s.image, s.alpha))
            row += f"{1e3 * ours:10.1f}{ours / theirs:8.2f}"
        yield row


if __name__ == "__main__":
    for table in (times, errors):
        for line in table():
            print(line, flush=True)
        print()
