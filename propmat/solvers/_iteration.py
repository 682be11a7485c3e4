"""The iteration of preconditioned conjugate gradients."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from propmat._backend import backend_of
from propmat._inputs._arrays import is_real_like
from propmat._operators._norms import length
from propmat._typing import Array
from propmat.errors import InputError, shown
from propmat.preconditioners._base import Apply, SpreadApply
from propmat.solvers._base import Callback, Status, asks_to_stop

if TYPE_CHECKING:
    from propmat.solvers._cg import PreparedCG

# A restart from the true residual must gain at least this factor; if not, rounding limits the accuracy.
WORTHWHILE = 0.5


class Iteration:
    """One solve, scaled so that no square overflows or underflows; vectors are in the layout of `Operator.spread`."""

    def __init__(
        self, prepared: PreparedCG, apply: Apply, rhs: Array, x: Array, unit: float, callback: Callback | None
    ) -> None:
        self.matrix = prepared.matrix
        self.apply = self._on_spread_vectors(apply)
        self.turns, self.limit = prepared.turns, prepared.settings.max_iterations
        self.scale, self.callback = length(rhs), callback
        self.tolerance = max(prepared.settings.rtol * self.scale, prepared.settings.atol / unit)
        self.rhs, self.x = self.matrix.spread(rhs), self.matrix.spread(x)
        self.best, self.best_norm = self.x, np.inf
        self.iterations = 0

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

    def restarted(self) -> Status:
        """Iterate until the true residual, not only that of the recurrence, meets the tolerance."""
        previous = np.inf
        while True:
            product = np.zeros_like(self.x)
            self.matrix.multiply(self.x, product)
            residual = self.rhs - product
            norm = length(residual)
            self._keep(norm)
            if norm <= self.tolerance:
                return Status.converged
            if not math.isfinite(norm):
                return Status.nonfinite
            if norm > WORTHWHILE * previous:
                return Status.stagnated
            previous = norm
            status = self._iterate(residual, norm, product)
            if status is not Status.converged:
                return status

    def _keep(self, norm: float) -> None:
        """Keep x if its residual is the smallest so far; it does not fall at every step of conjugate gradients."""
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
            with np.errstate(over="ignore", invalid="ignore"):  # NaN and infinity end the iteration below
                curvature = self.matrix.multiply(direction, product)
            squared = kernels.descend(self.x, residual, direction, product, rz, curvature, partial)
            self.iterations += 1
            if self.iterations % kernels.CHECK_EVERY and self.iterations < self.limit:
                continue
            squared, curvature, rz_seen = kernels.look(squared, curvature, rz)
            norm = math.sqrt(squared)
            if norm <= self.tolerance:
                return Status.converged
            if not math.isfinite(rz_seen):
                return Status.nonfinite_preconditioner
            if not math.isfinite(curvature):
                return Status.nonfinite
            if rz_seen <= 0:
                return Status.indefinite_preconditioner
            if curvature <= 0:
                return Status.indefinite
            self._keep(norm)
            if self.callback is not None and asks_to_stop(self.callback(self.iterations, norm / self.scale)):
                return Status.stopped
        return Status.max_iterations
