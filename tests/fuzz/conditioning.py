"""By how much alpha may be off at the residual at which a solver stops, by the eigenvalues of the dense matrix."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from propmat.solvers import Solution, Status

Array = np.ndarray[Any, Any]

RESIDUAL = 1e-7  # ‖b - A x‖ / ‖b‖, at which CG stops by default
# Of the entries of a matrix: the inverses of windows of one colour are multiples of 1 / epsilon, at 1e-7 or more.
ROUNDING = 1e-9
MOST_UNKNOWN = 400  # of a dense matrix, whose eigenvectors take some hundredths of a second


class Dense:
    """A solver that works on the dense matrix, and the greatest error of x of its solves.

    ‖x - A⁻¹ b‖ ≤ ‖b - A x‖ / λ, λ the smallest eigenvalue; rounding of A moves x by at most ROUNDING ‖A‖ ‖x‖ / λ.
    """

    strict = True

    def __init__(self) -> None:
        self.error = 0.0

    def prepare(self, matrix: Any, near_null_space: Any = None) -> DenseSolve:
        return DenseSolve(self, _dense(matrix) if matrix.shape[0] <= MOST_UNKNOWN else None)


def _dense(matrix: Any) -> Array:
    if matrix.stored:
        return matrix.tocsr().toarray()
    return np.array([matrix @ unit for unit in np.eye(matrix.shape[0])])


class DenseSolve:
    """Solves with one matrix; of one that is too large nothing is known."""

    def __init__(self, solver: Dense, matrix: Array | None) -> None:
        self.solver, self.matrix = solver, matrix

    def __call__(self, rhs: Array, x0: Any = None, callback: Any = None) -> Solution:
        if self.matrix is None:
            self.solver.error = np.inf
            return Solution(np.zeros_like(rhs), Status.converged, 1, 0.0, 0.0)
        values, vectors = np.linalg.eigh(self.matrix)
        smallest = max(values[0], np.finfo(np.float64).tiny)
        x = vectors @ ((vectors.T @ rhs) / np.maximum(values, smallest))
        error = RESIDUAL * np.linalg.norm(rhs) + ROUNDING * values[-1] * np.linalg.norm(x)
        self.solver.error = max(self.solver.error, float(error / smallest))
        return Solution(x, Status.converged, 1, 0.0, 0.0)

    def nearby(self, matrix: Any) -> DenseSolve:
        return self.solver.prepare(matrix)


def error_bound(call: Callable[..., Any], arguments: dict[str, Any]) -> float:
    """A bound of the error of alpha where a solver says that it converged."""
    solver = Dense()
    with np.errstate(all="ignore"):
        call(**arguments | {"solver": solver})
    return solver.error
