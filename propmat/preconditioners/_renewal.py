"""The set-up of a multigrid hierarchy that can be taken to other constraints, block by block."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from propmat._backend import HOST
from propmat.preconditioners._chebyshev import Smoother
from propmat.preconditioners._coarsening import EDGE, Coarsening, most_of
from propmat.preconditioners._hierarchy import Hierarchy
from propmat.preconditioners._level import Array
from propmat.preconditioners._levels import FACTOR, Blocks
from propmat.preconditioners._renewable import RenewableBlocks, RenewablePixels

if TYPE_CHECKING:
    from propmat._operators._grid import GridOperator

REACH = 2  # pixels share a window with others so far away
# A hierarchy is set up as a whole if more of its blocks change, or the last level grows by more than this factor.
MUCH, GROWTH = 0.4, 2
UNCHECKED = 0.1  # part of the blocks of a level that may change before its eigenvalues are bounded again


class RenewableCoarsening(Coarsening):
    """Levels over all pixels of the layout of a matrix that can be taken to other constraints."""

    pixels: RenewablePixels
    pixel_level, block_level = RenewablePixels, RenewableBlocks

    def _pixels_of_blocks(self) -> Array:
        return self.matrix.support.layout

    def _forget(self) -> None:
        del self.stencil, self.squares

    @property
    def _blocks(self) -> list[RenewableBlocks]:
        return cast("list[RenewableBlocks]", self.levels)

    def renewed(self, matrix: GridOperator, hierarchy: Hierarchy) -> Hierarchy | None:
        """The hierarchy for a matrix on the same layout, with the same elements; None if it must be set up as a whole.

        The one before is of no use then.
        """
        changed = changed_pixels(self.matrix, matrix)
        blocks = self._blocks_near(changed)
        if blocks.size > MUCH * len(self.levels[0].where):
            return None
        gone = self.pixels.renew(matrix, changed)
        hierarchy.smoothers[0].clear(gone)
        self.matrix = matrix
        for level in range(len(self.levels)):
            blocks = self._renew(level, blocks)
        return Hierarchy(self, self._smoothers(hierarchy)) if self._fits() else None

    def _blocks_near(self, changed: Array) -> Array:
        """Blocks of pixels with a window that contains a changed pixel."""
        grid = self.levels[0].grid
        touched = np.zeros(grid.shape, bool)
        y, x = np.nonzero(changed)
        height, width = changed.shape
        for down, across in np.ndindex(2, 2):
            v, u = y + REACH * (2 * down - 1), x + REACH * (2 * across - 1)
            touched[np.clip(v, 0, height - 1) // EDGE, np.clip(u, 0, width - 1) // EDGE] = True
        return np.sort(grid[touched & (grid >= 0)])

    def _renew(self, k: int, blocks: Array) -> Array:
        """Set blocks of the finer level's that changed, or of the first, up anew; returns those of level k."""
        if not blocks.size:
            return blocks
        level, edge = self._blocks[k], EDGE * FACTOR**k
        if k == 0:
            finer = self.pixels.live.astype(np.float64)
            between = self.matrix.near(edge, self._rectangles(level, blocks, edge))
            changed = level.replace(blocks, *self._functions_of_pixels(level, between, blocks), whole=True)
            self._locate_anew(level, blocks)
            self._galerkin_pixels(self.matrix.values, level, level.raw, level.stencil, blocks=changed)
        else:
            fine = self._blocks[k - 1]
            finer, blocks = fine.lengths, np.unique(level.parent[blocks])
            level.regroup(fine)
            local = self._local_near(k, blocks, edge)
            functions = level.functions(fine, local, most_of(k), self.settings.threshold, blocks)
            changed = level.replace(blocks, *functions)
            level.place_children()
            level.galerkin(fine, fine.stencil, level.raw, level.stencil, blocks=changed, fresh=level.fresh)
        level.normalise(blocks, changed, finer)
        return blocks

    def _locate_anew(self, level: RenewableBlocks, blocks: Array) -> None:
        """As `_locate`, for some blocks; the blocks of pixels stay."""
        counts = np.diff(level.first)[blocks]
        members = level.members[HOST.kernels("blocks").indices_of(level.first[blocks], counts)]
        place = np.arange(members.size) - np.repeat(np.cumsum(counts) - counts, counts)
        self.row[members] = np.repeat(level.begins[blocks], counts) + place * np.repeat(level.sizes[blocks], counts)

    def _rectangles(self, level: Blocks, blocks: Array, edge: int) -> Array:
        """The pixels of blocks: rectangles (top, left, bottom, right), blocks side by side in one."""
        y, x = level.where[blocks].T.astype(np.int64)
        ends = np.flatnonzero(np.append((np.diff(y) != 0) | (np.diff(x) != 1), True))
        begins = np.append(0, ends[:-1] + 1)
        height, width = self.matrix.support.unknown.shape
        bottom, right = np.minimum(height, edge * (y[begins] + 1)), np.minimum(width, edge * (x[ends] + 1))
        return np.stack([edge * y[begins], edge * x[begins], bottom, right], axis=1)

    def _local_near(self, k: int, blocks: Array, edge: int) -> Array:
        """As `_local`, on the level finer than k, valid inside some blocks of level k."""
        if len(self.levels[k].where) == 1:
            return self._blocks[k - 1].stencil  # there are no other blocks
        inside = [blocks]
        for level in self._blocks[k:0:-1]:
            inside.insert(0, self._children(level, inside[0]))
        between = self.matrix.near(edge, self._rectangles(self.levels[k], blocks, edge))
        across = np.zeros(self._blocks[0].stencil.size)
        most = edge // EDGE
        rim = self._at_rim(self.levels[0], inside[0], most)
        self._galerkin_pixels(between, self.levels[0], self.levels[0].basis, across, edge, rim)
        for j in range(1, k):
            most //= FACTOR
            coarse, below, across = self._blocks[j], across, np.zeros(self._blocks[j].stencil.size)
            coarse.galerkin(
                self.levels[j - 1], below, coarse.basis, across, most, self._at_rim(coarse, inside[j], most)
            )
        finest = self._blocks[k - 1]
        own = inside[k - 1]
        entries = HOST.kernels("blocks").indices_of(finest.matrices.starts[own], finest.matrix_lengths(own))
        across[entries] = finest.stencil[entries] - across[entries]
        return across

    def _children(self, level: Blocks, blocks: Array) -> Array:
        begins = level.first_child[blocks]
        numbers = HOST.kernels("blocks").indices_of(begins, level.first_child[blocks + 1] - begins)
        return np.sort(level.children[numbers])

    def _at_rim(self, level: Blocks, blocks: Array, most: int) -> Array:
        """Those at the rim of squares of most x most blocks; elements across squares reach no others."""
        place = level.where[blocks] % most
        rim: Array = blocks[((place == 0) | (place == most - 1)).any(axis=1)]
        return rim

    def _fits(self) -> bool:
        """Invert the last level's matrix again, if neither it nor κ has become too large."""
        last = self._blocks[-1]
        self.amplification = max(1.0, *(float(level.lengths.max()) for level in self._blocks))
        live = int(last.live.sum())
        if not self.suits or not live or (len(last.counts) > 1 and live > GROWTH * self.settings.coarsest):
            return False
        self.stencil, self.squares = last.stencil, last.lengths
        self._invert_last()
        del self.stencil, self.squares
        return self.suits

    def _smoothers(self, hierarchy: Hierarchy) -> list[Smoother]:
        """Smoothers whose eigenvalues are bounded anew where many blocks have changed."""
        smoothers = [hierarchy.smoothers[0]]
        smoothers[0].set_bound(self.pixels.bound)
        for level, before in zip(self._blocks, hierarchy.smoothers[1:], strict=False):
            enough = level.renewed <= UNCHECKED * len(level.counts)
            level.renewed = level.renewed if enough else 0
            smoothers.append(hierarchy.smoother(level, before.bound if enough else None))
        return smoothers


def changed_pixels(before: GridOperator, after: GridOperator) -> Array:
    """Pixels (H, W) that are unknown in one of two matrices on a layout, or have another diagonal."""
    changed: Array = before.support.unknown ^ after.support.unknown
    if before.values is not after.values:
        number = after.support.number[2:-2, 2:-2]
        changed |= (number >= 0) & (before.values[0] != after.values[0])[number]
    return changed
