"""Means over the cells of a coarser grid, and a matrix with a penalty on them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from propmat._backend import HOST, Backend
from propmat._operators._assembly import Support
from propmat._operators._grid import GridOperator
from propmat._typing import Array
from propmat.errors import UnsupportedError


def overlaps(fine: int, coarse: int) -> tuple[NDArray[np.int64], Array]:
    """For each of `fine` equal intervals the first of `coarse` ones that it overlaps, and its share in that one.

    `coarse` is at most `fine`; the rest of an interval lies in the next one. In units of 1 / (fine coarse) all ends are
    whole numbers.
    """
    start = np.arange(fine) * coarse
    first = start // fine
    return first, np.minimum((first + 1) * fine - start, coarse) / coarse


def averaging(fine: int, coarse: int) -> sp.csr_array:
    """The matrix (coarse, fine) that takes values of intervals to means over coarser ones."""
    first, share = overlaps(fine, coarse)
    number = np.arange(fine)
    whole = share == 1
    rows = np.concatenate([first, first[~whole] + 1])
    columns = np.concatenate([number, number[~whole]])
    shares = np.concatenate([share, 1 - share[~whole]]) * (coarse / fine)
    return sp.csr_array((shares, (rows, columns)), shape=(coarse, fine))


def means_of(plane: Array, cells: tuple[int, int]) -> Array:
    """The means (h, w) of a map (H, W) over equal cells; pixels on an edge belong to both cells by their area."""
    down, across = (averaging(fine, coarse) for fine, coarse in zip(plane.shape, cells, strict=True))
    means: Array = (across @ (down @ plane).T).T
    return means


def spread_means(means: Array, shape: tuple[int, int]) -> Array:
    """The transpose of `means_of`: (h, w) to (H, W)."""
    down, across = (averaging(fine, coarse).T.tocsr() for fine, coarse in zip(shape, means.shape, strict=True))
    plane: Array = (across @ (down @ means).T).T
    return plane


def interpolated(means: Array, shape: tuple[int, int]) -> Array:
    """Values (h, w) of cells, enlarged by bilinear interpolation between their centres: (H, W)."""
    down, across = (_interpolation(fine, coarse) for fine, coarse in zip(shape, means.shape, strict=True))
    return np.ascontiguousarray((across @ np.ascontiguousarray((down @ means).T)).T)


def _interpolation(fine: int, coarse: int) -> sp.csr_array:
    """The matrix (fine, coarse) that interpolates between centres of intervals; constant beyond the first and last."""
    place = np.clip((np.arange(fine) + 0.5) * coarse / fine - 0.5, 0, coarse - 1)
    first = np.minimum(place.astype(np.int64), max(coarse - 2, 0))
    share, rows = place - first, np.arange(fine)
    columns = np.concatenate([first, np.minimum(first + 1, coarse - 1)])
    return sp.csr_array((np.concatenate([1 - share, share]), (np.tile(rows, 2), columns)), shape=(fine, coarse))


def cells_of(support: Support, cells: tuple[int, int]) -> sp.csr_array:
    """For the pixels of a support their parts in the means over h x w equal cells; only unknown pixels have any.

    Returns
    -------
    scipy.sparse.csr_array, shape (support.size, h * w)
    """
    y, x = np.nonzero(support.unknown)
    (row, above), (column, before) = (
        overlaps(fine, coarse) for fine, coarse in zip(support.unknown.shape, cells, strict=True)
    )
    area = support.unknown.size / (cells[0] * cells[1])
    shares = np.stack([above, 1 - above])[:, y, None].transpose(1, 0, 2) * np.stack([before, 1 - before]).T[x, None]
    number = ((row[y] * cells[1] + column[x])[:, None, None] + [[0, 1], [cells[1], cells[1] + 1]]).astype(np.int32)
    inside = shares > 0
    counts = np.zeros(support.size + 1, np.int32)
    counts[support.position + 1] = inside.sum(axis=(1, 2))
    entries = shares[inside] / area, number[inside], np.cumsum(counts, dtype=np.int32)
    return sp.csr_array(entries, shape=(support.size, cells[0] * cells[1]))


@dataclass(frozen=True, eq=False)
class Averaged:
    """A matrix on the pixel grid, plus a penalty on means: A + Mᵀ diag(w) M.

    It has products and a diagonal. Its entries, between any two pixels of a cell, are not stored.

    Attributes
    ----------
    base : GridOperator
        A, (n, n).
    means : scipy.sparse.csr_array, shape (m, support)
        M, on vectors in the layout of `base.spread`.
    transposed : scipy.sparse.csr_array, shape (support, m)
        Mᵀ.
    weights : (m,) array
        w >= 0.
    """

    base: GridOperator
    means: sp.csr_array
    transposed: sp.csr_array
    weights: Array

    stored = False
    grid = None

    @classmethod
    def of(cls, base: GridOperator, cells: tuple[int, int], weight: float) -> tuple[Averaged, NDArray[np.int64]]:
        """The matrix with the same weight for every cell that has a pixel of `base`, and the numbers of these cells."""
        transposed = cells_of(base.support, cells)
        held = np.zeros(cells[0] * cells[1], bool)
        held[transposed.indices] = True
        numbers = np.flatnonzero(held)
        renumbered = (np.cumsum(held, dtype=np.int32) - 1)[transposed.indices].astype(np.int32)
        shape = (base.support.size, numbers.size)
        transposed = sp.csr_array((transposed.data, renumbered, transposed.indptr), shape=shape)
        return cls(base, transposed.T.tocsr(), transposed, np.full(numbers.size, weight)), numbers

    @property
    def shape(self) -> tuple[int, int]:
        return self.base.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.base.dtype

    @property
    def backend(self) -> Backend:
        return HOST

    @property
    def entries(self) -> int:
        return self.base.entries + 2 * int(self.means.nnz)

    def means_over(self, x: Array) -> Array:
        """M x, for x (n,)."""
        means: Array = self.means @ self.spread(x)
        return means

    def from_means(self, means: Array) -> Array:
        """Mᵀ y, (n,), for y (m,)."""
        return self.gather(self.transposed @ means)

    def __matmul__(self, x: Array) -> Array:
        return self.base @ x + self.from_means(self.weights * self.means_over(x))

    def diagonal(self) -> Array:
        return self.base.diagonal() + self.gather(self.transposed.power(2) @ self.weights)

    def shifted(self, change: Array) -> Averaged:
        """The operator with `change` (n,) added to its diagonal."""
        return replace(self, base=self.base.shifted(change))

    def scaled(self, factor: float) -> Averaged:
        """The operator multiplied by a number > 0."""
        return replace(self, base=self.base.scaled(factor), weights=factor * self.weights)

    def spread(self, x: Array) -> Array:
        return self.base.spread(x)

    def gather(self, x: Array) -> Array:
        return self.base.gather(x)

    def multiply(self, x: Array, out: Array) -> object:
        kernels = HOST.kernels("csr")
        product = self.base.multiply(x, out)
        means = np.empty(self.weights.size)
        kernels.multiply(self.means, x, means)
        weighted = self.weights * means
        kernels.accumulate(self.transposed, weighted, out)
        return product + (weighted * means).sum()

    def tocsr(self) -> sp.csr_array:
        """Not supported: cells of many pixels would have too many entries."""
        raise UnsupportedError(
            "upsample: is multiplied, not stored, so Direct, IncompleteCholesky and SmoothedAggregation have no "
            "entries to work on; use CG with the Jacobi preconditioner"
        )
