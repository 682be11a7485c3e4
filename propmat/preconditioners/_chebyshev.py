"""Chebyshev smoothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from propmat._backend import backend_of
from propmat.preconditioners._level import Level, Number

Array = np.ndarray[Any, Any]

FRACTION = 8.0  # the smoother damps eigenvalues from the bound down to an eighth of it
BOUND = 1.1  # factor on the estimate, which is a lower bound
LANCZOS_STEPS = 16  # of a hundred levels one was estimated 8 % too low after 12 steps; after 16 at most 4 %


class Smoother:
    """Chebyshev iteration on the upper eigenvalues of A, with the buffers of one level.

    The recurrence is algorithm 12.1 of Saad, "Iterative Methods for Sparse Linear Systems", 2003.
    """

    def __init__(self, level: Level, degree: int, bound: float | None = None) -> None:
        self.level, self.degree = level, degree
        self.set_bound(BOUND * largest_eigenvalue(level) if bound is None else bound)
        number = level.precision.vectors
        self.b, self.x, self.y, self.step = (np.zeros(level.size, number, like=level.values) for _ in range(4))

    def set_bound(self, bound: float) -> None:
        """Set the bound on the eigenvalues."""
        self.bound, number = bound, self.level.precision.vectors
        middle, half = self.bound * (1 + 1 / FRACTION) / 2, self.bound * (1 - 1 / FRACTION) / 2
        sigma, rho = middle / half, half / middle
        self.factors = [(number(0), number(1 / middle))]
        for _ in range(self.degree - 1):
            following = 1 / (2 * sigma - rho)
            self.factors.append((number(following * rho), number(2 * following / half)))
            rho = following

    def smooth_from_zero(self) -> None:
        """Smooth from x = 0, which saves the first product."""
        backend_of(self.b).kernels("multigrid").begin(self.b, self.factors[0][1], self.x, self.step)
        self._go_on(self.factors[1:])

    def smooth(self) -> None:
        """Smooth from the current x."""
        self._go_on(self.factors)

    def clear(self, numbers: Array) -> None:
        """Set vectors to 0 on unknowns that are no longer used."""
        for vector in (self.b, self.x, self.y, self.step):
            vector[numbers] = 0

    def _go_on(self, factors: list[tuple[Number, Number]]) -> None:
        for old, new in factors:
            self.level.relax(self.b, self.x, self.step, old, new, self.y)
            self.x, self.y = self.y, self.x


def largest_eigenvalue(level: Level) -> float:
    """An estimate from the Lanczos matrix of a few conjugate gradient steps (Saad 2003, section 6.7.3).

    Power iteration is not reliable: on a large image it misses an eigenvector supported on a few pixels, and a smoother
    whose bound is too low makes the cycle indefinite.
    """
    kernels = backend_of(level.values).kernels("lanczos")
    residual = kernels.noise(level.live, level.precision.vectors)
    zero, scratch = np.zeros_like(residual), np.empty_like(residual)
    sums = kernels.coefficients(lambda x, out: level.residual(zero, x, out, scratch), residual, LANCZOS_STEPS)
    return _largest_ritz_value(sums)


def _largest_ritz_value(sums: Array) -> float:
    """The largest eigenvalue of the tridiagonal matrix of conjugate gradient steps, from their rᵀz and pᵀAp.

    Steps are used up to the first at which one of the two is not positive; if there are none, the result is 1.
    """
    broken = np.flatnonzero(~(sums > 0).all(axis=1))
    rz, curvature = sums[: broken[0] if broken.size else None].T
    if not rz.size:
        return 1.0
    steps, ratios = rz / curvature, rz[1:] / rz[:-1]
    diagonal = 1 / steps
    diagonal[1:] += ratios / steps[:-1]
    off_diagonal = np.sqrt(ratios) / steps[:-1]
    return float(np.linalg.eigvalsh(np.diag(diagonal) + np.diag(off_diagonal, 1) + np.diag(off_diagonal, -1))[-1])
