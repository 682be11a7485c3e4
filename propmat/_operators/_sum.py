"""Sums of a matrix on the pixel grid and of matrices that couple distant pixels, R'R among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from propmat._backend import HOST, Backend
from propmat._cached import cached_property
from propmat._operators._stored import Stored, canonical
from propmat._typing import Array

if TYPE_CHECKING:
    from propmat._operators._contract import Operator
    from propmat._operators._grid import GridOperator


@dataclass(frozen=True, eq=False)
class Gram:
    """R'R plus a diagonal, in host memory; products read R once, and take half the time of those with the entries.

    Attributes
    ----------
    residual : scipy.sparse.csr_array, shape (k, n)
        R, with 32-bit indices.
    added : (n,) array or None
        The diagonal; None for 0.

    Examples
    --------
    >>> matrix = Gram.of(sp.csr_array([[1.0, -1.0, 0.0]]))
    >>> matrix @ np.array([3.0, 1.0, 5.0])
    array([ 2., -2.,  0.])
    """

    residual: sp.csr_array
    added: Array | None = None

    stored = True
    grid = None
    backend: Backend = HOST
    dtype = np.dtype(np.float64)

    @classmethod
    def of(cls, residual: Any, diagonal: Array | None = None) -> Gram:
        return cls(canonical(residual), diagonal)

    @property
    def shape(self) -> tuple[int, int]:
        n = self.residual.shape[1]
        return n, n

    @property
    def entries(self) -> int:
        return 2 * int(self.residual.nnz)

    def __matmul__(self, x: Array) -> Array:
        product: Array = self.residual.T @ (self.residual @ x)
        return product if self.added is None else product + (self.added * x.T).T

    def diagonal(self) -> Array:
        squares = np.asarray(np.square(self.residual).sum(axis=0), np.float64)
        return squares if self.added is None else squares + self.added

    def shifted(self, change: Array) -> Gram:
        return replace(self, added=change if self.added is None else self.added + change)

    def far(self, distance: float) -> float:
        """The part of the rows of R, but for empty ones, whose columns are further than `distance` apart."""
        filled = np.diff(self.residual.indptr) > 0
        first, last = self.residual.indptr[:-1][filled], self.residual.indptr[1:][filled] - 1
        apart = self.residual.indices[last] - self.residual.indices[first]
        return float(np.mean(apart > distance)) if apart.size else 0.0

    def scaled(self, factor: float) -> Gram:
        return Gram(np.sqrt(factor) * self.residual, None if self.added is None else factor * self.added)

    def placed(self, position: Array, size: int) -> Gram:
        """R'R over `size` entries of which those at `position` are the n pixels."""
        rows = self.residual
        return Gram(sp.csr_array((rows.data, position[rows.indices], rows.indptr), (rows.shape[0], size)))

    def spread(self, x: Array) -> Array:
        return x.astype(np.float64)

    def gather(self, x: Array) -> Array:
        return x

    def multiply(self, x: Array, out: Array) -> object:
        self.backend.kernels("gram").multiply(self.residual, x, out)
        if self.added is not None:
            out += self.added * x
        return (x * out).sum()  # not by BLAS: synchronising its threads takes longer than the sum

    def tocsr(self) -> sp.csr_array:
        product = self.residual.T @ self.residual
        return canonical(product if self.added is None else product + sp.diags_array(self.added))


def summed(terms: Sequence[tuple[float, Operator]], colours: Array) -> Operator:
    """The weighted sum of matrices over the same n pixels; `colours` (n, d) are theirs.

    One on the pixel grid is kept apart from the others, if there is one; matrices R'R are kept apart from both.
    """
    own = [part if weight == 1 else part.scaled(weight) for weight, part in terms]
    local = next((part.grid for part in own if part.grid is not None), None)
    if local is None:
        return Stored.of(_total(own))
    grams = [part.residual for part in own if isinstance(part, Gram)]
    others = [part for part in own if part is not local and not isinstance(part, Gram)]
    mixed = Gram.of(sp.vstack(grams)) if grams else None
    coupled = Stored.of(_total(others)) if others else None
    return GridSum(local, mixed, coupled, colours) if grams or others else local


def as_sum(matrix: Operator) -> GridSum | None:
    """The matrix, if it is a sum whose parts are kept apart."""
    return matrix if isinstance(matrix, GridSum) else None


def _total(parts: Sequence[Operator]) -> sp.csr_array:
    smallest_first = sorted((part.tocsr() for part in parts), key=lambda entries: entries.nnz)
    return canonical(sum(smallest_first[1:], smallest_first[0]))  # so that the largest is copied once


@dataclass(frozen=True, eq=False)
class GridSum:
    """A matrix on the pixel grid plus others over the same pixels, kept apart, in host memory.

    Vectors are in the layout of the grid, so that `propmat.preconditioners.Deflated` can use multigrid on it.

    Attributes
    ----------
    local : GridOperator
        The part on the pixel grid, with all that was added to the diagonal.
    mixed : Gram or None
        The sum of matrices R'R.
    coupled : Stored or None
        All other parts.
    colours : (n, d) array
        Of the pixels: functions of them that vary slowly cost little in every part.
    """

    local: GridOperator
    mixed: Gram | None
    coupled: Stored | None
    colours: Array

    stored = True
    grid = None
    backend: Backend = HOST
    dtype = np.dtype(np.float64)

    @property
    def distant(self) -> tuple[Gram | Stored, ...]:
        """The parts beside the one on the pixel grid."""
        return tuple(part for part in (self.mixed, self.coupled) if part is not None)

    @property
    def shape(self) -> tuple[int, int]:
        return self.local.shape

    @property
    def entries(self) -> int:
        return self.local.entries + sum(part.entries for part in self.distant)

    def __matmul__(self, x: Array) -> Array:
        return sum((part @ x for part in self.distant), self.local @ x)

    def diagonal(self) -> Array:
        return sum((part.diagonal() for part in self.distant), self.local.diagonal())

    def shifted(self, change: Array) -> GridSum:
        return replace(self, local=self.local.shifted(change))

    def scaled(self, factor: float) -> GridSum:
        mixed = None if self.mixed is None else self.mixed.scaled(factor)
        coupled = None if self.coupled is None else self.coupled.scaled(factor)
        return GridSum(self.local.scaled(factor), mixed, coupled, self.colours)

    def spread(self, x: Array) -> Array:
        return self.local.spread(x)

    def gather(self, x: Array) -> Array:
        return self.local.gather(x)

    @cached_property
    def _spread_parts(self) -> tuple[Gram | Stored, ...]:
        """The other parts over the entries of vectors in the layout of the grid."""
        support = self.local.support
        return tuple(part.placed(support.position, support.size) for part in self.distant)

    def multiply(self, x: Array, out: Array) -> object:
        self.local.multiply(x, out)
        product = np.empty_like(out)
        for part in self._spread_parts:
            part.multiply(x, product)
            out += product
        return (x * out).sum()  # not by BLAS: synchronising its threads takes longer than the sum

    def tocsr(self) -> sp.csr_array:
        return _total((self.local, *self.distant))
