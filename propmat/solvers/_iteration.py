"""The iteration of preconditioned conjugate gradients."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from propmat._backend import backend_of
from propmat._inputs._arrays import is_real_like
from propmat._operators._norms import greatest, length
from propmat._typing import Array
from propmat.errors import InputError, shown
from propmat.preconditioners._base import Apply, SpreadApply
from propmat.solvers._accuracy import ROUNDING, WINDOW, Steps, acceptable
from propmat.solvers._base import Callback, Progress, Status, asks_to_stop

if TYPE_CHECKING:
    from propmat.solvers._prepared_cg import PreparedCG

# A restart from the true residual must gain at least this factor; if not, rounding limits the accuracy.
WORTHWHILE = 0.5
# A residual of this part of the right-hand side counts as 0: in single precision its correction would underflow.
NOTHING = 1e-30
# How far the true residual may lie above that of the recurrence, relative to the rounding of one product.
DRIFT = 16.0


class Iteration:
    """One solve, scaled so that no square overflows or underflows; vectors are in the layout of `Operator.spread`."""

    def __init__(
        self,
        prepared: PreparedCG,
        apply: Apply,
        rhs: Array,
        x: Array,
        unit: float,
        limit: int,
        callback: Callback | None,
    ) -> None:
        self.matrix = prepared.matrix
        self.apply = self._on_spread_vectors(apply)
        self.turns, self.limit, self.unit = prepared.turns, limit, unit
        self.scale, self.callback = length(rhs), callback
        self.most_error, rtol = prepared.settings.criterion(apply)
        # With fewer steps, those that are summed are not yet the last of many: the residual tells more, where it tells.
        tells = getattr(apply, "steps_tell", False) and math.isinf(self.most_error)
        self.few = 2 * WINDOW if tells else WINDOW
        self.most_residual = max(rtol * self.scale, prepared.settings.atol / unit)
        self.rhs, self.x = self.matrix.spread(rhs), self.matrix.spread(x)
        self.best, self.best_norm = self.x, np.inf
        self.iterations = 0
        self.steps, self.begin = Steps(), greatest(x)

    def _on_spread_vectors(self, preconditioner: Apply) -> Callable[[Array, float], Array]:
        if isinstance(preconditioner, SpreadApply):
            return preconditioner.on_support
        return lambda residual, norm: self.matrix.spread(self._applied(preconditioner, residual))

    def _applied(self, preconditioner: Apply, residual: Array) -> Array:
        """A preconditioner, perhaps not one of ours, on a copy of the residual."""
        given = self.matrix.gather(residual).copy()
        correction = preconditioner(given)
        if not is_real_like(correction, given):
            told = shown(correction)
            raise InputError(f"preconditioner: a prepared one returns real numbers of shape {given.shape}, got {told}")
        return correction

    def solution(self) -> Array:
        """The best iterate."""
        return self.matrix.gather(self.best)

    @property
    def expected(self) -> float:
        """The largest error of a converged x, relative to its largest value, where the residual decides.

        It counts on the pixel grid, where matrices are often nearly singular; that of others is only told.
        """
        counts = math.isinf(self.most_error) and self.matrix.grid is not None
        return acceptable(self.most_residual / self.scale) if counts else math.inf

    def error(self) -> float:
        """An estimate of the largest error of x: by the steps, or by the residual after too few; slow ones, by both."""
        by_steps, few = self.steps.error(), len(self.steps.sums) <= self.few
        if not few and self.steps.halving() == WINDOW:
            return by_steps
        residual = self.rhs - self._product(self.best)
        with self.turns:
            by_residual = greatest(self.apply(residual, length(residual))) / self.steps.ritz_values()[0]
        return by_residual if few else max(by_steps, by_residual)

    def _product(self, x: Array) -> Array:
        product = np.zeros_like(x)
        self.matrix.multiply(x, product)
        return product

    def restarted(self) -> Status:
        """Iterate until x is accurate enough, with its true residual and not only that of the recurrence."""
        previous, reached = np.inf, np.inf
        while True:
            product = self._product(self.x)
            residual = self.rhs - product
            norm = length(residual)
            self._keep(norm)
            if self._is_accurate(norm) and self._has_not_drifted(norm, reached):
                self.best = self.x
                return Status.converged
            if not math.isfinite(norm):
                return Status.nonfinite
            if norm > WORTHWHILE * previous:
                return Status.stagnated
            previous = norm
            status, reached = self._iterate(residual, norm, product)
            if status is not Status.converged:
                return status

    def _is_accurate(self, norm: float) -> bool:
        """Whether the residual and, where it counts, the estimated error are small enough."""
        if not norm <= self.most_residual:
            return False
        if norm <= NOTHING * self.scale or math.isinf(self.most_error):
            return True
        largest = self.begin + self.steps.sums[-1]  # no value of x is larger
        if self.steps.last(3) > self.most_error * largest:
            return False
        return self.steps.error() <= self.most_error * greatest(self.x)

    def _has_not_drifted(self, norm: float, reached: float) -> bool:
        """Whether the true residual is that of the recurrence, but for rounding, or alone decides."""
        if math.isinf(self.most_error) or norm <= 2 * reached:
            return True
        return norm <= DRIFT * ROUNDING * length(self.matrix.diagonal()) * greatest(self.x)

    def _keep(self, norm: float) -> None:
        """Keep x if its residual is the smallest so far; it does not fall at every step of conjugate gradients."""
        if norm <= self.best_norm:
            self.best, self.best_norm = self.x.copy(), norm

    def _iterate(self, residual: Array, norm: float, product: Array) -> tuple[Status, float]:
        """Saad's algorithm 9.1, until the recurrence's residual and the estimated error are small enough."""
        self.steps.restart()
        with backend_of(residual).kernels("_threads").threads_for(self.matrix.entries):
            return self._iterate_on(residual, norm, product)

    def _iterate_on(self, residual: Array, norm: float, product: Array) -> tuple[Status, float]:
        kernels = backend_of(residual).kernels("conjugate_gradients")
        direction = np.zeros_like(residual)
        partial = np.empty((2, kernels.SUMS), like=residual)
        records = np.empty((kernels.CHECK_EVERY, 4), like=residual)
        rz, pending = 0.0, 0
        while self.iterations < self.limit:
            with self.turns:  # what the preconditioner returns may be memory of its own
                rz = kernels.turn(residual, self.apply(residual, norm), direction, rz, partial[0])
            with np.errstate(over="ignore", invalid="ignore"):  # NaN and infinity end the iteration below
                curvature = self.matrix.multiply(direction, product)
            kernels.descend(self.x, residual, direction, product, rz, curvature, partial, records[pending])
            self.iterations += 1
            pending += 1
            if pending < kernels.CHECK_EVERY and self.iterations < self.limit:
                continue
            seen, pending = kernels.look(records)[:pending], 0
            norm = math.sqrt(seen[-1][0])
            status = self._judged(seen, norm)
            if status is not None:
                return status, norm
            self._keep(norm)
            if self._is_stopped(norm):
                return Status.stopped, norm
        return Status.max_iterations, norm

    def _is_stopped(self, norm: float) -> bool:
        """Whether the callback asks to stop."""
        if self.callback is None:
            return False
        if isinstance(self.callback, Progress) and asks_to_stop(
            self.callback.shown(self.iterations, lambda: self.unit * self.matrix.gather(self.x))
        ):
            return True
        return asks_to_stop(self.callback(self.iterations, norm / self.scale))

    def _judged(self, seen: list[list[float]], norm: float) -> Status | None:
        """How iterations end whose rᵀr, pᵀAp, rᵀz and steps are given, if they do."""
        broken = None
        for _, curvature, rz, size in seen:
            broken = broken or _breakdown(curvature, rz)
            if broken is None:
                self.steps.add(size, rz, curvature)
        return Status.converged if self._is_accurate(norm) else broken


def _breakdown(curvature: float, rz: float) -> Status | None:
    if not math.isfinite(rz):
        return Status.nonfinite_preconditioner
    if not math.isfinite(curvature):
        return Status.nonfinite
    if rz <= 0:
        return Status.indefinite_preconditioner
    return Status.indefinite if curvature <= 0 else None
