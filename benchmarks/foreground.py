"""Foreground colours: error against the truth, and time, compared with PyMatting.

    python -m benchmarks.foreground

Error: root mean square over 0 < alpha < 1, weighted by alpha, against the true foreground of rendered scenes, for the
exact alpha and for one blurred by a pixel. Time: the minimum of several runs, of both libraries in turn. PyMatting runs
on one thread. If the machine is used by others, wall time is not reliable, least of all for two threads; the processor
time of one thread (cpu) is.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numba
import numpy as np
from scipy import ndimage

import propmat
from propmat.datasets import synthetic

SEEDS = range(6)
SHAPE = (480, 640)
SIZES = ((240, 320), (600, 800), (1080, 1920))
RUNS = 9

Estimate = Callable[[Any, Any], Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    for table in (times, errors):
        for line in table():
            print(line, flush=True)
        print()


def methods() -> dict[str, Estimate]:
    import pymatting

    return {
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


def seconds(works: list[Callable[[], Any]]) -> np.ndarray:
    """For each the minimum of several runs, in wall time and processor time, after one that compiles."""
    times = []
    for _ in range(1 + RUNS):
        for work in works:
            start, used = time.perf_counter(), time.process_time()
            work()
            times.append((time.perf_counter() - start, time.process_time() - used))
    return np.reshape(times, (1 + RUNS, len(works), 2))[1:].min(axis=0)


def errors() -> Iterator[str]:
    """Rows of the table of errors."""
    samples = [synthetic(seed, SHAPE) for seed in SEEDS]
    yield f"{'error of F':22}{'exact alpha':>12}{'ratio':>8}{'blurred':>12}{'ratio':>8}"
    first: list[float] = []
    for name, estimate in methods().items():
        pair = [
            np.mean([error(estimate(s.image, disturb(s.alpha)), s.foreground, s.alpha) for s in samples])
            for disturb in (np.asarray, lambda alpha: ndimage.gaussian_filter(alpha, 1.0))
        ]
        first = first or pair
        cells = (f"{value:12.4f}{value / base:8.2f}" for value, base in zip(pair, first, strict=True))
        yield f"{name:22}{''.join(cells)}"


def theirs(s: Any) -> None:
    """PyMatting's multilevel estimate of both layers, limited to one thread."""
    import pymatting

    numba.set_num_threads(1)
    pymatting.estimate_foreground_ml(s.image, s.alpha, return_background=True)


def ours(s: Any, threads: int) -> None:
    """The same by propmat."""
    propmat.set_num_threads(threads)
    propmat.foreground(s.image, s.alpha)


def times() -> Iterator[str]:
    """Rows of the table of times; both sides estimate both layers."""
    threads = sorted({1, propmat.get_num_threads()})
    heads = [f"{count} thr" for count in threads]
    yield f"{'milliseconds':22}{'pymatting ml':>14}" + "".join(f"{head:>10}{'ratio':>8}" for head in [*heads, "cpu"])
    for shape in SIZES:
        s = synthetic(0, shape)
        clock, cpu = 1e3 * seconds([partial(theirs, s), *(partial(ours, s, count) for count in threads)]).T
        cells = [(clock[k + 1], clock[k + 1] / clock[0]) for k in range(len(threads))] + [(cpu[1], cpu[1] / cpu[0])]
        name = f"{shape[0]} x {shape[1]}"
        yield f"{name:22}{clock[0]:14.1f}" + "".join(f"{value:10.1f}{ratio:8.2f}" for value, ratio in cells)


if __name__ == "__main__":
    main()
