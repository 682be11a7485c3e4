"""A multigrid hierarchy for a matrix to whose diagonal something is added, from that of the matrix alone.

The coarse functions stay. With those of a block normalised, B, the matrix is the identity on them, and the addition
D = Bᵀ S K S B is a matrix within the block, on every level: I + D = L Lᵀ is factored, functions become B L⁻ᵀ, and those
of the next level, which are given in terms of these, are multiplied by Lᵀ. No functions are chosen and no eigenvalues
estimated: what bounds those of D^(-1/2) A D^(-1/2) bounds those of the sum, if it is at least 1.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from propmat._backend import HOST
from propmat.preconditioners._chebyshev import Smoother
from propmat.preconditioners._coarsening import Coarsening, coarsened
from propmat.preconditioners._hierarchy import Hierarchy
from propmat.preconditioners._level import Array
from propmat.preconditioners._levels import Blocks, Pixels

if TYPE_CHECKING:
    from propmat._operators._contract import NearNullSpace, Operator
    from propmat._operators._grid import GridOperator
    from propmat.preconditioners._base import Apply
    from propmat.preconditioners._multigrid import Multigrid


class KeptBlocks(Blocks):
    """A coarse level that keeps its matrix in double precision.

    Attributes
    ----------
    stencil : array
        The matrix of normalised functions.
    inverses : array
        What bases were multiplied by when they were normalised, L⁻ᵀ of each block.
    """

    stencil: Array
    inverses: Array

    def finish(self, stencil: Array) -> Array:
        self.stencil, self.inverses = stencil, super().finish(stencil)
        return self.inverses


class KeptCoarsening(Coarsening):
    """Levels that keep what those of a sum with a diagonal matrix are made from."""

    block_level = KeptBlocks

    def _forget(self) -> None:
        del self.stencil, self.squares

    @property
    def blocks(self) -> list[KeptBlocks]:
        return cast("list[KeptBlocks]", self.levels)

    def added_to_blocks(self, added: Array) -> Array:
        """Bᵀ S K S B on the first coarse level, for K on the support."""
        first, values = self.blocks[0], np.zeros(self.matrix.values.shape)
        values[0] = added
        out = np.zeros(first.entries)
        self._galerkin_pixels(values, first, first.basis, out)
        return out


class ShiftedCoarsening(Coarsening):
    """The levels of a matrix that differs from that of others by a larger diagonal."""

    def __init__(self, base: KeptCoarsening, matrix: GridOperator) -> None:
        self.matrix, self.settings, self.precision, self.backend = matrix, base.settings, base.precision, base.backend
        self.pixels, self.levels, self.amplification = Pixels(matrix, base.precision), [], 1.0
        self.squares = self.pixels.live.astype(np.float64)
        self._shift(base)
        if self.suits:
            self._invert_last()
        self.pixels.scale = self.pixels.exact.astype(self.precision.vectors)
        del self.stencil, self.squares, self.pixels.exact

    def _shift(self, base: KeptCoarsening) -> None:
        added = base.added_to_blocks(self.matrix.values[0] - base.matrix.values[0])
        for k, before in enumerate(base.blocks):
            level = copy(before)
            if k == 0:
                level.basis = before.basis * self._longer_rows(before, base)
            else:
                level.basis = before.basis.copy()
                self._renormalise_rows(level)
                below, added = added, np.zeros(before.entries)
                before.galerkin(base.blocks[k - 1], below, before.basis, added)
            self._add(level, before.stencil + added)

    def _longer_rows(self, first: KeptBlocks, base: KeptCoarsening) -> Array:
        """Factors of the entries of the basis: pixels are scaled to unit diagonal, which has become larger."""
        ratio = base.pixels.exact[first.members] / self.pixels.exact[first.members]
        return np.repeat(ratio.astype(np.float32), np.repeat(first.sizes, np.diff(first.first)))

    def _renormalise_rows(self, level: KeptBlocks) -> None:
        """Take functions that were given by those of the finer level as they were before they were normalised again."""
        fine = cast(KeptBlocks, self.levels[-1])
        given = fine.inverses, fine.corners, fine.sizes, level.first_child, level.children, level.child_begins
        level.run(HOST.kernels("multigrid_setup").solve_rows, None, *given, level.sizes, level.basis)


class KeptHierarchy(Hierarchy):
    """The V-cycle for a matrix, from which that for a matrix with a larger diagonal is made."""

    def __init__(self, made: KeptCoarsening) -> None:
        super().__init__(made)
        self.made = made

    def shifted(self, matrix: GridOperator) -> Hierarchy | None:
        """The V-cycle for the matrix with something >= 0 added to its diagonal; None if that must be set up anew."""
        mine = self.made.matrix
        same = np.array_equal(matrix.support.position, mine.support.position)
        if not same or (matrix.values[0] < mine.values[0]).any():
            return None
        shifted = ShiftedCoarsening(self.made, matrix)
        if not shifted.suits:
            return None
        pairs = zip([shifted.pixels, *shifted.levels[:-1]], self.smoothers, strict=True)
        return Hierarchy(shifted, [Smoother(level, before.degree, max(1.0, before.bound)) for level, before in pairs])


@dataclass(frozen=True)
class Shiftable:
    """Multigrid for a matrix to whose diagonal something will be added: a `Preconditioner` in host memory."""

    settings: Multigrid

    def prepare(self, matrix: Operator, near_null_space: NearNullSpace | None = None) -> Apply:
        grid = matrix.grid
        if grid is None or not grid.backend.factorises:
            return self.settings.prepare(matrix, near_null_space)
        return KeptHierarchy(coarsened(KeptCoarsening, grid, self.settings))
