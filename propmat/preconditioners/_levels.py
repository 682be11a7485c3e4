"""The levels of a multigrid hierarchy: pixels, blocks of pixels, blocks of blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from propmat._backend import backend_of
from propmat.preconditioners._level import Array, Level, Number, Precision

if TYPE_CHECKING:
    from propmat._operators._grid import GridOperator

FACTOR = 3  # blocks along each side of a block of the next level


class Pixels(Level):
    """The finest level, S A S with `scale` S = D^(-1/2), in double precision while coarser levels are made."""

    def __init__(self, matrix: GridOperator, precision: Precision) -> None:
        self.support = support = matrix.support
        self.backend, self.precision = matrix.backend, precision
        self.size = support.size
        self.live = np.zeros(self.size, np.bool_, like=matrix.values)
        self.live[support.position] = True
        self.scale = np.zeros(self.size, like=matrix.values)
        self.scale[support.position] = 1 / np.sqrt(matrix.diagonal())
        self.values = np.zeros(matrix.values.shape, precision.matrices, like=matrix.values)
        kernels, given = self.backend.kernels("multigrid_setup"), (matrix.values, support.runs)
        self.backend.share(kernels.scale_pixels, len(support.runs), *given, self.scale, precision.units, self.values)

    def relax(self, b: Array, x: Array, step: Array, old: Number, new: Number, out: Array) -> None:
        kernels = self.backend.kernels("multigrid")
        kernels.relax_pixels(
            self.values, self.precision.unit, self.support.runs, self.support.chunks, b, x, step, old, new, out
        )


class Blocks(Level):
    """One coarse level: blocks of variable size, their basis, their matrix."""

    # On coarser levels than the first: the parent of every finer block, and the children of every block.
    parent: Array
    children: Array
    first_child: Array
    within: Array  # offset of the unknowns of a finer block within those of its parent
    child_begins: Array
    most: int  # largest number of unknowns of the children of one block

    def __init__(self, grid: Array, where: Array, first: Array, members: Array, precision: Precision) -> None:
        self.grid, self.where, self.first, self.members = grid, where, first, members
        self.precision = precision
        self.backend = backend_of(grid)
        self.neighbours = self.backend.kernels("multigrid_setup").find_neighbours(grid, where)

    def take(self, functions: Array, counts: Array) -> None:
        """Keep `counts` functions of each block, padded with zeros."""
        self.counts = counts
        layout = self.backend.kernels("blocks").lay_out(counts, self.first, self.neighbours)
        self.sizes, self.starts, self.begins, self.corners, self.offsets, self.chunks, totals = layout
        self.size, length, self.squares, self.entries, self.widest = totals
        self.basis = np.zeros(length, np.float32, like=counts)
        kernels = self.backend.kernels("multigrid_setup")
        self.backend.share(
            kernels.pack, len(counts), functions, self.first, counts, self.sizes, self.begins, self.basis
        )

    def finish(self, stencil: Array) -> None:
        """Normalise the basis so that diagonal matrices are the identity, and store the transformed matrix."""
        kernels, share = self.backend.kernels("multigrid_setup"), self.backend.share
        self.live = np.zeros(self.size, np.bool_, like=stencil)
        self.values = np.zeros(self.entries, self.precision.matrices, like=stencil)
        inverses = np.empty(self.squares, like=stencil)
        blocks, common = len(self.sizes), (stencil, self.offsets, self.sizes)
        share(kernels.factor_blocks, blocks, *common, self.starts, self.corners, inverses, self.live)
        share(
            kernels.change_basis,
            blocks,
            *common,
            self.corners,
            inverses,
            self.neighbours,
            self.first,
            self.begins,
            self.basis,
            self.precision.units,
            self.values,
        )

    def relax(self, b: Array, x: Array, step: Array, old: Number, new: Number, out: Array) -> None:
        kernels = self.backend.kernels("multigrid")
        kernels.relax_blocks(
            self.values,
            self.precision.unit,
            self.chunks,
            self.offsets,
            self.neighbours,
            self.starts,
            self.sizes,
            b,
            x,
            step,
            old,
            new,
            out,
        )

    @property
    def _where(self) -> tuple[Array, ...]:
        return self.chunks, self.basis, self.begins, self.first, self.members, self.starts, self.sizes

    def restrict(self, residual: Array, out: Array) -> None:
        self.backend.kernels("multigrid").restrict(*self._where, residual, out)

    def prolong(self, coarse: Array, out: Array) -> None:
        self.backend.kernels("multigrid").prolong(*self._where, coarse, out)

    def squared_lengths(self, finer: Array) -> Array:
        """The squared lengths of functions, from those of the finer level, taken as orthogonal."""
        out = np.zeros(self.size, like=finer)
        self.backend.kernels("multigrid").restrict_squares(*self._where, finer, out)
        return out


def group(fine: Blocks) -> Blocks:
    """Blocks of FACTOR x FACTOR blocks; members are all unknowns of the children."""
    made = fine.backend.kernels("blocks").group(fine.grid, fine.where, fine.sizes, fine.starts, FACTOR)
    grid, where, first, members = made[:4]
    level = Blocks(grid, where, first, members, fine.precision)
    level.parent, level.children, level.first_child, level.within, level.most = made[4:]
    return level
