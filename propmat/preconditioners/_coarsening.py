"""The set-up of a multigrid hierarchy: levels, one after another, and how much they amplify."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from propmat.preconditioners._level import DOUBLE, SINGLE, Array, Precision
from propmat.preconditioners._levels import FACTOR, Blocks, Pixels, group

if TYPE_CHECKING:
    from propmat._operators._grid import GridOperator
    from propmat.preconditioners._multigrid import Multigrid

EDGE = 8  # width in pixels of a block of the first coarse level
MOST = 16  # largest number of functions of a block of pixels

# Single precision rounds a correction of length κ ‖b‖ by 6e-8 κ ‖b‖, of which conjugate gradients see the whole. κ is
# 5e2 to 4e6 on photographs (two of 36 above this), 3e7 and far more on flat colours; `docs/measurements/solvers.md`.
LIMIT = 1e7


def coarsened(matrix: GridOperator, settings: Multigrid) -> Coarsening:
    """The levels of a matrix, in the precision that suits it."""
    made = Coarsening(matrix, settings, SINGLE)
    if made.suits:
        return made
    del made  # its memory
    return Coarsening(matrix, settings, DOUBLE)


class Coarsening:
    """Levels of a matrix in one precision.

    Attributes
    ----------
    amplification : float
        κ, the largest squared length of a coarse function of energy 1, pixels being scaled to unit diagonal. The last
        level's count with the diagonal of its inverse.
    inverse : array
        Of the last level's matrix. There is none, and levels are missing, if the precision does not suit.
    """

    inverse: Array

    def __init__(self, matrix: GridOperator, settings: Multigrid, precision: Precision) -> None:
        self.matrix, self.settings, self.precision = matrix, settings, precision
        self.backend = matrix.backend
        self.pixels = Pixels(matrix, precision)
        self.levels: list[Blocks] = []
        self.between = np.zeros_like(matrix.values)  # of the elements that couple several blocks
        self.squares = self.pixels.live.astype(np.float64)  # squared lengths of the last level's functions
        self.amplification = 1.0
        self._first_level()
        edge = EDGE
        while self._can_coarsen():
            edge *= FACTOR
            self._next_level(edge)
        if self.suits:
            self._invert_last()
        self.pixels.scale = self.pixels.scale.astype(precision.vectors)
        del self.between, self.stencil, self.cells, self.owner, self.row, self.squares

    @property
    def suits(self) -> bool:
        """Whether the precision is enough for the levels."""
        return self.precision is DOUBLE or self.amplification <= LIMIT

    def _can_coarsen(self) -> bool:
        last = self.levels[-1]
        return self.suits and len(last.counts) > 1 and int(last.live.sum()) > self.settings.coarsest

    def _add(self, level: Blocks, stencil: Array) -> None:
        """Take a level up whose functions are normalised, and the matrix of its blocks."""
        level.finish(stencil)
        self.squares = level.squared_lengths(self.squares)
        self.amplification = max(self.amplification, float(self.squares.max()))
        self.levels.append(level)
        self.stencil = stencil

    def _first_level(self) -> None:
        kernels = self.backend.kernels("multigrid_setup")
        matrix, support = self.matrix, self.matrix.support
        grid, where, first, members, self.cells = kernels.blocks_of_pixels(support.unknown, support.number, EDGE)
        level = Blocks(grid, where, first, members, self.precision)
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
        self._add(level, stencil)

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
        self._add(level, stencil)

    def _invert_last(self) -> None:
        """Invert the last level's matrix; rows and columns of unused unknowns are 0."""
        last, kernels = self.levels[-1], self.backend.kernels("multigrid_setup")
        layout = last.offsets, last.neighbours, last.starts, last.sizes, last.size
        dense = self.backend.kernels("blocks").dense(self.stencil, *layout)
        live = np.flatnonzero(last.live)
        self.inverse = np.zeros(dense.shape, self.precision.vectors, like=dense)
        self.inverse[live[:, None], live] = kernels.symmetric_inverse(dense[live[:, None], live])
        self.amplification = max(self.amplification, float((self.squares * self.inverse.diagonal()).max()))
