"""The protocols of solvers, and what they return."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

from propmat._operators._contract import NearNullSpace, Operator
from propmat._operators._norms import greatest, length
from propmat._typing import Array, Mask
from propmat.errors import ConvergenceError, ConvergenceWarning, warn

Callback = Callable[[int, float], object]

UNDETERMINED = 1e-3  # error by rounding, relative to the largest |x|: of a matte a quarter of a step of 8 bits


class Status(enum.Enum):
    """How a solve ended; the value is the advice."""

    converged = "The tolerance was met."
    stopped = "The callback asked to stop."
    max_iterations = "The iteration limit came first. Raise max_iterations or use a stronger preconditioner."
    stagnated = "Rounding keeps the residual from falling further. Ask for a larger rtol."
    indefinite = "The matrix is not positive definite."
    indefinite_preconditioner = "The preconditioner is not positive definite. Use another, SmoothedAggregation() say."
    inaccurate = (
        "The residual met its tolerance, but x may be far from the solution: use Multigrid, or give a tolerance."
    )
    undetermined = "The matrix is singular to rounding, which leaves some values open: another solver may find others."
    nonfinite_preconditioner = "The preconditioner returned NaN or infinity. Use another, SmoothedAggregation() say."
    nonfinite = "The right-hand side or the matrix holds NaN or infinity."


@dataclass(frozen=True, eq=False)
class Solution:
    """The result of a solve.

    Attributes
    ----------
    x : (n,) array of float64
        The best iterate.
    status : Status
        How the solve ended.
    iterations : int
        How many were made; 1 for a direct solver.
    residual : float
        ‖b - A x‖₂ / ‖b‖₂, computed from x at the end; ‖A x‖₂ for b = 0.
    seconds : float
        Wall time of set-up and solve. The first solve after a set-up counts it, later ones do not.
    notes : tuple of str
        What was done otherwise than asked, each in a sentence: another preconditioner used, say.
    error : float
        An estimate of the largest error of x: what iterations would still change, and what rounding leaves open. For
        `Direct` it is the latter alone. Not a bound; infinite after too few iterations to tell, NaN if the solver
        tells nothing.
    undetermined : (n,) array of bool or None
        Which values rounding leaves open by more than 1e-3 of the largest, if `status` says so.
    """

    x: Array
    status: Status
    iterations: int
    residual: float
    seconds: float
    notes: tuple[str, ...] = field(default=(), kw_only=True)
    error: float = field(default=math.nan, kw_only=True)
    undetermined: Mask | None = field(default=None, kw_only=True)

    @property
    def converged(self) -> bool:
        """Whether the tolerance was met."""
        return self.status is Status.converged

    def check(self, strict: bool = False) -> None:
        """Warn, or under `strict` raise, if the solver did not converge and the callback did not stop it.

        Parameters
        ----------
        strict : bool, default False
            Whether to raise.

        Raises
        ------
        ConvergenceError
            Under `strict`; it carries this solution.

        Warns
        -----
        ConvergenceWarning
            Otherwise.
        """
        if self.status in (Status.converged, Status.stopped):
            return
        message = f"{self._how()} {self.status.value}"
        if strict:
            raise ConvergenceError(message, self)
        warn(message, ConvergenceWarning)

    def judged(self, error: float, rounding: Array, most: float = math.inf) -> Solution:
        """The same with its error; undetermined if rounding leaves values open, inaccurate if the error is too large.

        Parameters
        ----------
        error : float
            What iterations would still change.
        rounding : (n,) array
            How far rounding may move each value, relative to the largest |x|.
        most : float, optional
            The largest error, relative to the largest |x|, with which it may be called converged.

        Returns
        -------
        Solution
        """
        status, moved = self.status, rounding > UNDETERMINED
        if status in (Status.converged, Status.indefinite) and bool(moved.any()):
            status = Status.undetermined
        elif status is Status.converged and error > most * greatest(self.x):
            status = Status.inaccurate
        total = error + greatest(self.x) * float(rounding.max())
        open_values = moved if status is Status.undetermined else None
        return replace(self, status=status, error=total, undetermined=open_values)

    def _how(self) -> str:
        if self.undetermined is not None:
            count, first = int(self.undetermined.sum()), int(self.undetermined.argmax())
            return f"{count} of {self.x.size} values are known to {self.error:.1g} only, the first is number {first}."
        how = f"stopped after {self.iterations} iterations at a relative residual of {self.residual:.3g}"
        return f"{how} and an estimated error of {self.error:.1g}." if self.status is Status.inaccurate else f"{how}."


class Solve(Protocol):
    """A solver prepared for one matrix A, as `Solver.prepare` returns it."""

    def __call__(self, rhs: Array, x0: Array | None = None, callback: Callback | None = None) -> Solution:
        """Solve A x = rhs.

        Parameters
        ----------
        rhs : (n,) array of float64
            In the memory of the matrix, as `x0`.
        x0 : (n,) array of float64, optional
            Where to start; 0 by default.
        callback : callable (iteration, relative residual), optional
            Called after every iteration; returning True stops with the best iterate so far.

        Returns
        -------
        Solution
            It does not raise or warn if it did not converge: the caller calls `Solution.check`.
        """

    def nearby(self, matrix: Operator) -> Solve:
        """Prepare for a matrix that differs a little from A, keeping what can be kept of the set-up.

        Parameters
        ----------
        matrix : Operator, shape (n, n)
            With other numbers on its diagonal, say.

        Returns
        -------
        Solve
        """


class Solver(Protocol):
    """Settings of a solver; `prepare` does all the work that needs only the matrix.

    Settings are immutable: one object may be prepared for many matrices. `docs/extending.md` writes one.

    Attributes
    ----------
    strict : bool
        Whether `propmat.solve` raises `ConvergenceError` instead of warning if a solve did not converge.
    """

    @property
    def strict(self) -> bool: ...

    def prepare(self, matrix: Operator, near_null_space: NearNullSpace | None = None) -> Solve:
        """Set the solver up for a matrix: factorise it, or build a preconditioner.

        Parameters
        ----------
        matrix : Operator, shape (n, n)
            Symmetric positive definite. Those of propmat take a sparse array of SciPy as well.
        near_null_space : callable () -> (n, m) array, optional
            Columns that the matrix maps nearly to 0, for multigrid methods that coarsen along them.

        Returns
        -------
        Solve
            Solves for one right-hand side after another.
        """


@dataclass(frozen=True)
class Progress:
    """A callback that is shown iterates too, after 2, 4, 8, … iterations.

    Attributes
    ----------
    callback : callable (iteration, relative residual) or None
    show : callable (x)
        Takes the current iterate (n,); returning True stops.
    """

    callback: Callback | None
    show: Callable[[Array], object]

    def __call__(self, iteration: int, residual: float) -> object:
        return None if self.callback is None else self.callback(iteration, residual)

    def shown(self, iteration: int, current: Callable[[], Array]) -> object:
        """Show the iterate, if it is time."""
        return self.show(current()) if iteration > 1 and iteration & (iteration - 1) == 0 else None


def asks_to_stop(answer: object) -> bool:
    """Whether a callback returned True, Python's or one in an array without axes; no other answer stops a solve."""
    in_array = str(getattr(answer, "dtype", "")).endswith("bool") and getattr(answer, "ndim", None) == 0
    return (isinstance(answer, bool) or in_array) and bool(answer)


def relative_residual(matrix: Operator, x: Array, rhs: Array) -> float:
    """‖b - A x‖₂ / ‖b‖₂; for b = 0 it is ‖A x‖₂."""
    return length(rhs - matrix @ x) / (length(rhs) or 1.0)
