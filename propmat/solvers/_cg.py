"""Preconditioned conjugate gradients."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from propmat import _inputs
from propmat._arithmetic import usual_arithmetic
from propmat._locks import FORK_GATE, Lock
from propmat._operators._contract import NearNullSpace, Operator
from propmat._operators._norms import greatest
from propmat._operators._stored import wrapped
from propmat._typing import Array
from propmat.errors import InputError, shown, warn
from propmat.preconditioners._auto import choose
from propmat.preconditioners._base import Apply, Preconditioner
from propmat.preconditioners._smoothed_aggregation import SmoothedAggregation
from propmat.solvers._base import Callback, Solution, Status, relative_residual
from propmat.solvers._iteration import Iteration

# Norms of right-hand sides whose squares do not overflow in double precision, and of matrices whose roots do not in
# single precision; the same bounds avoid underflow.
ORDINARY = (1e-60, 1e60)


@dataclass(frozen=True)
class CG:
    """Preconditioned conjugate gradients (Hestenes and Stiefel 1952; Saad 2003, algorithm 9.1).

    Stops when ‖b - A x‖₂ <= max(rtol ‖b‖₂, atol), checked on the residual computed from x, not on the recurrence.

    Parameters
    ----------
    rtol, atol : float, >= 0, default 1e-7 and 0
        Relative and absolute tolerance, as in SciPy. At 1e-7 the largest error of alpha is well below half an 8-bit
        step.
    max_iterations : int, default 1000
        When it is reached the best iterate is returned, with a `ConvergenceWarning`.
    preconditioner : propmat.preconditioners.Preconditioner, optional
        Chosen for the matrix by default (`propmat.preconditioners.choose`).
    strict : bool, default False
        Raise `ConvergenceError` instead of warning.

    Raises
    ------
    InputError
        If a tolerance is negative or not a number, the limit is not a whole number >= 1, or the preconditioner has no
        ``prepare``.

    Warns
    -----
    PropmatWarning
        While solving, if the preconditioner that was chosen is indefinite because of rounding, and is replaced by
        smoothed aggregation; `Solution.notes` says so too. One that was given is never replaced.

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
        _inputs.flag(self.strict, "strict")
        if self.preconditioner is not None:
            _inputs.settings(self.preconditioner, "preconditioner", "one of propmat.preconditioners, Jacobi() say")

    @usual_arithmetic
    def prepare(self, matrix: Operator, near_null_space: NearNullSpace | None = None) -> PreparedCG | Rescaled:
        """Set the preconditioner up; the result solves for one right-hand side after another.

        Parameters
        ----------
        matrix : Operator or SciPy sparse array, shape (n, n)
            Symmetric positive definite.
        near_null_space : callable () -> (n, m) array, optional
            Columns that the matrix maps nearly to 0, for preconditioners that coarsen along them.

        Returns
        -------
        PreparedCG or Rescaled
            Both are a `Solve`.

        Raises
        ------
        InputError
            If `matrix` is neither an operator nor a sparse array, not square, or has entries that are NaN or infinite,
            or `near_null_space` is not callable.
        UnsupportedError
            If the preconditioner does not work for such a matrix.
        """
        operator = wrapped(matrix)
        if near_null_space is not None and not callable(near_null_space):
            raise InputError(f"near_null_space: takes a function that returns (n, m), got {shown(near_null_space)}")
        factor = _factor(operator)
        if factor != 1:
            within = replace(self, atol=self.atol * factor)
            return Rescaled(factor, within._prepared(operator.scaled(factor), near_null_space))
        return self._prepared(operator, near_null_space)

    def _prepared(self, operator: Operator, near_null_space: NearNullSpace | None) -> PreparedCG:
        start = time.perf_counter()
        preconditioner = choose(operator) if self.preconditioner is None else self.preconditioner
        with FORK_GATE:
            apply = preconditioner.prepare(operator, near_null_space)
        if not callable(apply):
            kind = type(preconditioner).__name__
            raise InputError(f"preconditioner: {kind}.prepare returns a function of a residual, got {shown(apply)}")
        return PreparedCG(self, operator, operator, near_null_space, apply, time.perf_counter() - start)


@dataclass(eq=False)
class PreparedCG:
    """Conjugate gradients prepared for one matrix, a `Solve`.

    Several threads may share it; the preconditioner, which has scratch memory, runs in one of them at a time.
    """

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
        """Solve A x = rhs from x0 (0 if not given), both (n,)."""
        start = time.perf_counter()
        rhs = _inputs.vector(rhs, "rhs", self.matrix.shape[0])
        x = np.zeros_like(rhs) if x0 is None else _inputs.vector(x0, "x0", rhs.size)
        _inputs.solving(None, callback)
        size, iterations = greatest(rhs), 0
        notes: tuple[str, ...] = ()
        if not math.isfinite(size):
            status = Status.nonfinite
        elif size == 0:
            x, status = np.zeros_like(rhs), Status.converged
        else:
            unit = _unit(size)
            run = Iteration(self, self.preconditioner, rhs / unit, x / unit, unit, callback)
            status = run.restarted()
            if status is Status.indefinite_preconditioner and self.settings.preconditioner is None:
                apply, notes = self._smoothed_aggregation()
                run = Iteration(self, apply, rhs / unit, run.solution(), unit, callback)
                status = run.restarted()
            x, iterations = unit * run.solution(), run.iterations
        seconds = self.setup_seconds + time.perf_counter() - start
        self.setup_seconds = 0.0  # counted once
        residual = relative_residual(self.matrix, x, rhs)
        return Solution(x, status, iterations, residual, seconds, notes=notes)

    def _smoothed_aggregation(self) -> tuple[Apply, tuple[str, ...]]:
        """The second choice, which costs more and which rounding cannot make indefinite, and the note about it.

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


@dataclass(eq=False)
class Rescaled:
    """`PreparedCG`, a `Solve`, for a matrix whose entries are out of the range of single precision.

    It solves with the matrix times a power of two.
    """

    factor: float
    scaled: PreparedCG

    def __call__(self, rhs: Array, x0: Array | None = None, callback: Callback | None = None) -> Solution:
        """As `PreparedCG`."""
        return self.scaled(self.factor * _inputs.vector(rhs, "rhs", self.scaled.matrix.shape[0]), x0, callback)

    def nearby(self, matrix: Operator) -> Rescaled:
        """As `PreparedCG`."""
        return Rescaled(self.factor, self.scaled.nearby(wrapped(matrix).scaled(self.factor)))


def _factor(matrix: Operator) -> float:
    """The power of two that scales a diagonal whose entries are all tiny or all huge to near 1; 1 for other matrices.

    Preconditioners work in single precision. A matrix without stored entries is left as it is: in it only confidences
    can be that large.
    """
    diagonal = matrix.diagonal() if matrix.stored else np.ones(1)
    if not diagonal.size:
        return 1.0
    (low, high), (least, most) = ORDINARY, _inputs.ends(diagonal)
    if 0 < most < low:
        return 1 / _unit(most)
    return 1 / _unit(least) if high < least < math.inf else 1.0


def _unit(size: float) -> float:
    """A power of two, 1 for all but extreme sizes."""
    low, high = ORDINARY
    return 1.0 if low <= size <= high else math.ldexp(1.0, min(max(math.frexp(size)[1], -1000), 1000))


def _prepared_for(
    settings: CG, preconditioned: Operator, near_null_space: NearNullSpace | None, matrix: Operator
) -> PreparedCG:
    prepared = settings._prepared(preconditioned, near_null_space)
    return prepared if matrix is preconditioned else prepared.nearby(matrix)
