"""Closed-form mattes beside PyMatting: same image, same tolerance, one run.

    python -m benchmarks.closed_form [--data DIR] [--lemur 1 2 4] [--scribbles] [--photographs]

Every row is a whole call, from image and trimap to alpha, after a first call outside the timer has compiled what
needs compiling. The tolerance is 1e-7 on both sides. "ratio" is PyMatting's time over ours; "Pardiso" is MKL's
direct solver, factorisation and solve alone, on the finished matrix; "max diff" is our largest difference from its
matte; "mse" is the relative difference of our mean squared error from PyMatting's, where there is a truth.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pypardiso
import scipy.sparse
from pymatting import estimate_alpha_cf

import propmat
from benchmarks.problems import DATA, Problem, lemur, photographs, scribbles
from propmat.system import eliminate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--lemur", type=int, nargs="*", default=[])
    parser.add_argument("--scribbles", action="store_true")
    parser.add_argument("--photographs", action="store_true")
    warm_up()
    print("| problem | unknown | ours, s | iterations | PyMatting, s | ratio | Pardiso, s | max diff | mse |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    ratios = [compare(problem) for problem in selected(parser.parse_args())]
    print(f"\nratio of {len(ratios)}: least {min(ratios):.1f}, median {np.median(ratios):.1f}, most {max(ratios):.1f}")


def selected(arguments: argparse.Namespace) -> Iterator[Problem]:
    for scale in arguments.lemur:
        yield lemur(arguments.data, scale)
    if arguments.scribbles:
        yield scribbles(arguments.data)
    if arguments.photographs:
        yield from photographs(arguments.data)


def warm_up() -> None:
    """Compile both sides on a problem that takes the same way as large ones."""
    sample = propmat.datasets.synthetic(0, (240, 320))
    propmat.closed_form(sample.image, sample.trimap)
    estimate_alpha_cf(sample.image, sample.trimap)


def compare(problem: Problem) -> float:
    image, trimap = problem.image / 255, problem.trimap / 255
    graph = propmat.laplacian.closed_form(image)
    matte, seconds = timed(lambda: propmat.solve(graph, trimap))
    peer, peer_seconds = timed(lambda: np.clip(estimate_alpha_cf(image, trimap), 0, 1))
    exact, direct_seconds = pardiso(graph, trimap)
    unknown = problem.unknown
    cells = [
        problem.name,
        str(np.count_nonzero(unknown)),
        f"{seconds:.2f}",
        str(matte.iterations),
        f"{peer_seconds:.2f}",
        f"{peer_seconds / seconds:.1f}",
        f"{direct_seconds:.2f}",
        f"{np.abs(matte.alpha - exact)[unknown].max():.1e}",
        relative_error(problem, matte.alpha, peer),
    ]
    print("|", " | ".join(cells), "|", flush=True)
    return peer_seconds / seconds


def pardiso(graph: propmat.laplacian.Laplacian, trimap: np.ndarray) -> tuple[np.ndarray, float]:
    """The matte of a direct solve, and the seconds of factorisation and solve."""
    labels = propmat.Trimap.parse(trimap)
    system = eliminate(graph, labels)
    matrix, rhs = system.matrix.tocsr(), system.rhs(labels.labels, np.zeros(labels.shape))
    matrix = scipy.sparse.csr_matrix(matrix)
    x, seconds = timed(lambda: pypardiso.PyPardisoSolver(mtype=11).solve(matrix, rhs))
    return np.clip(system.expand(x, labels.labels), 0, 1), seconds


def timed(call: Callable[[], object]) -> tuple:
    start = time.perf_counter()
    result = call()
    return result, time.perf_counter() - start


def relative_error(problem: Problem, alpha: np.ndarray, peer: np.ndarray) -> str:
    if problem.truth is None:
        return ""
    ours, theirs = (np.square(a - problem.truth)[problem.unknown].mean() for a in (alpha, peer))
    return f"{ours / theirs - 1:+.1e}"


if __name__ == "__main__":
    main()
