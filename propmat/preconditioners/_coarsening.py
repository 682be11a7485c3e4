"""The set-up of a multigrid hierarchy: levels, one after another, and how much they amplify."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeVar

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


C = TypeVar("C", bound="Coarsening")


def coarsened(kind: type[C], matrix: GridOperator, settings: Multigrid) -> C:
    """The levels of a matrix, in the precision that suits it."""
    made = kind(matrix, settings, SINGLE)
    if made.suits:
        return made
    del made  # its memory
    return kind(matrix, settings, DOUBLE)


def most_of(level: int) -> int:
    """The largest number of functions of a block on a coarse level, counted from 0.

    It protects memory and is not meant to be reached: leaving out functions of low energy costs hundreds of iterations.
    """
    return 32 << level if level else MOST


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
    pixel_level: ClassVar[type[Pixels]] = Pixels
    block_level: ClassVar[type[Blocks]] = Blocks

    def __init__(self, matrix: GridOperator, settings: Multigrid, precision: Precision) -> None:
        self.matrix, self.settings, self.precision = matrix, settings, precision
        self.backend = matrix.backend
        self.pixels = self.pixel_level(matrix, precision)
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
        self.pixels.scale = self.pixels.exact.astype(precision.vectors)
        del self.between
        self._forget()

    def _forget(self) -> None:
        """Free what only the set-up needed."""
        del self.stencil, self.cells, self.owner, self.row, self.squares, self.pixels.exact

    def _pixels_of_blocks(self) -> Array:
        return self.matrix.support.unknown

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
        pixels = self._pixels_of_blocks()
        grid, where, first, members, self.cells = kernels.blocks_of_pixels(pixels, support.number, EDGE)
        level = self.block_level(grid, where, first, members, self.precision)
        matrix.across(EDGE, self.between)
        level.take(*self._functions_of_pixels(level, self.between))
        self._locate(level)
        stencil = np.zeros(level.entries, like=matrix.values)
        self._galerkin_pixels(matrix.values, level, level.basis, stencil)
        self._add(level, stencil)

    def _functions_of_pixels(self, level: Blocks, between: Array, blocks: Array | None = None) -> tuple[Array, Array]:
        """Local functions of blocks of pixels, and their numbers."""
        functions = np.zeros((level.members.size, MOST), np.float32, like=between)
        counts = np.zeros(len(level.where), np.int64, like=between)
        level.run(
            self.backend.kernels("multigrid_setup").pixel_functions,
            blocks,
            self.matrix.values,
            between,
            self.pixels.exact,
            level.first,
            level.members,
            self.cells,
            EDGE,
            MOST,
            self.settings.pixel_threshold,
            functions,
            counts,
        )
        return functions, counts

    def _locate(self, level: Blocks) -> None:
        """Block and row of the basis of every pixel of the support."""
        kernels, size = self.backend.kernels("blocks"), self.matrix.support.size
        self.owner, self.row = kernels.locate(size, level.first, level.members, level.begins, level.sizes)

    def _galerkin_pixels(
        self, values: Array, level: Blocks, basis: Array, out: Array, block: int = 0, blocks: Array | None = None
    ) -> None:
        level.run(
            self.backend.kernels("multigrid_setup").galerkin_pixels,
            blocks,
            values,
            self.pixels.exact,
            block,
            EDGE,
            basis,
            self.row,
            self.owner,
            level.where,
            level.first,
            level.members,
            self.cells,
            self.matrix.support.number,
            level.sizes,
            level.offsets,
            out,
        )

    def _local(self, edge: int, blocks: int) -> Array:
        """Galerkin matrices, on the last level, of the elements inside so many blocks of edge x edge pixels.

        Only entries inside such a block are valid; those between blocks are meaningless.
        """
        if blocks == 1:
            return self.stencil
        self.matrix.across(edge, self.between)
        across = np.zeros(self.levels[0].entries, like=self.stencil)
        self._galerkin_pixels(self.between, self.levels[0], self.levels[0].basis, across, edge)
        most = edge // EDGE
        for fine, coarse in zip(self.levels[:-1], self.levels[1:], strict=True):
            most //= FACTOR
            below, across = across, self._zeros(coarse.entries, reuse=fine is self.levels[0])
            coarse.galerkin(fine, below, coarse.basis, across, most)
        return np.subtract(self.stencil, across, out=across)

    def _zeros(self, length: int, reuse: bool) -> Array:
        """Zeros for a matrix, which may take the memory of `between` until the next level."""
        if not reuse or length > self.between.size:
            return np.zeros(length, like=self.stencil)
        zeros = self.between.reshape(-1)[:length]
        zeros[:] = 0
        return zeros

    def _next_level(self, edge: int) -> None:
        fine = self.levels[-1]
        level = group(fine)
        local = self._local(edge, len(level.where))
        level.take(*level.functions(fine, local, most_of(len(self.levels)), self.settings.threshold))
        level.place_children()
        stencil = np.zeros(level.entries, like=self.stencil)
        level.galerkin(fine, self.stencil, level.basis, stencil)
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
