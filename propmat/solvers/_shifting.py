"""From a solver that was prepared for a matrix to one for the matrix with a larger diagonal."""

from __future__ import annotations

import time
from dataclasses import replace

from propmat._locks import FORK_GATE
from propmat._operators._contract import NearNullSpace, Operator
from propmat.solvers._answers import prepared
from propmat.solvers._base import Solve, Solver
from propmat.solvers._prepared_cg import PreparedCG, unit_of


def shifted(ready: Solve, solver: Solver, matrix: Operator, near_null_space: NearNullSpace) -> Solve:
    """A solver for the matrix that was prepared with a larger diagonal, keeping what can be kept of the set-up.

    Most of it with multigrid in host memory that was prepared for a `prior` that is changing.
    """
    found = _with_multigrid(ready, matrix) if isinstance(ready, PreparedCG) else None
    return prepared(solver, matrix, near_null_space) if found is None else found


def _with_multigrid(ready: PreparedCG, matrix: Operator) -> PreparedCG | None:
    start = time.perf_counter()
    shift, grid = getattr(ready.preconditioner, "shifted", None), matrix.grid
    if shift is None or grid is None or unit_of(matrix) != 1:
        return None
    with FORK_GATE, ready.turns:
        apply = shift(grid)
    if apply is None:
        return None
    seconds = time.perf_counter() - start
    return replace(ready, matrix=matrix, preconditioned=matrix, preconditioner=apply, setup_seconds=seconds)
