"""Times of solvers with several preconditioners, by size, for the closed form of a rendered scene.

    python -m benchmarks.solvers [--sides 24 48 96 ...] [--repeat 3] [--peers] [--solvers NAME ...]

Each cell has the seconds of set-up + the seconds of the solve, medians over the repeats, and in brackets iterations, to
a relative residual of 1e-7, and the largest error, beside a known solution from 0 to 1; "-" if 1000 iterations were not
enough. Assembly, the same for all, is not included. A first problem compiles what is needed and is not timed. `--peers`
adds solvers of other packages that are installed (`measuring.peers`), which do not tell their iterations.
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np

import propmat
from benchmarks.measuring import peers
from propmat import preconditioners, solvers
from propmat._constraints import System, eliminate

# Above this many unknowns these take minutes or run out of memory.
LIMITS = {"Direct": 100_000, "Jacobi": 200_000, "IncompleteCholesky": 400_000}
LIMITS |= {"rslab LDL'": 100_000, "cholespy": 100_000, "torch-sla IC(0)": 30_000, "pyGinkgo AMG": 100_000}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sides", type=int, nargs="+", default=[16, 24, 32, 48, 64, 96, 192, 384, 768])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--peers", action="store_true", help="also solvers of other packages that are installed")
    parser.add_argument("--solvers", nargs="+", metavar="NAME", help="these alone")
    arguments = parser.parse_args()
    candidates = settings() | (peers.installed() if arguments.peers else {})
    if unknown := set(arguments.solvers or ()) - set(candidates):
        parser.error(f"--solvers: there is no {', '.join(sorted(unknown))}; there are {', '.join(candidates)}")
    candidates = {name: candidates[name] for name in arguments.solvers or candidates}
    for solver in candidates.values():
        measured(solver, problem(64), 1)
    print("| unknown |", " | ".join(candidates), "|")
    print("| ---: |", " | ".join("---:" for _ in candidates), "|")
    for side in arguments.sides:
        system = problem(side)
        cells = [
            measured(solver, system, arguments.repeat) if system.matrix.shape[0] <= LIMITS.get(name, np.inf) else ""
            for name, solver in candidates.items()
        ]
        print("|", system.matrix.shape[0], "|", " | ".join(cells), "|", flush=True)


def settings() -> dict[str, solvers.Solver]:
    names = ("Multigrid", "SmoothedAggregation", "IncompleteCholesky", "Jacobi")
    return {"Direct": solvers.Direct()} | {
        name: solvers.CG(preconditioner=getattr(preconditioners, name)()) for name in names
    }


def problem(side: int) -> System:
    """The system of a scene `side` pixels high, with a band around every soft edge unknown."""
    sample = propmat.datasets.synthetic(0, (side, side * 4 // 3))
    trimap = propmat.Trimap.parse(sample.trimap)
    return eliminate(propmat.laplacian.closed_form(sample.image), trimap)


def measured(solver: solvers.Solver, system: System, repeat: int) -> str:
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            solve = solver.prepare(system.matrix, system.near_null_space)
            ready = time.perf_counter()
            solution = solve(rhs(system))
        times.append((ready - start, time.perf_counter() - ready))
        if not solution.converged:
            return "-"
    set_up, solving = np.median(times, axis=0)
    error = np.abs(solution.x - known(system)).max()
    about = f"{solution.iterations}, {error:.0e}" if solution.iterations else f"{error:.0e}"
    return f"{set_up:.3f} + {solving:.3f} ({about})"


def rhs(system: System) -> np.ndarray:
    """A smooth right-hand side that is the same for every solver."""
    return system.matrix @ known(system)


def known(system: System) -> np.ndarray:
    """The solution."""
    return np.linspace(0, 1, system.matrix.shape[0])


if __name__ == "__main__":
    main()
