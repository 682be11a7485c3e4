"""Matrices R'R of which only R is stored."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from propmat._backend import HOST, Backend
from propmat._operators._stored import canonical
from propmat._typing import Array


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

    @property
    def reach(self) -> Array:
        """Of each row of R that is not empty, the difference of its last and first column."""
        counts = np.diff(self.residual.indptr)
        indices, ends = self.residual.indices, self.residual.indptr[1:][counts > 0]
        return indices[ends - 1] - indices[self.residual.indptr[:-1][counts > 0]]

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
