"""Preconditioned conjugate gradients."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from propmat import _inputs, preconditioners
from propmat.preconditioners import NearNullSpace
from propmat.solvers._base import Callback, Solution, Status, relative_residual

Array = NDArray[np.float64]

# A restart from the true residual must gain at least this factor, or rounding has the last word.
WORTHWHILE = 0.5


@dataclass(frozen=True)
class CG:
    """Preconditioned conjugate gradients (Hestenes and Stiefel 1952; Saad 2003, algorithm 9.1).

    Stops when ‖b - A x‖₂ <= max(rtol ‖b‖₂, atol), checked on the residual computed from x, not on the recurrence.

    Parameters
    ----------
    rtol, atol : float
        Tolerances, SciPy's meaning. At 1e-7 the largest error of alpha is well under half an 8-bit step.
    max_iterations : int
        Past it the best iterate is returned with a `ConvergenceWarning`.
    preconditioner : object with ``prepare(matrix, near_null_space)``, optional
        From `propmat.preconditioners`; the default is chosen for the matrix.
    strict : bool
        Raise `ConvergenceError` instead of warning.

    Raises
    ------
    InputError
        If a tolerance is negative or not a number, or the limit is not a whole number >= 1.

    Examples
    --------
    >>> import numpy as np, scipy.sparse as sp
    >>> from propmat.preconditioners import Jacobi
    >>> solve = CG(preconditioner=Jacobi()).prepare(sp.csr_array([[2.0, -1.0], [-1.0, 2.0]]))
    >>> solve(np.array([1.0, 1.0])).x
    array([1., 1.])
    """

    rtol: float = 1e-7
    atol: float = 0.0
    max_iterations: int = 1000
    preconditioner: Any = None
    strict: bool = False

    def __post_init__(self) -> None:
        _inputs.tolerance(self.rtol, "rtol")
        _inputs.tolerance(self.atol, "atol")
        _inputs.whole_number(self.max_iterations, "max_iterations")

    def prepare(self, matrix: Any, near_null_space: NearNullSpace | None = None) -> PreparedCG:
        """Set the preconditioner up; the result solves for one right-hand side after another."""
        start = time.perf_counter()
        preconditioner = self.preconditioner or preconditioners.choose(matrix)
        apply = preconditioner.prepare(matrix, near_null_space)
        return PreparedCG(self, matrix, apply, time.perf_counter() - start)


@dataclass(eq=False)
class PreparedCG:
    """Conjugate gradients on one matrix."""

    settings: CG
    matrix: Any
    preconditioner: Any
    setup_seconds: float

    def __call__(self, rhs: Array, x0: Array | None = None, callback: Callback | None = None) -> Solution:
        """Solve A x = rhs from x0 (0 if not given)."""
        start = time.perf_counter()
        x = np.zeros_like(rhs) if x0 is None else x0.astype(np.float64)
        scale = float(np.linalg.norm(rhs))
        iterations = 0
        if not np.isfinite(scale):
            status = Status.nonfinite
        elif scale == 0:
            x, status = np.zeros_like(rhs), Status.converged
        else:
            tolerance = max(self.settings.rtol * scale, self.settings.atol)
            x, status, iterations = self._restarted(rhs, x, tolerance, scale, callback)
        seconds = self.setup_seconds + time.perf_counter() - start
        self.setup_seconds = 0.0  # counted once
        return Solution(x, status, iterations, relative_residual(self.matrix, x, rhs), seconds)

    def nearby(self, matrix: Any) -> PreparedCG:
        """The same preconditioner on a matrix that differs a little from the one it was made for."""
        return replace(self, matrix=matrix)

    def _restarted(
        self, rhs: Array, x: Array, tolerance: float, scale: float, callback: Callback | None
    ) -> tuple[Array, Status, int]:
        """Run until the true residual agrees with the recurrence's that the tolerance is met."""
        done, previous = 0, np.inf
        while True:
            residual = rhs - self.matrix @ x
            norm = float(np.linalg.norm(residual))
            if norm <= tolerance:
                return x, Status.converged, done
            if norm > WORTHWHILE * previous:
                return x, Status.stagnated, done
            previous = norm
            x, status, done = self._iterate(x, residual, tolerance, scale, done, callback)
            if status is not Status.converged:
                return x, status, done

    def _iterate(
        self,
        x: Array,
        residual: Array,
        tolerance: float,
        scale: float,
        done: int,
        callback: Callback | None,
    ) -> tuple[Array, Status, int]:
        """Saad's algorithm 9.1 from `x`, until the recurrence's residual meets the tolerance."""
        best, best_norm = x.copy(), float(np.linalg.norm(residual))
        z = self.preconditioner(residual)
        direction = z.copy()
        rz = float(residual @ z)
        while done < self.settings.max_iterations:
            product = self.matrix @ direction
            curvature = float(direction @ product)
            if not np.isfinite(curvature):
                return best, Status.nonfinite, done
            if curvature <= 0 or rz <= 0:
                return best, Status.indefinite, done
            step = rz / curvature
            x = x + step * direction
            residual = residual - step * product
            done += 1
            norm = float(np.linalg.norm(residual))
            if norm < best_norm:
                best, best_norm = x, norm
            if callback is not None and callback(done, norm / scale) is True:
                return best, Status.stopped, done
            if norm <= tolerance:
                return x, Status.converged, done
            z = self.preconditioner(residual)
            rz, previous = float(residual @ z), rz
            direction = z + (rz / previous) * direction
        return best, Status.max_iterations, done
