"""Chebyshev smoothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from propmat.preconditioners._levels import Blocks, Pixels

Array = np.ndarray[Any, Any]

FRACTION = 8.0  # the smoother damps eigenvalues from the bound down to this share of it
BOUND = 1.2  # power iteration underestimates the largest eigenvalue by up to this


POWER_STEPS = 12


class Smoother:
    """Chebyshev iteration on the upper eigenvalues of D⁻¹ A, with the buffers of one level.

    The recurrence is algorithm 12.1 of Saad, "Iterative Methods for Sparse Linear Systems", 2003.
    """

    def __init__(self, level: Pixels | Blocks, degree: int) -> None:
        self.level = level
        self.b, self.x, self.y, self.step = (np.zeros(level.size, np.float32) for _ in range(4))
        bound = BOUND * self._largest_eigenvalue()
        middle, half = bound * (1 + 1 / FRACTION) / 2, bound * (1 - 1 / FRACTION) / 2
        sigma, rho = middle / half, half / middle
        self.factors = [(np.float32(0), np.float32(1 / middle))]
        for _ in range(degree - 1):
            following = 1 / (2 * sigma - rho)
            self.factors.append((np.float32(following * rho), np.float32(2 * following / half)))
            rho = following

    def _largest_eigenvalue(self) -> float:
        """Of D⁻¹ A, by power iteration from a fixed start."""
        x = np.random.default_rng(0).standard_normal(self.level.size).astype(np.float32)
        x[~self.level.live] = 0
        estimate = 1.0
        for _ in range(POWER_STEPS):
            x /= np.sqrt((x * x).sum()) or 1.0
            self.level.relax(self.b, x, self.step, np.float32(0), np.float32(-1), self.y)
            estimate = float(np.sqrt((self.step * self.step).sum()))
            x, self.step = self.step, x
        self.step[:] = 0
        return estimate or 1.0

    def smooth_from_zero(self) -> None:
        """x for b, from x = 0; that saves the first product."""
        self.level.scale(self.b, self.factors[0][1], self.x)
        self.step[:] = self.x
        self._go_on(self.factors[1:])

    def smooth(self) -> None:
        """Improve x for b."""
        self._go_on(self.factors)

    def _go_on(self, factors: list[tuple[np.float32, np.float32]]) -> None:
        for old, new in factors:
            self.level.relax(self.b, self.x, self.step, old, new, self.y)
            self.x, self.y = self.y, self.x
