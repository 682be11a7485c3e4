"""What a solver takes and gives back."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from propmat._operators import Array, NearNullSpace, Operator, length
from propmat.errors import ConvergenceError, ConvergenceWarning, warn

Callback = Callable[[int, float], object]


class Status(enum.Enum):
    """How a solve ended; the value is the advice."""

    converged = "The residual met the tolerance."
    stopped = "The callback asked to stop."
    max_iterations = "The iteration limit came first. Raise max_iterations or use a stronger preconditioner."
    stagnated = "Rounding keeps the residual from falling further. Ask for a larger rtol."
    indefinite = "The matrix is not positive definite."
    indefinite_preconditioner = "The preconditioner is not positive definite. Use another, SmoothedAggregation() say."
    nonfinite = "The right-hand side or the matrix holds NaN or infinity."


@dataclass(frozen=True, eq=False)
class Solution:
    """What came of a solve.

    Attributes
    ----------
    x : (n,) array
        The best iterate.
    status : Status
    iterations : int
    residual : float
        ‖b - A x‖₂ / ‖b‖₂, computed from x at the end; 0 for b = 0.
    seconds : float
        Wall time of set-up and solve.
    notes : tuple of str
        What was done otherwise than asked, each in a sentence: another preconditioner taken, say.
    """

    x: Array
    status: Status
    iterations: int
    residual: float
    seconds: float
    notes: tuple[str, ...] = field(default=(), kw_only=True)

    @property
    def converged(self) -> bool:
        """Whether the residual met the tolerance."""
        return self.status is Status.converged

    def check(self, strict: bool = False) -> None:
        """Warn, or under `strict` raise, if the solve fell short without being asked to.

        Raises
        ------
        ConvergenceError
            Under `strict`; it carries this solution.
        """
        if self.status in (Status.converged, Status.stopped):
            return
        message = (
            f"stopped after {self.iterations} iterations at a relative residual of {self.residual:.3g}. "
            f"{self.status.value}"
        )
        if strict:
            raise ConvergenceError(message, self)
        warn(message, ConvergenceWarning)


class Solve(Protocol):
    """A solver that has seen its matrix."""

    def __call__(self, rhs: Array, x0: Array | None = None, callback: Callback | None = None) -> Solution: ...

    def nearby(self, matrix: Operator) -> Solve: ...


class Solver(Protocol):
    """Immutable settings; all work that needs only the matrix is done by `prepare`."""

    @property
    def strict(self) -> bool: ...

    def prepare(self, matrix: Operator, near_null_space: NearNullSpace | None = None) -> Solve: ...


def asks_to_stop(answer: object) -> bool:
    """Whether a callback returned True, Python's or one in an array without axes; no other answer stops a solve."""
    in_array = str(getattr(answer, "dtype", "")).endswith("bool") and getattr(answer, "ndim", None) == 0
    return (isinstance(answer, bool) or in_array) and bool(answer)


def relative_residual(matrix: Operator, x: Array, rhs: Array) -> float:
    """‖b - A x‖₂ / ‖b‖₂; for b = 0 it is ‖A x‖₂."""
    return length(rhs - matrix @ x) / (length(rhs) or 1.0)
