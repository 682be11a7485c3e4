"""Graphs whose edges are those of the pixel grid."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from propmat.grid import GridOperator
from propmat.laplacian._base import Laplacian, Split, canonical, numbered

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


class GridGraph(Laplacian):
    """The Laplacian D - W of a 4-connected graph over the pixels.

    Parameters
    ----------
    horizontal : (H, W - 1) array, >= 0
        Weights of the edges between (y, x) and (y, x + 1).
    vertical : (H - 1, W) array, >= 0
        Those between (y, x) and (y + 1, x).
    """

    def __init__(self, horizontal: Array, vertical: Array) -> None:
        self.shape = (horizontal.shape[0], vertical.shape[1])
        self.horizontal = horizontal
        self.vertical = vertical

    @property
    def ties_all_pixels(self) -> bool:
        return bool(self.horizontal.all() and self.vertical.all())

    def split(self, unknown: Mask, diagonal: Array | None = None) -> Split:
        operator = GridOperator.from_edges(self.horizontal, self.vertical, unknown, diagonal=diagonal)
        return Split(operator, operator.times_known, self.touches(~unknown)[unknown])

    def touches(self, mask: Mask) -> Mask:
        """The pixels that an edge of positive weight ties to a pixel of the mask."""
        across, down = self.horizontal > 0, self.vertical > 0
        touched = np.zeros(self.shape, bool)
        touched[:, :-1] |= across & mask[:, 1:]
        touched[:, 1:] |= across & mask[:, :-1]
        touched[:-1] |= down & mask[1:]
        touched[1:] |= down & mask[:-1]
        return touched

    def rows(self, row_mask: Mask, column_mask: Mask) -> sp.csr_array:
        pixel = np.arange(row_mask.size, dtype=np.int32).reshape(self.shape)
        first = np.concatenate([pixel[:, :-1].ravel(), pixel[:-1].ravel()])
        second = np.concatenate([pixel[:, 1:].ravel(), pixel[1:].ravel()])
        weight = np.concatenate([self.horizontal.ravel(), self.vertical.ravel()])
        return edges_block(first, second, weight, row_mask, column_mask)

    def near_null_space(self, mask: Mask) -> Array:
        return np.ones((np.count_nonzero(mask), 1))


def edges_block(
    first: NDArray[np.int32], second: NDArray[np.int32], weight: Array, row_mask: Mask, column_mask: Mask
) -> sp.csr_array:
    """A block of D - W for weighted pairs of pixels, which hold all pairs that touch its rows."""
    row_of, column_of = numbered(row_mask).ravel(), numbered(column_mask).ravel()
    degree = np.bincount(first, weight, row_of.size) + np.bincount(second, weight, row_of.size)
    every = np.arange(row_of.size, dtype=np.int32)
    rows = row_of[np.concatenate([first, second, every])]
    columns = column_of[np.concatenate([second, first, every])]
    entries = np.concatenate([-weight, -weight, degree])
    inside = (rows >= 0) & (columns >= 0)
    shape = (np.count_nonzero(row_mask), np.count_nonzero(column_mask))
    return canonical(sp.coo_array((entries[inside], (rows[inside], columns[inside])), shape))
