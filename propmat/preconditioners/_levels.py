"""The levels of a multigrid hierarchy: pixels, blocks of pixels, blocks of blocks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from propmat._backend import backend_of
from propmat.preconditioners._level import Array, Level, Number, Precision

if TYPE_CHECKING:
    from propmat._operators._grid import GridOperator

FACTOR = 3  # blocks along each side of a block of the next level


class Pixels(Level):
    """The finest level, S A S with `scale` S = D^(-1/2), which is `exact` while coarser levels are made."""

    scale: Array

    def __init__(self, matrix: GridOperator, precision: Precision) -> None:
        self.support = support = matrix.support
        self.backend, self.precision = matrix.backend, precision
        self.size = support.size
        self.live = np.zeros(self.size, np.bool_, like=matrix.values)
        self.live[support.position] = True
        self.exact = np.zeros(self.size, like=matrix.values)
        self.exact[support.position] = 1 / np.sqrt(matrix.diagonal())
        self.values = np.zeros(matrix.values.shape, precision.matrices, like=matrix.values)
        self._store(matrix.values, support.runs, self.exact)

    def _store(self, values: Array, runs: Array, scale: Array) -> None:
        """Store the entries of the pixels of some runs."""
        kernels = self.backend.kernels("multigrid_setup")
        self.backend.share(kernels.scale_pixels, len(runs), values, runs, scale, self.precision.units, self.values)

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

    def run(self, kernel: Callable[..., None], blocks: Array | None, *arguments: object) -> None:
        """Run a kernel for some blocks, whose numbers increase, or for all."""
        if blocks is None:
            self.backend.share(kernel, len(self.where), *arguments)
        else:
            self.backend.kernels("_threads").share_some(kernel, blocks, *arguments)

    def functions(
        self, fine: Blocks, local: Array, most: int, threshold: float, blocks: Array | None = None
    ) -> tuple[Array, Array]:
        """At most `most` local functions of each block of blocks, by its members, and their numbers.

        `local` are the matrices of the elements inside single blocks, in the layout of the finer level.
        """
        functions = np.zeros((self.members.size, min(most, self.most)), np.float32, like=local)
        counts = np.zeros(len(self.where), np.int64, like=local)
        self.run(
            self.backend.kernels("multigrid_setup").block_functions,
            blocks,
            local,
            fine.offsets,
            fine.sizes,
            fine.starts,
            fine.neighbours,
            fine.live,
            self.parent,
            self.first_child,
            self.children,
            self.most,
            functions.shape[1],
            threshold,
            functions,
            self.first,
            counts,
        )
        return functions, counts

    def galerkin(
        self,
        fine: Blocks,
        stencil: Array,
        basis: Array,
        out: Array,
        most: int = 0,
        blocks: Array | None = None,
        fresh: Array | None = None,
    ) -> None:
        """Galerkin product of a matrix of the finer level; if most > 0 only inside squares of most x most blocks.

        If `fresh` is given, only matrices between two blocks of which one is.
        """
        self.run(
            self.backend.kernels("multigrid_setup").galerkin_blocks,
            blocks,
            stencil,
            fine.offsets,
            fine.sizes,
            fine.neighbours,
            self.parent,
            basis,
            self.child_begins,
            self.where,
            self.first_child,
            self.children,
            self.sizes,
            self.offsets,
            most,
            fine.widest * self.widest,
            self._all if fresh is None else fresh,
            out,
        )

    def place_children(self) -> None:
        """The starts of the rows of finer blocks within the bases of their parents."""
        self.child_begins = self.begins[self.parent] + self.within * self.sizes[self.parent]

    def finish(self, stencil: Array) -> Array:
        """Normalise the basis so that diagonal matrices are the identity, and store the transformed matrix.

        Returns what bases are multiplied by, a triangular matrix for each block.
        """
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
            self._all,
            self.precision.units,
            self.values,
        )
        return inverses

    @property
    def _all(self) -> Array:
        return np.ones(len(self.where), np.bool_)  # on the host: kernels of devices ignore it

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


B = TypeVar("B", bound=Blocks)


def group(fine: B) -> B:
    """Blocks of FACTOR x FACTOR blocks; members are all unknowns of the children."""
    made = fine.backend.kernels("blocks").group(fine.grid, fine.where, fine.sizes, fine.starts, FACTOR)
    grid, where, first, members = made[:4]
    level = type(fine)(grid, where, first, members, fine.precision)
    level.parent, level.children, level.first_child, level.within, level.most = made[4:]
    return level
