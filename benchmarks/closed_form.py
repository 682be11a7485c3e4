"""Closed-form mattes compared with other solvers, for the same image, in one run.

    python -m benchmarks.closed_form [--lemur 1 2 4] [--scribbles] [--photographs] [--highres]
        [--solvers propmat "propmat, 5e-4" "propmat, 8 bits" PyMatting Pardiso "pyamg [1]" "pyamg [1, colours]"]
        [--data DIR] [--output FILE]

Every solver runs in a process of its own, one after another; a first call compiles and loads what is needed and is not
timed. A cell has seconds, then iterations, the peak of memory above the inputs in MB, and the largest error of alpha
beside a solution that is direct or iterated much further. Seconds are the median of up to three calls, of which none
starts after ten seconds. propmat and PyMatting compute alpha from image and trimap; Pardiso (MKL's direct solver) and
pyamg get the assembled matrix, and only their set-up and solve are timed. Others stop at a relative residual of 1e-7,
propmat when it estimates the error as below 1e-4, 5e-4, or for 8 bits 1e-3: the errors say which are as accurate as
which. "ratio" is PyMatting's time divided by propmat's, "as accurate" divided by the least time of those of propmat
whose error is not larger than PyMatting's, "mse" the relative difference of propmat's mean squared error from
PyMatting's, if the true matte is known.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy.sparse

import propmat
from benchmarks.data.problems import DATA, Problem, highres, lemur, photographs, scribbles
from benchmarks.measuring.memory import forget_peak, peak
from benchmarks.measuring.truth import exact
from propmat._constraints import eliminate

TOLERANCE = 1e-7
MOST = 300  # largest number of iterations of pyamg; if it is reached, the solve has not converged
CALLS, ENOUGH = 3, 10.0  # no further call after this many, or after this many seconds

Call = Callable[[], tuple[np.ndarray, int]]  # alpha (H, W), iterations
Solver = Callable[[np.ndarray, np.ndarray], Call]  # of image and trimap


class Measured(NamedTuple):
    """The result of a solver on a problem; `failure` is empty or describes the exception."""

    alpha: np.ndarray
    seconds: float
    iterations: int
    memory: float
    failure: str

    def error(self, truth: np.ndarray) -> float:
        return float(np.abs(self.alpha - truth).max())

    def cell(self, truth: np.ndarray) -> str:
        if self.failure:
            return self.failure
        return f"{self.seconds:.2f} ({self.iterations}, {self.memory:.0f}, {self.error(truth):.0e})"


def ours(image: np.ndarray, trimap: np.ndarray, tolerance: float | None = None) -> Call:
    solver = None if tolerance is None else propmat.solvers.CG(tolerance=tolerance)

    def call() -> tuple[np.ndarray, int]:
        matte = propmat.solve(propmat.laplacian.closed_form(image), trimap, solver=solver)
        return matte.alpha, matte.iterations

    return call


def pymatting(image: np.ndarray, trimap: np.ndarray) -> Call:
    from pymatting import estimate_alpha_cf

    iterations: list[object] = []

    def call() -> tuple[np.ndarray, int]:
        iterations.clear()
        options = {"callback": lambda *state: iterations.append(None)}
        return np.clip(estimate_alpha_cf(image, trimap, cg_kwargs=options), 0, 1), len(iterations)

    return call


def pardiso(image: np.ndarray, trimap: np.ndarray) -> Call:
    import pypardiso

    matrix, rhs, _, expand = system_of(image, trimap)
    matrix = scipy.sparse.csr_matrix(matrix)

    def call() -> tuple[np.ndarray, int]:
        solver = pypardiso.PyPardisoSolver(mtype=11)
        alpha = expand(solver.solve(matrix, rhs))
        solver.free_memory(everything=True)
        return alpha, 1

    return call


def pyamg_constant(image: np.ndarray, trimap: np.ndarray) -> Call:
    matrix, rhs, near_null_space, expand = system_of(image, trimap)
    return pyamg(matrix, rhs, np.ones((len(near_null_space), 1)), expand)


def pyamg_colours(image: np.ndarray, trimap: np.ndarray) -> Call:
    return pyamg(*system_of(image, trimap))


def pyamg(matrix: object, rhs: np.ndarray, near_null_space: np.ndarray, expand: Callable) -> Call:
    """Smoothed aggregation inside conjugate gradients, with pyamg's own settings."""
    from pyamg import smoothed_aggregation_solver

    def call() -> tuple[np.ndarray, int]:
        residuals: list[float] = []
        hierarchy = smoothed_aggregation_solver(matrix, B=near_null_space)
        return expand(hierarchy.solve(rhs, tol=TOLERANCE, accel="cg", maxiter=MOST, residuals=residuals)), len(
            residuals
        ) - 1

    return call


def system_of(image: np.ndarray, trimap: np.ndarray) -> tuple:
    """Matrix, right-hand side, [1, colours] on the unknown pixels, and a function from the solution to alpha."""
    labels = propmat.Trimap.parse(trimap)
    system = eliminate(propmat.laplacian.closed_form(image), labels)
    matrix, rhs = system.matrix.tocsr(), system.rhs(labels.labels, np.zeros(labels.shape))
    return matrix, rhs, system.near_null_space(), lambda x: np.clip(system.expand(x, labels.labels), 0, 1)


