"""Every method on the photographs of alphamatting.com: errors, ranks, time and memory, beside PyMatting.

    python -m benchmarks.methods [--data DIR] [--methods knn ...] [--photographs GT01 ...] [--trimaps trimap1 ...]
                                 [--no-peer] [--minutes M]        (Linux)

Every row is a mean over the pictures and trimaps. SAD is in thousands of pixels, MSE in thousandths, the other two as
in `propmat.metrics`. A rank is the place of a method among those of the same library on one picture, averaged:
alphamatting.com ranks so. Time is that of a whole call, from image and trimap to alpha, after a first call outside
the timer; "CPU" adds up all threads. "peak" is the largest resident size above that before the call. All of it takes
about an hour; `--minutes` stops before a further picture and shows the table of those done.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pymatting
from scipy.stats import rankdata

import propmat
from benchmarks.memory import forget_peak, peak
from benchmarks.problems import DATA, Problem, photographs
from propmat.matting._methods import POSED as METHODS

# Other settings that are methods of their own.
VARIANTS = {"knn": [{"preset": "hsv"}, {"preset": "rgb"}]}

# Where PyMatting has the method.
PEERS = {
    "closed_form": pymatting.estimate_alpha_cf,
    "knn": pymatting.estimate_alpha_knn,
    "learning_based": pymatting.estimate_alpha_lbdm,
    "large_kernel": pymatting.estimate_alpha_lkm,
    "random_walk": pymatting.estimate_alpha_rw,
    "shared_sampling": pymatting.estimate_alpha_sm,
}

METRICS = ("sad", "mse", "gradient", "connectivity")


@dataclass(frozen=True)
class Method:
    """A name to print, and alpha of an image in [0, 1] and a trimap in [0, 1]."""

    library: str
    name: str
    alpha: Callable[[np.ndarray, np.ndarray], np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--methods", nargs="*", choices=list(METHODS), default=list(METHODS))
    parser.add_argument("--photographs", nargs="*", metavar="NAME")
    parser.add_argument("--trimaps", nargs="*", default=["trimap1", "trimap2"])
    parser.add_argument("--no-peer", action="store_true", help="leave PyMatting out")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="start no further picture after so many")
    arguments = parser.parse_args()
    end = time.monotonic() + 60 * arguments.minutes
    methods = selected(arguments.methods, peers=not arguments.no_peer)
    warm_up(methods)
    wanted = [
        (trimap, problem)
        for trimap in arguments.trimaps
        for problem in photographs(arguments.data, trimap)
        if not arguments.photographs or problem.name in arguments.photographs
    ]
    results = []
    for trimap, problem in wanted:
        if time.monotonic() > end:
            break
        results.append([measured(method, problem) for method in methods])
        errors = "  ".join(f"{method.name} {row[0]:.3f}" for method, row in zip(methods, results[-1], strict=True))
        print(f"{len(results)}/{len(wanted)} {trimap} {problem.name}: SAD {errors}", file=sys.stderr, flush=True)
    show(methods, np.array(results))


def selected(names: list[str], peers: bool) -> list[Method]:
    ours = [ours_of(name, settings) for name in names for settings in ({}, *VARIANTS.get(name, []))]
    return ours + [peer_of(name) for name in names if peers and name in PEERS]


def ours_of(name: str, settings: dict[str, str]) -> Method:
    def alpha(image: np.ndarray, trimap: np.ndarray) -> np.ndarray:
        labels = propmat.Trimap.parse(trimap)
        graph, prior = METHODS[name].pose(image, labels, **settings)
        return propmat.solve(graph, labels, prior=prior).alpha

    return Method("propmat", " ".join([name, *settings.values()]), alpha)


def peer_of(name: str) -> Method:
    # Known pixels are scored by no metric but are read by two; ours are exact, so the peer's are set.
    def alpha(image: np.ndarray, trimap: np.ndarray) -> np.ndarray:
        labels = propmat.Trimap.parse(trimap)
        return np.where(labels.known, labels.labels, np.clip(PEERS[name](image, trimap), 0, 1))

    return Method("PyMatting", name, alpha)


def warm_up(methods: list[Method]) -> None:
    """Compile on a problem that takes the same way as large ones."""
    sample = propmat.datasets.synthetic(0, (240, 320))
    for method in methods:
        method.alpha(sample.image, sample.trimap)


def measured(method: Method, problem: Problem) -> list[float]:
    """The four metrics, seconds, CPU seconds, megabytes."""
    image, trimap = problem.image / 255, problem.trimap / 255
    forget_peak()
    before, start, cpu = peak(), time.perf_counter(), time.process_time()
    alpha = method.alpha(image, trimap)
    seconds, cpu_seconds, above = time.perf_counter() - start, time.process_time() - cpu, peak() - before
    errors = propmat.metrics.evaluate(alpha, problem.truth, problem.trimap)
    return [*(errors[name] for name in METRICS), seconds, cpu_seconds, above]


def show(methods: list[Method], results: np.ndarray) -> None:
    """`results` is (problem, method, number)."""
    print(f"{len(results)} problems\n")
    print("| method | SAD | MSE | gradient | connectivity | ranks | s | CPU, s | peak, MB |")
    print("| --- | ---: | ---: | ---: | ---: | --- | ---: | ---: | ---: |")
    means = results.mean(axis=0)
    for library in ("propmat", "PyMatting"):
        places = [k for k, method in enumerate(methods) if method.library == library]
        ranks = rankdata(results[:, places, : len(METRICS)], axis=1).mean(axis=0)
        for place, rank in zip(places, ranks, strict=True):
            sad, mse, gradient, connectivity, seconds, cpu, above = means[place]
            errors = f"{sad:.3f} | {1e3 * mse:.2f} | {gradient:.3f} | {connectivity:.3f}"
            order = " / ".join(f"{r:.1f}" for r in rank)
            name = f"{library} {methods[place].name}"
            print(f"| {name} | {errors} | {order} | {seconds:.2f} | {cpu:.2f} | {above:.0f} |")


if __name__ == "__main__":
    main()
