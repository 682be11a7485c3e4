"""Multigrid for operators on the pixel grid, with coarse functions chosen block by block."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from propmat.preconditioners._chebyshev import Smoother
from propmat.preconditioners._level import Level
from propmat.preconditioners._levels import FACTOR, Blocks, Pixels, group

if TYPE_CHECKING:
    from propmat._operators._grid import GridOperator
    from propmat.preconditioners._multigrid import Multigrid

Array = np.ndarray[Any, Any]

EDGE = 8  # width in pixels of a block of the first coarse level
MOST = 16  # largest number of functions of a block of pixels


class Hierarchy:
    """The levels of one matrix, a `SpreadApply`: a call is one symmetric V-cycle. Its `repr` lists the levels."""

    def __init__(self, matrix: GridOperator, settings: Multigrid) -> None:
        self.matrix, self.settings = matrix, settings
        self.backend = matrix.backend
        self.pixels = Pixels(matrix)
        self.levels: list[Blocks] = []
        self.between = np.zeros_like(matrix.values)  # of the elements that couple several blocks
        self._first_level()
        edge = EDGE
        while self._can_coarsen():
            edge *= FACTOR
            self._next_level(edge)
        self.inverse = self._dense_inverse()
        del self.between, self.stencil, self.cells, self.owner, self.row
        levels: list[Level] = [self.pixels, *self.levels[:-1]]
        self.smoothers = [self._smoother(level) for level in levels]
        self.coarsest = np.zeros((2, self.levels[-1].size), np.float32, like=matrix.values)
        self.residuals = [np.zeros(level.size, np.float32, like=matrix.values) for level in levels]

    def _smoother(self, level: Level) -> Smoother:
        with self.backend.kernels("_threads").threads_for(level.values.size):
            return Smoother(level, self.settings.degree)

    def _can_coarsen(self) -> bool:
        last = self.levels[-1]
        return len(last.counts) > 1 and int(last.live.sum()) > self.settings.coarsest

    def _first_level(self) -> None:
        kernels = self.backend.kernels("multigrid_setup")
        matrix, support = self.matrix, self.matrix.support
        grid, where, first, members, self.cells = kernels.blocks_of_pixels(support.unknown, support.number, EDGE)
        level = Blocks(grid, where, first, members)
        matrix.across(EDGE, self.between)
        functions = np.zeros((members.size, MOST), np.float32, like=matrix.values)
        counts = np.empty(len(where), np.int64, like=matrix.values)
        self.backend.share(
            kernels.pixel_functions,
            len(where),
            matrix.values,
            self.between,
            self.pixels.scale,
            first,
            members,
            self.cells,
            EDGE,
            MOST,
            self.settings.pixel_threshold,
            functions,
            counts,
        )
        level.take(functions, counts)
        self._locate(level)
        stencil = self._galerkin_pixels(matrix.values, level)
        level.finish(stencil)
        self.levels, self.stencil = [level], stencil

    def _locate(self, level: Blocks) -> None:
        """Block and row of the basis of every pixel of the support."""
        kernels, size = self.backend.kernels("blocks"), self.matrix.support.size
        self.owner, self.row = kernels.locate(size, level.first, level.members, level.begins, level.sizes)

    def _galerkin_pixels(self, values: Array, level: Blocks, block: int = 0) -> Array:
        stencil = np.zeros(level.entries, like=values)
        self.backend.share(
            self.backend.kernels("multigrid_setup").galerkin_pixels,
            len(level.where),
            values,
            self.pixels.scale,
            block,
            EDGE,
            level.basis,
            self.row,
            self.owner,
            level.where,
            level.first,
            level.members,
            self.cells,
            self.matrix.support.number,
            level.sizes,
            level.offsets,
            stencil,
        )
        return stencil

    def _galerkin_blocks(self, stencil: Array, fine: Blocks, coarse: Blocks, most: int = 0) -> Array:
        out = np.zeros(coarse.entries, like=stencil)
        self.backend.share(
            self.backend.kernels("multigrid_setup").galerkin_blocks,
            len(coarse.where),
            stencil,
            fine.offsets,
            fine.sizes,
            fine.neighbours,
            coarse.parent,
            coarse.basis,
            coarse.child_begins,
            coarse.where,
            coarse.first_child,
            coarse.children,
            coarse.sizes,
            coarse.offsets,
            most,
            fine.widest * coarse.widest,
            out,
        )
        return out

    def _local(self, edge: int) -> Array:
        """Galerkin matrices, on the last level, of the elements inside blocks of edge x edge pixels.

        Only entries inside such a block are valid; those between blocks are meaningless.
        """
        self.matrix.across(edge, self.between)
        across = self._galerkin_pixels(self.between, self.levels[0], edge)
        most = edge // EDGE
        for fine, coarse in zip(self.levels[:-1], self.levels[1:], strict=True):
            most //= FACTOR
            across = self._galerkin_blocks(across, fine, coarse, most)
        return np.subtract(self.stencil, across, out=across)

    def _next_level(self, edge: int) -> None:
        fine = self.levels[-1]
        level = group(fine)
        # This limit protects memory and is not meant to be reached: leaving out functions of low energy costs hundreds
        # of iterations.
        most = min(32 << len(self.levels), level.most)
        functions = np.zeros((level.members.size, most), np.float32, like=self.stencil)
        counts = np.empty(len(level.where), np.int64, like=self.stencil)
        self.backend.share(
            self.backend.kernels("multigrid_setup").block_functions,
            len(level.where),
            self._local(edge),
            fine.offsets,
            fine.sizes,
            fine.starts,
            fine.neighbours,
            fine.live,
            level.parent,
            level.first_child,
            level.children,
            level.most,
            most,
            self.settings.threshold,
            functions,
            level.first,
            counts,
        )
        level.take(functions, counts)
        level.child_begins = level.begins[level.parent] + level.within * level.sizes[level.parent]
        stencil = self._galerkin_blocks(self.stencil, fine, level)
        level.finish(stencil)
        self.levels.append(level)
        self.stencil = stencil

    def _dense_inverse(self) -> Array:
        """The inverse of the last level's matrix; rows and columns of unused unknowns are 0."""
        last, kernels = self.levels[-1], self.backend.kernels("multigrid_setup")
        layout = last.offsets, last.neighbours, last.starts, last.sizes, last.size
        dense = self.backend.kernels("blocks").dense(self.stencil, *layout)
        live = np.flatnonzero(last.live)
        inverse = np.zeros(dense.shape, np.float32, like=dense)
        inverse[live[:, None], live] = kernels.symmetric_inverse(dense[live[:, None], live])
        return inverse

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
