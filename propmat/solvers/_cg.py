"""Preconditioned conjugate gradients."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from propmat import _inputs, preconditioners
from propmat._arithmetic import usual_arithmetic
from propmat._backend import backend_of
from propmat._locks import FORK_GATE, Lock
from propmat._operators import Array, NearNullSpace, Operator, length, wrapped
from propmat.errors import warn
from propmat.preconditioners import Apply, Preconditioner, SmoothedAggregation, SpreadApply
from propmat.solvers._base import Callback, Solution, Status, asks_to_stop, relative_residual

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
        If a tolerance is negative or not a number, the limit is not a whole number >= 1, or the preconditioner has no
        ``prepare``.

    Warns
    -----
    PropmatWarning
        On solving, if the preconditioner that was chosen proved indefinite to rounding and smoothed aggregation took
        its place; `Solution.notes` says so too. One that was given is never replaced.

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
    preconditioner: Preconditioner | None = None
    strict: bool = False

    def __post_init__(self) -> None:
        _inputs.tolerance(self.rtol, "rtol")
        _inputs.tolerance(self.atol, "atol")
        _inputs.whole_number(self.max_iterations, "max_iterations")
        if self.preconditioner is not None:
            _inputs.settings(self.preconditioner, "preconditioner", "one of propmat.preconditioners, Jacobi() say")

    @usual_arithmetic
    def prepare(self, matrix: Operator, near_null_space: NearNullSpace | None = None) -> PreparedCG:
        """Set the preconditioner up; the result solves for one right-hand side after another.

        Parameters
        ----------
        matrix : Operator or SciPy sparse array, shape (n, n)
            Symmetric positive definite.
        near_null_space : callable () -> (n, m) array, optional
            Columns that the matrix all but annihilates, for preconditioners that coarsen along them.
        """
        start = time.perf_counter()
        operator = wrapped(matrix)
        preconditioner = preconditioners.choose(operator) if self.preconditioner is None else self.preconditioner
        with FORK_GATE:
            apply = preconditioner.prepare(operator, near_null_space)
        return PreparedCG(self, operator, operator, near_null_space, apply, time.perf_counter() - start)


@dataclass(eq=False)
class PreparedCG:
    """Conjugate gradients on one matrix; several threads that share it take turns at its preconditioner."""

    settings: CG
    matrix: Operator
    preconditioned: Operator  # the matrix that the preconditioner was made for
    near_null_space: NearNullSpace | None
    preconditioner: Apply
    setup_seconds: float
    second_choice: Apply | None = None
    turns: Lock = field(default_factory=Lock, repr=False)

    @usual_arithmetic
    def __call__(self, rhs: Array, x0: Array | None = None, callback: Callback | None = None) -> Solution:
        """Solve A x = rhs from x0 (0 if not given)."""
        start = time.perf_counter()
        x = np.zeros_like(rhs) if x0 is None else x0.astype(np.float64)
        scale, iterations = length(rhs), 0
        notes: tuple[str, ...] = ()
        if not np.isfinite(scale):
            status = Status.nonfinite
        elif scale == 0:
            x, status = np.zeros_like(rhs), Status.converged
        else:
            run = _Run(self, self.preconditioner, rhs, x, scale, callback)
            status = run.restarted()
            if status is Status.indefinite_preconditioner and self.settings.preconditioner is None:
                apply, notes = self._smoothed_aggregation()
                run = _Run(self, apply, rhs, run.solution(), scale, callback)
                status = run.restarted()
            x, iterations = run.solution(), run.iterations
        seconds = self.setup_seconds + time.perf_counter() - start
        self.setup_seconds = 0.0  # counted once
        residual = relative_residual(self.matrix, x, rhs)
        return Solution(x, status, iterations, residual, seconds, notes=notes)

    def _smoothed_aggregation(self) -> tuple[Apply, tuple[str, ...]]:
        """The second choice, which costs more and which rounding cannot make indefinite, and what is to be said.

        Every solve begins with the first choice, so that none depends on those before.
        """
        if self.second_choice is None:
            self.second_choice = SmoothedAggregation().prepare(self.preconditioned, self.near_null_space)
        chosen = type(self.preconditioner).__name__
        note = f"the chosen preconditioner ({chosen}) is indefinite to rounding; SmoothedAggregation took its place"
        warn(note)
        return self.second_choice, (note,)

    def __reduce__(self) -> tuple[Any, ...]:
        # Preconditioners hold functions, which cannot be pickled; they are made again, the same from the same matrix.
        return _prepared_for, (self.settings, self.preconditioned, self.near_null_space, self.matrix)

    def nearby(self, matrix: Operator) -> PreparedCG:
        """The same preconditioner on a matrix that differs a little from the one it was made for."""
        return replace(self, matrix=wrapped(matrix))


def _prepared_for(
    settings: CG, preconditioned: Operator, near_null_space: NearNullSpace | None, matrix: Operator
) -> PreparedCG:
    prepared = settings.prepare(preconditioned, near_null_space)
    return prepared if matrix is preconditioned else prepared.nearby(matrix)


class _Run:
    """One solve. Its vectors lie as the matrix likes them: see `Operator`."""

    def __init__(
        self, prepared: PreparedCG, apply: Apply, rhs: Array, x: Array, scale: float, callback: Callback | None
    ) -> None:
        self.matrix = prepared.matrix
        self.apply = self._on_spread_vectors(apply)
        self.turns, self.limit = prepared.turns, prepared.settings.max_iterations
        self.tolerance = max(prepared.settings.rtol * scale, prepared.settings.atol)
        self.scale, self.callback = scale, callback
        self.rhs, self.x = self.matrix.spread(rhs), self.matrix.spread(x)
        self.best, self.best_norm = self.x, np.inf
        self.iterations = 0

    def _on_spread_vectors(self, preconditioner: Apply) -> Callable[[Array, float], Array]:
        if isinstance(preconditioner, SpreadApply):
            return preconditioner.on_support
        return lambda residual, norm: self.matrix.spread(preconditioner(self.matrix.gather(residual)))

    def solution(self) -> Array:
        """The best iterate."""
        return self.matrix.gather(self.best)

    def restarted(self) -> Status:
        """Run until the true residual agrees with the recurrence's that the tolerance is met."""
        previous = np.inf
        while True:
            product = np.zeros_like(self.x)
            self.matrix.multiply(self.x, product)
            residual = self.rhs - product
            norm = length(residual)
            self._keep(norm)
            if norm <= self.tolerance:
                return Status.converged
            if norm > WORTHWHILE * previous:
                return Status.stagnated
            previous = norm
            status = self._iterate(residual, norm, product)
            if status is not Status.converged:
                return status

    def _keep(self, norm: float) -> None:
        """Remember x if it is the best so far; conjugate gradients do not lower the residual at every step."""
        if norm <= self.best_norm:
            self.best, self.best_norm = self.x.copy(), norm

    def _iterate(self, residual: Array, norm: float, product: Array) -> Status:
        """Saad's algorithm 9.1, until the recurrence's residual meets the tolerance."""
        with backend_of(residual).kernels("_threads").threads_for(self.matrix.entries):
            return self._iterate_on(residual, norm, product)

    def _iterate_on(self, residual: Array, norm: float, product: Array) -> Status:
        kernels = backend_of(residual).kernels("conjugate_gradients")
        direction = np.zeros_like(residual)
        partial = np.empty(kernels.SUMS, like=residual)
        rz = 0.0
        while self.iterations < self.limit:
            with self.turns:  # what the preconditioner returns may be memory of its own
                rz = kernels.turn(residual, self.apply(residual, norm), direction, rz, partial)
            curvature = self.matrix.multiply(direction, product)
            squared = kernels.descend(self.x, residual, direction, product, rz, curvature, partial)
            self.iterations += 1
            if self.iterations % kernels.CHECK_EVERY and self.iterations < self.limit:
                continue
            squared, curvature, rz_seen = kernels.look(squared, curvature, rz)
            norm = math.sqrt(squared)
            if norm <= self.tolerance:
                return Status.converged
            if not np.isfinite(curvature):
                return Status.nonfinite
            if rz_seen <= 0:
                return Status.indefinite_preconditioner
            if curvature <= 0:
                return Status.indefinite
            self._keep(norm)
            if self.callback is not None and asks_to_stop(self.callback(self.iterations, norm / self.scale)):
                return Status.stopped
        return Status.max_iterations
