"""Chebyshev smoothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from propmat.preconditioners._levels import Level

Array = np.ndarray[Any, Any]

FRACTION = 8.0  # the smoother damps eigenvalues from the bound down to this share of it
BOUND = 1.1  # the estimate is from below


LANCZOS_STEPS = 16


class Smoother:
    """Chebyshev iteration on the upper eigenvalues of A, with the buffers of one level.

    The recurrence is algorithm 12.1 of Saad, "Iterative Methods for Sparse Linear Systems", 2003.
    """

    def __init__(self, level: Level, degree: int) -> None:
        self.level = level
        self.b, self.x, self.y, self.step = (np.zeros(level.size, np.float32) for _ in range(4))
        self.bound = BOUND * self._largest_eigenvalue()
        middle, half = self.bound * (1 + 1 / FRACTION) / 2, self.bound * (1 - 1 / FRACTION) / 2
        sigma, rho = middle / half, half / middle
        self.factors = [(np.float32(0), np.float32(1 / middle))]
        for _ in range(degree - 1):
            following = 1 / (2 * sigma - rho)
            self.factors.append((np.float32(following * rho), np.float32(2 * following / half)))
            rho = following

    def _largest_eigenvalue(self) -> float:
        """From the Lanczos matrix of a few conjugate gradient steps (Saad 2003, section 6.7.3).

        Power iteration will not do: on a large image it passes over an eigenvector that lives on a few pixels, and a
        smoother whose bound is too low makes the cycle indefinite.
        """
        direction, product, zero = self.step, self.y, np.zeros_like(self.b)
        residual = np.random.default_rng(0).standard_normal(self.level.size).astype(np.float32)
        residual[~self.level.live] = 0
        steps, ratios, before = [], [], 0.0
        for _ in range(LANCZOS_STEPS):
            squared = float((residual * residual).sum())
            ratios.append(squared / before if before else 0.0)
            direction *= np.float32(ratios[-1])
            direction += residual
            self.level.residual(zero, direction, product, self.b)
            curvature = -float((direction * product).sum())
            if not (squared > 0 and curvature > 0):
                break
            steps.append(squared / curvature)
            residual += np.float32(steps[-1]) * product
            before = squared
        for buffer in (self.b, self.x, self.y, self.step):
            buffer[:] = 0
        return _largest_ritz_value(np.array(steps), np.array(ratios[: len(steps)]))

    def smooth_from_zero(self) -> None:
        """x for b, from x = 0; that saves the first product."""
        np.multiply(self.b, self.factors[0][1], out=self.x)
        self.step[:] = self.x
        self._go_on(self.factors[1:])

    def smooth(self) -> None:
        """Improve x for b."""
        self._go_on(self.factors)

    def _go_on(self, factors: list[tuple[np.float32, np.float32]]) -> None:
        for old, new in factors:
            self.level.relax(self.b, self.x, self.step, old, new, self.y)
            self.x, self.y = self.y, self.x


def _largest_ritz_value(steps: Array, ratios: Array) -> float:
    """The largest eigenvalue of the tridiagonal matrix behind conjugate gradient steps; 1 if there were none."""
    if not steps.size:
        return 1.0
    diagonal = 1 / steps
    diagonal[1:] += ratios[1:] / steps[:-1]
    beside = np.sqrt(ratios[1:]) / steps[:-1]
    return float(np.linalg.eigvalsh(np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1))[-1])
