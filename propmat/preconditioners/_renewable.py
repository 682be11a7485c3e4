"""Levels of a hierarchy whose blocks can be set up anew, one by one, when constraints change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from propmat._backend import HOST
from propmat.preconditioners._chebyshev import BOUND, largest_eigenvalue
from propmat.preconditioners._level import Array, Precision
from propmat.preconditioners._levels import Blocks, Pixels

if TYPE_CHECKING:
    from propmat._operators._grid import GridOperator

SPARE = 8  # arrays are an eighth longer than they need be at first


class RenewablePixels(Pixels):
    """The finest level for all pixels of a layout; known ones are not `live`, and scaled by 0.

    Attributes
    ----------
    bound : float
        A bound on the eigenvalues, whichever pixels of the layout are unknown: these matrices are principal submatrices
        of one.
    """

    def __init__(self, matrix: GridOperator, precision: Precision) -> None:
        self.matrix, self.whole = matrix, matrix.within(matrix.support.layout)
        with np.errstate(divide="ignore"):  # known pixels may have no elements
            super().__init__(self.whole, precision)
        self.exact[np.isinf(self.exact)] = 0.0
        self.every = self.exact  # of pixels that are known, too
        self._bound_eigenvalues()
        self.support = matrix.support
        self.live = np.zeros(self.size, np.bool_)
        self.live[matrix.support.position] = True
        self.exact = self.every * self.live

    def _bound_eigenvalues(self) -> None:
        with HOST.kernels("_threads").threads_for(self.values.size):
            self.bound = BOUND * largest_eigenvalue(self)

    def renew(self, matrix: GridOperator, changed: Array) -> Array:
        """Take a matrix in which some pixels, a mask (H, W), are unknown or known or have another diagonal.

        Returns their numbers.
        """
        numbers = matrix.support.number[2:-2, 2:-2][changed]
        if matrix.values is not self.matrix.values and numbers.size:
            self._rescale(matrix, np.flatnonzero(changed.any(axis=1)), numbers)
        self.matrix, self.support = matrix, matrix.support
        self.live[numbers] = matrix.support.unknown[changed]
        self.exact[numbers] = self.every[numbers] * self.live[numbers]
        self.scale[numbers] = self.exact[numbers]
        return numbers

    def _rescale(self, matrix: GridOperator, rows: Array, numbers: Array) -> None:
        """Take other numbers on the diagonal of some pixels, which lie in some rows."""
        self.every[numbers] = 1 / np.sqrt(matrix.values[0, numbers])
        near = matrix.support.number[rows[0] : rows[-1] + 3]  # of these rows, and the two before them
        runs = self.whole.support.runs
        low, high = np.searchsorted(runs[:, 0], [near[near >= 0].min(), near.max() + 1])
        self._store(matrix.values, runs[low:high], self.every)
        self._bound_eigenvalues()


class Places:
    """The places of blocks in a flat array: `starts`, which are written to, and how much there is at each.

    Blocks that need more are moved to the end.
    """

    def __init__(self, starts: Array, lengths: Array) -> None:
        self.starts, self.lengths, self.end = starts, lengths.copy(), int(lengths.sum())

    def fit(self, blocks: Array, lengths: Array) -> None:
        """Let blocks have at least the given lengths."""
        grows = lengths > self.lengths[blocks]
        moved, needs = blocks[grows], lengths[grows]
        self.starts[moved] = self.end + np.cumsum(needs) - needs
        self.lengths[moved] = needs
        self.end += int(needs.sum())

    @property
    def spare_length(self) -> int:
        """Length of an array for all blocks, with some to spare."""
        return self.end + self.end // SPARE


def lengthened(array: Array, places: Places) -> Array:
    """An array that holds all blocks: the same, or a longer copy."""
    if places.end <= array.size:
        return array
    longer = np.zeros(places.spare_length, array.dtype)
    longer[: array.size] = array
    return longer


class RenewableBlocks(Blocks):
    """A coarse level that keeps what its blocks were made of.

    Attributes
    ----------
    raw : array
        The basis before it was normalised.
    stencil : array
        The matrix of normalised functions, in double precision.
    inverses : array
        What bases are multiplied by, a triangular matrix for each block.
    lengths : (size,) array
        Squared lengths of the functions.
    fresh : (blocks,) array of bool
        Blocks that are being set up anew. Of those behind them, matrices to others are kept.
    renewed : int
        How many blocks were set up anew since the eigenvalues were bounded.
    """

    raw: Array
    stencil: Array
    inverses: Array
    lengths: Array

    def take(self, functions: Array, counts: Array) -> None:
        super().take(functions, counts)
        self.fresh = np.zeros(len(counts), np.bool_)
        self.renewed, bases = 0, np.diff(self.first) * self.sizes
        self.unknowns, self.bases = Places(self.starts, self.sizes), Places(self.begins, bases)
        self.corner = Places(self.corners, self.sizes**2)
        self.matrices = Places(self.offsets[:, 0].copy(), self.matrix_lengths(np.arange(len(counts))))
        self.size, self.squares, self.entries = (
            places.spare_length for places in (self.unknowns, self.corner, self.matrices)
        )
        self.raw = self.basis = lengthened(self.basis, self.bases)

    def finish(self, stencil: Array) -> Array:
        self.stencil, self.raw = stencil, self.basis.copy()
        self.inverses = super().finish(stencil)
        return self.inverses

    def squared_lengths(self, finer: Array) -> Array:
        self.lengths = super().squared_lengths(finer)
        return self.lengths

    def regroup(self, fine: Blocks) -> None:
        """List the members of blocks again, after numbers of unknowns of the finer level have changed."""
        made = HOST.kernels("blocks").members_of(self.parent, self.children, self.first_child, fine.sizes, fine.starts)
        self.first, self.members, self.within, self.most = made

    def _widths(self, blocks: Array) -> Array:
        """Widths of the matrices of blocks, by slot."""
        ahead = self.neighbours[blocks, 4:]
        return np.where(ahead >= 0, self.sizes[ahead], 0)

    def matrix_lengths(self, blocks: Array) -> Array:
        lengths: Array = self.sizes[blocks] * self._widths(blocks).sum(axis=1)
        return lengths

    def replace(self, blocks: Array, functions: Array, counts: Array, whole: bool = False) -> Array:
        """Give blocks other functions, of which `counts` are those of all blocks.

        Returns the blocks whose matrices change: these, and those behind them. Matrices that change, or all of these
        blocks if `whole`, are set to 0.
        """
        from propmat._cpu.blocks import LANES

        indices = HOST.kernels("blocks").indices_of
        gone = indices(self.starts[blocks], self.sizes[blocks])
        self.live[gone], self.lengths[gone] = False, 0.0
        rows = np.diff(self.first)[blocks]
        self.counts[blocks] = counts[blocks]
        sizes = self.sizes[blocks] = -(-counts[blocks] // LANES) * LANES
        self.renewed += blocks.size
        self.widest = int(self.sizes.max())
        for places, lengths in ((self.unknowns, sizes), (self.bases, rows * sizes), (self.corner, sizes**2)):
            places.fit(blocks, lengths)
        behind = self.neighbours[blocks, :4]
        changed = np.union1d(blocks, behind[behind >= 0])
        self.fresh[:] = False
        self.fresh[changed if whole else blocks] = True
        self._place_matrices(changed)
        self.raw[indices(self.begins[blocks], rows * sizes)] = 0.0
        pack = HOST.kernels("multigrid_setup").pack
        self.run(pack, blocks, functions, self.first, self.counts, self.sizes, self.begins, self.raw)
        return changed

    def _place_matrices(self, blocks: Array) -> None:
        """Place the matrices of blocks anew; those that are kept move along, others are set to 0."""
        indices = HOST.kernels("blocks").indices_of
        ahead, lengths = self.neighbours[blocks, 4:], self.sizes[blocks, None] * self._widths(blocks)
        kept = (ahead >= 0) & ~self.fresh[blocks, None] & ~self.fresh[ahead]
        matrices = self.stencil[indices(self.offsets[blocks][kept], lengths[kept])]
        self.matrices.fit(blocks, lengths.sum(axis=1))
        self.offsets[blocks] = self.matrices.starts[blocks, None] + np.cumsum(lengths, axis=1) - lengths
        self._lengthen()
        self.stencil[indices(self.matrices.starts[blocks], lengths.sum(axis=1))] = 0.0
        self.stencil[indices(self.offsets[blocks][kept], lengths[kept])] = matrices

    def _lengthen(self) -> None:
        self.live, self.lengths = (lengthened(array, self.unknowns) for array in (self.live, self.lengths))
        self.raw, self.basis = (lengthened(array, self.bases) for array in (self.raw, self.basis))
        self.inverses = lengthened(self.inverses, self.corner)
        self.stencil, self.values = (lengthened(array, self.matrices) for array in (self.stencil, self.values))
        self.size = self.live.size

    def normalise(self, blocks: Array, changed: Array, finer: Array) -> None:
        """Normalise the matrices that have changed, and the functions of these blocks; measure the lengths of `blocks`.

        `finer` are the squared lengths of the finer level.
        """
        kernels, fresh = HOST.kernels("multigrid_setup"), changed[self.fresh[changed]]
        rows = np.diff(self.first)[fresh]
        bases = HOST.kernels("blocks").indices_of(self.begins[fresh], rows * self.sizes[fresh])
        self.basis[bases] = self.raw[bases]
        common: tuple[Any, ...] = self.stencil, self.offsets, self.sizes
        self.run(kernels.factor_blocks, fresh, *common, self.starts, self.corners, self.inverses, self.live)
        given = self.corners, self.inverses, self.neighbours, self.first, self.begins, self.basis, self.fresh
        self.run(kernels.change_basis, changed, *common, *given, self.precision.units, self.values)
        self._measure(blocks, finer)

    def _measure(self, blocks: Array, finer: Array) -> None:
        given = self.basis, self.begins, self.first, self.members, self.starts, self.sizes
        for begin, end in HOST.kernels("_threads").intervals_of(blocks):
            ends = np.array([begin, end])
            HOST.kernels("multigrid").restrict_squares(ends, *given, finer, self.lengths)
