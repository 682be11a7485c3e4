"""Multigrid for operators on the pixel grid, with coarse functions chosen block by block."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from propmat.preconditioners._chebyshev import Smoother
from propmat.preconditioners._level import Array, Level

if TYPE_CHECKING:
    from propmat.preconditioners._coarsening import Coarsening


class Hierarchy:
    """The levels of one matrix, a `SpreadApply`: a call is one symmetric V-cycle. Its `repr` lists the levels.

    It reduces every error within few iterations, so that `CG` can tell the error from its steps (`steps_tell`).
    """

    steps_tell = True

    def __init__(self, made: Coarsening, smoothers: Sequence[Smoother] = ()) -> None:
        """`smoothers` are those of the first levels, if they need not be made anew."""
        matrix = made.matrix
        self.matrix, self.settings, self.backend = matrix, made.settings, made.backend
        self.precision, self.amplification = made.precision, made.amplification
        self.pixels, self.levels, self.inverse = made.pixels, made.levels, made.inverse
        levels: list[Level] = [self.pixels, *self.levels[:-1]]
        self.smoothers = [*smoothers, *map(self.smoother, levels[len(smoothers) :])]
        self.coarsest = np.zeros((2, self.levels[-1].size), self.precision.vectors, like=matrix.values)
        self.residuals = [np.zeros(level.size, self.precision.vectors, like=matrix.values) for level in levels]

    def smoother(self, level: Level, bound: float | None = None) -> Smoother:
        """The smoother of a level; the bound on its eigenvalues is estimated if not given."""
        with self.backend.kernels("_threads").threads_for(level.values.size):
            return Smoother(level, self.settings.degree, bound)

    def raise_bounds(self) -> bool:
        """Estimate eigenvalues again; whether a bound was too low, and has been raised."""
        before = [smoother.bound for smoother in self.smoothers]
        for smoother in self.smoothers:
            smoother.set_bound(max(smoother.bound, self.smoother(smoother.level).bound))
        return any(smoother.bound > bound for smoother, bound in zip(self.smoothers, before, strict=True))

    def _cycle(self, k: int) -> None:
        """One V-cycle from x = 0 on level k, for the x and b of its smoother."""
        threads_for = self.backend.kernels("_threads").threads_for
        smoother, coarse, residual = self.smoothers[k], self.levels[k], self.residuals[k]
        smoother.smooth_from_zero()
        smoother.level.residual(smoother.b, smoother.x, residual, smoother.y)
        if k + 1 < len(self.smoothers):
            below = self.smoothers[k + 1]
            coarse.restrict(residual, below.b)
            with threads_for(coarse.entries):
                self._cycle(k + 1)
            coarse.prolong(below.x, smoother.x)
        else:
            self._solve_coarsest(residual, smoother.x)
        smoother.smooth()

    def _solve_coarsest(self, residual: Array, x: Array) -> None:
        b, solution = self.coarsest
        self.levels[-1].restrict(residual, b)
        # Not by BLAS, whose threads would compete with those of the kernels.
        self.backend.kernels("multigrid").multiply_dense(self.inverse, b, solution)
        self.levels[-1].prolong(solution, x)

    def __call__(self, residual: Array) -> Array:
        """One V-cycle on a residual of the unknown pixels."""
        spread, norm = self.matrix.spread(residual), float(np.linalg.norm(residual))
        return self.matrix.gather(self.on_support(spread, norm)).astype(np.float64)

    def on_support(self, residual: Array, norm: float) -> Array:
        """One V-cycle on a residual on the support, of a given norm; the result is overwritten by the next."""
        # Scaled, because small residuals would underflow in single precision; by a power of two, which is exact.
        power, smoother = math.ldexp(1.0, math.frexp(norm)[1]), self.smoothers[0]
        scale = self.backend.kernels("multigrid").scale
        scale(residual, self.pixels.scale, 1 / power, smoother.b)
        self._cycle(0)
        scale(smoother.x, self.pixels.scale, power, smoother.x)
        return smoother.x

    def __repr__(self) -> str:
        fine = self.matrix.shape[0]
        entries = int(np.count_nonzero(self.pixels.values)) * 2 - fine
        total = entries + sum(level.values.size + level.size for level in self.levels)
        lines = [
            f"Multigrid hierarchy, operator complexity {total / entries:.2f}",
            f"{'level':>5} {'blocks':>9} {'unknowns':>9} {'per block':>9}",
            f"{0:>5} {fine:>9} {fine:>9} {1:>9.1f}",
        ]
        for k, level in enumerate(self.levels, 1):
            live = int(level.live.sum())
            lines.append(f"{k:>5} {len(level.counts):>9} {live:>9} {live / len(level.counts):>9.1f}")
        return "\n".join(lines)
