"""Sparse factorisation, for small systems and as the reference."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from propmat import _inputs
from propmat._arithmetic import usual_arithmetic
from propmat._cached import cached_property
from propmat._locks import FORK_GATE
from propmat._operators._contract import NearNullSpace, Operator
from propmat._operators._stored import host_entries, wrapped
from propmat._typing import Array
from propmat.solvers._accuracy import rounding_errors
from propmat.solvers._base import Callback, Solution, Status, asks_to_stop, relative_residual

# A backward stable factorisation of a well-posed matting system leaves 1e-12 or less.
SINGULAR_ABOVE = 1e-6


@dataclass(frozen=True)
class Direct:
    """SuperLU in symmetric mode, with one step of iterative refinement.

    Time and memory grow much faster than the number of unknowns; above some ten thousand use `CG`.

    Parameters
    ----------
    strict : bool, default False
        Raise `ConvergenceError` instead of warning if the matrix is singular.

    Raises
    ------
    InputError
        If `strict` is not a bool.

    Examples
    --------
    >>> import numpy as np, scipy.sparse as sp
    >>> Direct().prepare(sp.csr_array([[2.0, -1.0], [-1.0, 2.0]]))(np.array([1.0, 1.0])).x
    array([1., 1.])
    """

    strict: bool = False

    def __post_init__(self) -> None:
        _inputs.flag(self.strict, "strict")

    @usual_arithmetic
    def prepare(self, matrix: Operator, near_null_space: NearNullSpace | None = None) -> PreparedDirect:
        """Factorise the matrix.

        Parameters
        ----------
        matrix : Operator or SciPy sparse array, shape (n, n)
        near_null_space : callable, optional
            Not used.

        Returns
        -------
        PreparedDirect
            A `Solve`.

        Raises
        ------
        InputError
            If `matrix` is neither an operator nor a sparse array, not square, or has entries that are NaN or infinite.
        UnsupportedError
            If the matrix has no stored entries, or lies on a GPU.
        """
        start = time.perf_counter()
        with FORK_GATE:
            factors = _factorised(host_entries(matrix, "Direct"))
        return PreparedDirect(wrapped(matrix), factors, time.perf_counter() - start)


def _factorised(matrix: sp.csr_array) -> Any:
    """The factorisation, or None where a pivot is exactly zero."""
    from scipy.sparse.linalg import splu

    columns = matrix.tocsc()
    try:
        return splu(columns, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    except RuntimeError:  # "Factor is exactly singular"
        return None


@dataclass(eq=False)
class PreparedDirect:
    """A factorised matrix, a `Solve`. A starting point does not change its result."""

    matrix: Operator
    factors: Any
    setup_seconds: float

    @usual_arithmetic
    def __call__(self, rhs: Array, x0: Array | None = None, callback: Callback | None = None) -> Solution:
        """Solve A x = rhs; a starting point has no effect."""
        start = time.perf_counter()
        rhs = _inputs.vector(rhs, "rhs", self.matrix.shape[0])
        _inputs.solving(None, callback)
        x = np.zeros_like(rhs)
        if self.factors is not None and np.isfinite(rhs).all():
            with FORK_GATE:
                x = self.factors.solve(rhs)
                x += self.factors.solve(rhs - self.matrix @ x)
        residual = relative_residual(self.matrix, x, rhs)
        seconds = self.setup_seconds + time.perf_counter() - start
        self.setup_seconds = 0.0  # counted once
        status = self._status(rhs, residual)
        if callback is not None and asks_to_stop(callback(1, residual)) and status is Status.converged:
            status = Status.stopped
        found = Solution(x, status, 1, residual, seconds)
        return found if self.factors is None else found.judged(0.0, self._rounding)

    @cached_property
    def _rounding(self) -> Array:
        with FORK_GATE:
            return rounding_errors(self.matrix, self.factors.solve)

    def __reduce__(self) -> tuple[Any, ...]:
        # A factorisation of SuperLU cannot be pickled; it is computed again from the matrix.
        return Direct().prepare, (self.matrix,)

    def nearby(self, matrix: Operator) -> PreparedDirect:
        """A factorisation of another matrix; nothing is reused."""
        return Direct().prepare(matrix)

    def _status(self, rhs: Array, residual: float) -> Status:
        if not np.isfinite(rhs).all():
            return Status.nonfinite
        return Status.converged if residual <= SINGULAR_ABOVE else Status.indefinite