OURS: dict[str, Solver] = {
    "propmat": ours,
    "propmat, 5e-4": partial(ours, tolerance=5e-4),
    "propmat, 8 bits": partial(ours, tolerance=1e-3),
}
SOLVERS: dict[str, Solver] = {
    **OURS,
    "PyMatting": pymatting,
    "Pardiso": pardiso,
    "pyamg [1]": pyamg_constant,
    "pyamg [1, colours]": pyamg_colours,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--lemur", type=int, nargs="*", default=[])
    parser.add_argument("--scribbles", action="store_true")
    parser.add_argument("--photographs", action="store_true")
    parser.add_argument("--highres", action="store_true", help="a photograph of 9 megapixels")
    parser.add_argument("--solvers", nargs="+", choices=SOLVERS, default=list(SOLVERS))
    parser.add_argument("--output", type=Path, help="write the table to this file too")
    arguments = parser.parse_args()
    lines: list[str] = []
    for line in table(selected(arguments), arguments.solvers):
        print(line, flush=True)
        lines.append(line)
    if arguments.output:
        arguments.output.write_text("\n".join(lines) + "\n")


def selected(arguments: argparse.Namespace) -> Iterator[Problem]:
    for scale in arguments.lemur:
        yield lemur(arguments.data, scale)
    if arguments.scribbles:
        yield scribbles(arguments.data)
    if arguments.photographs:
        yield from photographs(arguments.data)
    if arguments.highres:
        yield highres(arguments.data)


def table(problems: Iterator[Problem], solvers: list[str]) -> Iterator[str]:
    """The lines of the table, each yielded as soon as it is complete."""
    spawn = multiprocessing.get_context("spawn")
    processes = {name: ProcessPoolExecutor(1, spawn, warm_up, (name,)) for name in solvers}
    heads = ["problem", "unknown", *solvers, "ratio", "as accurate", "mse"]
    yield "| " + " | ".join(heads) + " |"
    yield "| --- |" + " ---: |" * (len(heads) - 1)
    ratios = []
    for problem in problems:
        measured = {name: process.submit(measure, name, problem).result() for name, process in processes.items()}
        ratio = ratio_of(measured)
        ratios += [] if ratio is None else [ratio]
        truth = exact(propmat.laplacian.closed_form(problem.image), problem.trimap).alpha
        cells = [problem.name, str(np.count_nonzero(problem.unknown)), *(m.cell(truth) for m in measured.values())]
        cells += [shown(ratio), shown(ratio_as_accurate(measured, truth)), error(problem, measured)]
        yield "| " + " | ".join(cells) + " |"
    if ratios:
        yield f"\nratio of {len(ratios)}: least {min(ratios):.1f}, mean {np.mean(ratios):.1f}, most {max(ratios):.1f}"


def warm_up(name: str) -> None:
    """Compile and load what is needed, on a problem that uses the same code as large ones."""
    sample = propmat.datasets.synthetic(0, (240, 320))
    SOLVERS[name](sample.image, sample.trimap)()


def measure(name: str, problem: Problem) -> Measured:
    alpha, iterations, seconds, memory = np.empty(0), 0, [], 0.0
    try:
        call = SOLVERS[name](problem.image / 255, problem.trimap / 255)
        while len(seconds) < CALLS and sum(seconds) < ENOUGH:
            forget_peak()
            before, start = peak(), time.perf_counter()
            alpha, iterations = call()
            seconds.append(time.perf_counter() - start)
            memory = max(memory, peak() - before)
    except (ValueError, MemoryError, RuntimeError) as failure:
        return Measured(np.empty(0), np.nan, 0, 0.0, type(failure).__name__)
    return Measured(alpha, float(np.median(seconds)), iterations, memory, "")


def both(measured: dict[str, Measured], peer: str) -> bool:
    return all(name in measured and not measured[name].failure for name in ("propmat", peer))


def ratio_of(measured: dict[str, Measured]) -> float | None:
    if not both(measured, "PyMatting"):
        return None
    return measured["PyMatting"].seconds / measured["propmat"].seconds


def ratio_as_accurate(measured: dict[str, Measured], truth: np.ndarray) -> float | None:
    """By the fastest of ours whose error is not larger than PyMatting's."""
    if not both(measured, "PyMatting"):
        return None
    theirs = measured["PyMatting"]
    ours = [
        m for name, m in measured.items() if name in OURS and not m.failure and m.error(truth) <= theirs.error(truth)
    ]
    return theirs.seconds / min(m.seconds for m in ours) if ours else None


def shown(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.1f}"


def error(problem: Problem, measured: dict[str, Measured]) -> str:
    if problem.truth is None or not both(measured, "PyMatting"):
        return ""
    mattes = (measured[name].alpha for name in ("propmat", "PyMatting"))
    ours, theirs = (np.square(alpha - problem.truth)[problem.unknown].mean() for alpha in mattes)
    return f"{ours / theirs - 1:+.1e}"


if __name__ == "__main__":
    main()
