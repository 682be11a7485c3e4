"""The levels of a multigrid hierarchy: pixels, blocks of pixels, blocks of blocks."""

from __future__ import annotations

from typing import Any

import numpy as np

from propmat._backend import backend_of
from propmat.grid import GridOperator

Array = np.ndarray[Any, Any]

CHUNKS = 64  # parts of a loop over blocks, of about equal work
FACTOR = 3  # blocks across a block of the next level
UNITS = 32767.0  # of a matrix's entries in a cycle; none is above 1, for the diagonal is 1
LANES = 8  # sizes of blocks are padded to multiples of it, the floats that one instruction takes


class Level:
    """A symmetric matrix with 1 on its diagonal."""

    size: int
    values: Array  # in whole units: half the memory of single precision, and memory is what a cycle waits for
    live: Array  # whether an unknown is one; the others stay 0

    def relax(self, b: Array, x: Array, step: Array, old: np.float32, new: np.float32, out: Array) -> None:
        """step = old step + new (b - A x), out = x + step."""
        raise NotImplementedError

    def residual(self, b: Array, x: Array, out: Array, scratch: Array) -> None:
        """out = b - A x."""
        self.relax(b, x, out, np.float32(0), np.float32(1), scratch)


class Pixels(Level):
    """The finest level, S A S with `scale` S = D^(-1/2)."""

    def __init__(self, matrix: GridOperator) -> None:
        self.support = support = matrix.support
        self.backend = matrix.backend
        self.size = support.size
        self.live = np.zeros(self.size, np.bool_, like=matrix.values)
        self.live[support.position] = True
        self.scale = np.zeros(self.size, np.float32, like=matrix.values)
        self.scale[support.position] = 1 / np.sqrt(matrix.diagonal())
        self.values = np.zeros(matrix.values.shape, np.int16, like=matrix.values)
        kernels, given = self.backend.kernels("multigrid_setup"), (matrix.values, support.runs)
        self.backend.share(kernels.scale_pixels, len(support.runs), *given, self.scale, UNITS, self.values)

    def relax(self, b: Array, x: Array, step: Array, old: np.float32, new: np.float32, out: Array) -> None:
        kernels = self.backend.kernels("multigrid")
        kernels.relax_pixels(
            self.values, np.float32(1 / UNITS), self.support.runs, self.support.chunks, b, x, step, old, new, out
        )


class Blocks(Level):
    """One coarse level: blocks of variable size, their basis, their matrix."""

    # Of a level above the first: block of every finer block, and the way back.
    parent: Array
    children: Array
    first_child: Array
    child_begins: Array

    def __init__(self, grid: Array, where: Array, first: Array, members: Array) -> None:
        self.grid, self.where, self.first, self.members = grid, where, first, members
        self.backend = backend_of(grid)
        self.neighbours = self.backend.kernels("multigrid_setup").find_neighbours(grid, where)

    def take(self, functions: Array, counts: Array) -> None:
        """Keep `counts` functions of each block, padded with zeros to a multiple of LANES."""
        self.counts = counts
        self.sizes = (-(-counts // LANES) * LANES).astype(np.int64)
        self.starts = starts_of(self.sizes)
        self.size = int(self.sizes.sum())
        lengths = np.diff(self.first) * self.sizes
        self.begins = starts_of(lengths)
        self.basis = np.zeros(int(lengths.sum()), np.float32, like=counts)
        kernels = self.backend.kernels("multigrid_setup")
        self.backend.share(
            kernels.pack, len(counts), functions, self.first, counts, self.sizes, self.begins, self.basis
        )
        widths = np.where(self.neighbours[:, 4:] >= 0, self.sizes[self.neighbours[:, 4:]], 0) * self.sizes[:, None]
        self.offsets = starts_of(widths.ravel()).reshape(widths.shape)
        self.entries = int(widths.sum())
        shares = np.arange(CHUNKS, dtype=np.int64, like=counts) * self.entries // CHUNKS
        self.chunks = np.full(CHUNKS + 1, len(counts), np.int64, like=counts)
        self.chunks[:CHUNKS] = np.searchsorted(self.offsets[:, 0], shares)

    def finish(self, stencil: Array) -> None:
        """Normalise the basis and with it the matrix, and keep that for the cycle."""
        kernels, share = self.backend.kernels("multigrid_setup"), self.backend.share
        self.live = np.zeros(self.size, np.bool_, like=stencil)
        self.values = np.zeros(self.entries, np.int16, like=stencil)
        squares = self.sizes**2
        where = starts_of(squares)
        inverses = np.empty(int(squares.sum()), like=stencil)
        blocks, common = len(self.sizes), (stencil, self.offsets, self.sizes)
        share(kernels.factor_blocks, blocks, *common, self.starts, where, inverses, self.live)
        share(
            kernels.change_basis,
            blocks,
            *common,
            where,
            inverses,
            self.neighbours,
            self.first,
            self.begins,
            self.basis,
            UNITS,
            self.values,
        )

    def relax(self, b: Array, x: Array, step: Array, old: np.float32, new: np.float32, out: Array) -> None:
        kernels = self.backend.kernels("multigrid")
        kernels.relax_blocks(
            self.values,
            np.float32(1 / UNITS),
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

    def restrict(self, residual: Array, out: Array) -> None:
        kernels = self.backend.kernels("multigrid")
        where = self.chunks, self.basis, self.begins, self.first, self.members, self.starts, self.sizes
        kernels.restrict(*where, residual, out)

    def prolong(self, coarse: Array, out: Array) -> None:
        kernels = self.backend.kernels("multigrid")
        where = self.chunks, self.basis, self.begins, self.first, self.members, self.starts, self.sizes
        kernels.prolong(*where, coarse, out)


def group(fine: Blocks) -> Blocks:
    """Blocks of FACTOR x FACTOR blocks; members are all unknowns of the children."""
    where = fine.where // FACTOR
    shape = int(where[:, 0].max()) + 1, int(where[:, 1].max()) + 1
    key = where[:, 0].astype(np.int64) * shape[1] + where[:, 1]
    unique, parent = np.unique(key, return_inverse=True)
    grid = np.full(shape, -1, np.int32, like=where)
    coarse_where = np.stack([unique // shape[1], unique % shape[1]], axis=1).astype(np.int32)
    grid[coarse_where[:, 0], coarse_where[:, 1]] = np.arange(len(unique), dtype=np.int32, like=where)
    children = np.argsort(parent, kind="stable")
    first_child = bounds_of(np.bincount(parent))
    sizes = fine.sizes[children]
    ends = bounds_of(sizes)
    places = np.arange(fine.size, dtype=np.int64, like=where)
    members = (fine.starts[children] - ends[:-1])[intervals(sizes, fine.size)] + places
    level = Blocks(grid, coarse_where, ends[first_child], members.astype(np.int32))
    level.parent, level.children, level.first_child = parent, children, first_child
    return level


def starts_of(lengths: Array) -> Array:
    """Where intervals of such lengths begin that lie side by side."""
    return np.cumsum(lengths) - lengths


def bounds_of(lengths: Array) -> Array:
    """The same, and where the last one ends."""
    bounds = np.zeros(lengths.size + 1, np.int64, like=lengths)
    bounds[1:] = np.cumsum(lengths)
    return bounds


def intervals(lengths: Array, total: int) -> Array:
    """Number of the interval of each of `total` places; lengths are positive. (`numpy.repeat`, which CuPy lacks.)"""
    marks = np.zeros(total, np.int32, like=lengths)
    marks[starts_of(lengths)[1:]] = 1
    return np.cumsum(marks)
