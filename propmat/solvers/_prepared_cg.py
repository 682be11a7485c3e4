"""Conjugate gradients prepared for one matrix."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from propmat import _inputs
from propmat._arithmetic import usual_arithmetic
from propmat._cached import cached_property
from propmat._locks import FORK_GATE, Lock
from propmat._operators._contract import NearNullSpace, Operator
from propmat._operators._norms import greatest
from propmat._operators._stored import wrapped
from propmat._operators._sum import as_sum
from propmat._typing import Array
from propmat.errors import warn
from propmat.preconditioners._base import Apply
from propmat.preconditioners._smoothed_aggregation import SmoothedAggregation
from propmat.solvers._accuracy import HARMLESS, rounding_errors
from propmat.solvers._base import Callback, Solution, Solve, Solver, Status, relative_residual
from propmat.solvers._iteration import Iteration

if TYPE_CHECKING:
    from propmat.solvers._cg import CG

# Norms of right-hand sides whose squares do not overflow in double precision, and of matrices whose roots do not in
# single precision; the same bounds avoid underflow.
ORDINARY = (1e-60, 1e60)

# Multigrid, if it was chosen, is given up after this many iterations where a factorisation fits; at 92,000 unknowns
# that takes as long as 150 of them. Above, memory and time grow much faster than n.
STALLED, FITS_DIRECT = 200, 100_000
VERIFIED = 10_000


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
    factorisation: Solver  # for small matrices with which the preconditioner fails
    setup_seconds: float
    turns: Lock = field(default_factory=Lock, repr=False)

    @usual_arithmetic
    def __call__(self, rhs: Array, x0: Array | None = None, callback: Callback | None = None) -> Solution:
        """Solve A x = rhs from x0 (0 if not given), both (n,)."""
        start = time.perf_counter()
        rhs = _inputs.vector(rhs, "rhs", self.matrix.shape[0])
        x = np.zeros_like(rhs) if x0 is None else _inputs.vector(x0, "x0", rhs.size)
        _inputs.solving(None, callback)
        size = greatest(rhs)
        if not math.isfinite(size):
            found = Solution(x, Status.nonfinite, 0, relative_residual(self.matrix, x, rhs), 0.0)
        elif size == 0:
            found = Solution(np.zeros_like(rhs), Status.converged, 0, 0.0, 0.0, error=0.0)
        else:
            found = self._solved(rhs, x, callback)
        seconds = self.setup_seconds + time.perf_counter() - start
        self.setup_seconds = 0.0  # counted once
        return replace(found, seconds=seconds)

    def _solved(self, rhs: Array, x: Array, callback: Callback | None) -> Solution:
        """By the preconditioner; by the second choice, from the best iterate, if it was chosen and fails.

        Every solve begins with the first choice, so that none depends on those before.
        """
        limit = self.settings.max_iterations
        first = min(limit, STALLED) if self._steps_tell and self._may_be_replaced and self._fits_direct else limit
        found = self._iterated(self.preconditioner, first, rhs, x, callback)
        if found.status is Status.indefinite_preconditioner and self._bounds_rise():
            found = self._iterated(self.preconditioner, first, rhs, found.x, callback)
        stalls = found.status is Status.max_iterations and first < limit
        if not self._may_be_replaced or not (stalls or found.status is Status.indefinite_preconditioner):
            return found
        name = "Direct" if self._fits_direct else "SmoothedAggregation"
        reason = f"stalls after {STALLED} iterations" if stalls else "is indefinite to rounding"
        note = f"the chosen preconditioner ({type(self.preconditioner).__name__}) {reason}; {name} took its place"
        warn(note)
        if self._fits_direct:
            return replace(self._direct(rhs, callback=callback), iterations=found.iterations, notes=(note,))
        return replace(self._iterated(self._aggregated, limit, rhs, found.x, callback), notes=(note,))

    def _iterated(self, apply: Apply, limit: int, rhs: Array, x: Array, callback: Callback | None) -> Solution:
        """By conjugate gradients from x, in units in which no square overflows."""
        unit = power_near(greatest(rhs))
        run = Iteration(self, apply, rhs / unit, x / unit, unit, limit, callback)
        status = run.restarted()
        x = unit * run.solution()
        found = Solution(x, status, run.iterations, relative_residual(self.matrix, x, rhs), 0.0)
        if status is Status.converged and self._is_verified:
            exact = self._direct(rhs)
            if exact.status in (Status.converged, Status.undetermined):
                return _beside(found, exact, run.expected)
        error = run.error() if status is Status.converged else run.steps.error()
        return found.judged(unit * error, self._rounding(apply) / run.steps.ritz_values()[0], run.expected)

    def _bounds_rise(self) -> bool:
        """Whether a preconditioner made for other constraints finds its bounds too low, and has raised them."""
        raised = getattr(self.preconditioner, "raise_bounds", None)
        if raised is None:
            return False
        with self.turns:
            return bool(raised())

    @property
    def _is_verified(self) -> bool:
        """Whether the error is measured beside a factorisation, where steps do not tell it.

        On the pixel grid, where matrices are often nearly singular and small factorisations take as long as solves.
        """
        small = self._fits_direct and self.matrix.shape[0] <= VERIFIED
        return small and not self._steps_tell and self.matrix.grid is not None

    @property
    def _steps_tell(self) -> bool:
        return getattr(self.preconditioner, "steps_tell", False)

    @property
    def _may_be_replaced(self) -> bool:
        return self.settings.preconditioner is None

    @property
    def _fits_direct(self) -> bool:
        """Couplings between distant pixels would fill the factors."""
        stored = self.matrix.stored and self.matrix.backend.factorises and as_sum(self.matrix) is None
        return stored and self.matrix.shape[0] <= FITS_DIRECT

    @cached_property
    def _direct(self) -> Solve:
        return self.factorisation.prepare(self.matrix)

    @cached_property
    def _aggregated(self) -> Apply:
        return SmoothedAggregation().prepare(self.preconditioned, self.near_null_space)

    def _rounding(self, apply: Apply) -> Array:
        """How far rounding may move values of x, as a preconditioner tells; 0 where it is known to be little."""
        if getattr(apply, "amplification", math.inf) <= HARMLESS:
            return np.zeros(1, like=self.matrix.diagonal())
        return self._probed if apply is self.preconditioner else rounding_errors(self.matrix, apply)

    @cached_property
    def _probed(self) -> Array:
        with self.turns:
            return rounding_errors(self.matrix, self.preconditioner)

    def to(self, tolerance: float) -> PreparedCG:
        """The same to another tolerance, if the error can be told from the steps."""
        if not self._steps_tell:
            return self
        return replace(self, settings=replace(self.settings, tolerance=tolerance))

    def relabelled(self, matrix: Operator, near_null_space: NearNullSpace | None = None) -> Solve:
        """Prepare for a matrix of the same elements with other constraints, keeping what they do not touch.

        With multigrid in host memory, from the second such matrix of one layout (`GridOperator.within`) on: the first
        one is set up as a whole so that parts can change. Others are prepared as a whole.
        """
        start = time.perf_counter()
        constrained, grid = getattr(self.preconditioner, "constrained", None), matrix.grid
        if constrained is None or grid is None or not grid.backend.factorises or unit_of(matrix) != 1:
            return self.settings._prepare_to_change(matrix, near_null_space)
        with FORK_GATE, self.turns:
            apply = constrained(grid)
        return replace(
            self,
            matrix=matrix,
            preconditioned=matrix,
            near_null_space=near_null_space,
            preconditioner=apply,
            setup_seconds=time.perf_counter() - start,
        )

    def __reduce__(self) -> tuple[Any, ...]:
        # Preconditioners hold functions, which cannot be pickled; they are made again, the same from the same matrix.
        return prepared_for, (self.settings, self.preconditioned, self.near_null_space, self.matrix)

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


def _beside(found: Solution, exact: Solution, most: float) -> Solution:
    """A solution with its error beside a direct one, and what rounding leaves open in that."""
    told = found.judged(greatest(found.x - exact.x) + exact.error, np.zeros(1), most)
    return told if exact.converged else replace(told, status=exact.status, undetermined=exact.undetermined)


def power_near(size: float) -> float:
    """A power of two, 1 for all but extreme sizes."""
    low, high = ORDINARY
    return 1.0 if low <= size <= high else math.ldexp(1.0, min(max(math.frexp(size)[1], -1000), 1000))


def unit_of(matrix: Operator) -> float:
    """The power of two that scales a diagonal whose entries are all tiny or all huge to near 1; 1 for other matrices.

    Preconditioners work in single precision. A matrix without stored entries is left as it is: in it only confidences
    can be that large.
    """
    diagonal = matrix.diagonal() if matrix.stored else np.ones(1)
    if not diagonal.size:
        return 1.0
    (low, high), (least, most) = ORDINARY, _inputs.ends(diagonal)
    if 0 < most < low:
        return 1 / power_near(most)
    return 1 / power_near(least) if high < least < math.inf else 1.0


def prepared_for(
    settings: CG, preconditioned: Operator, near_null_space: NearNullSpace | None, matrix: Operator
) -> PreparedCG:
    """As `CG.prepare` makes it, for a matrix near the one that was prepared; to read a pickle."""
    prepared = settings._prepared(preconditioned, near_null_space)
    return prepared if matrix is preconditioned else prepared.nearby(matrix)
