"""Matrices with stored entries, compressed by rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import scipy.sparse as sp

from propmat._backend import HOST, Backend, backend_of, moved_like, to_host
from propmat._typing import Array
from propmat.errors import InputError, UnsupportedError, shown

if TYPE_CHECKING:
    from propmat._operators._contract import Operator

Sparse: TypeAlias = sp.sparray | sp.spmatrix
# Rounding in a sum over a row leaves differences of this order; a row-normalised matrix is off by far more.
SYMMETRY_TOLERANCE = 1e-9


@dataclass(frozen=True, eq=False)
class Stored:
    """A sparse matrix, and a diagonal that was added to it.

    Attributes
    ----------
    matrix : scipy.sparse.csr_array, shape (n, n)
        In host memory.
    factor : sparse matrix of the backend
        The same entries, on a GPU if the vectors are there.
    added : (n,) array or None
        The diagonal that is added; None for 0.

    Examples
    --------
    >>> matrix = Stored.of(sp.csr_array([[2.0, -1.0], [-1.0, 2.0]]))
    >>> matrix @ np.ones(2), matrix.shifted(np.ones(2)) @ np.ones(2)
    (array([1., 1.]), array([2., 2.]))
    """

    matrix: sp.csr_array
    factor: Any
    added: Array | None = None

    stored = True
    grid = None

    @classmethod
    def of(cls, matrix: Sparse, like: object = None) -> Stored:
        """A sparse matrix of SciPy, for products with vectors in the memory of `like`."""
        csr = sp.csr_array(matrix, dtype=np.float64)
        return cls(csr, backend_of(like).kernels("csr").stored(csr))

    @property
    def shape(self) -> tuple[int, int]:
        rows, columns = self.matrix.shape
        return rows, columns

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self.matrix.dtype)

    @property
    def backend(self) -> Backend:
        return backend_of(self.factor.data)

    @property
    def entries(self) -> int:
        return int(self.matrix.nnz)

    def __matmul__(self, x: Array) -> Array:
        product: Array = self.factor @ x
        return product if self.added is None else product + (self.added * x.T).T

    def diagonal(self) -> Array:
        diagonal: Array = moved_like(self.matrix.diagonal(), self.factor.data)
        return diagonal if self.added is None else diagonal + self.added

    def shifted(self, change: Array) -> Stored:
        return replace(self, added=change if self.added is None else self.added + change)

    def scaled(self, factor: float) -> Stored:
        return Stored.of(self.tocsr() * factor, self.factor.data)

    def placed(self, position: Array, size: int) -> Stored:
        """The matrix over `size` entries of which those at `position`, increasing, are the n pixels."""
        rows, counts = self.tocsr(), np.zeros(size + 1, np.int32)
        counts[position + 1] = np.diff(rows.indptr)
        layout = rows.data, position[rows.indices], np.cumsum(counts, dtype=np.int32)
        return Stored.of(sp.csr_array(layout, (size, size)))

    def far(self, distance: float) -> float:
        """The part of the entries that are further than `distance` from the diagonal."""
        return float(HOST.kernels("csr").far(self.matrix, distance))

    def spread(self, x: Array) -> Array:
        return x.astype(np.float64)

    def gather(self, x: Array) -> Array:
        return x

    def multiply(self, x: Array, out: Array) -> object:
        self.backend.kernels("csr").multiply(self.factor, x, out)
        if self.added is not None:
            out += self.added * x
        return (x * out).sum()  # not by BLAS: synchronising its threads takes longer than the sum

    def tocsr(self) -> sp.csr_array:
        if self.added is None:
            return self.matrix
        return sp.csr_array(self.matrix + sp.diags_array(to_host(self.added)))


def canonical(matrix: Sparse | Array) -> sp.csr_array:
    """`matrix` as CSR in float64 with 32-bit indices, sorted, without duplicates or stored zeros."""
    csr = sp.csr_array(matrix, dtype=np.float64)
    csr.sum_duplicates()
    csr.eliminate_zeros()
    csr.indices = csr.indices.astype(np.int32, copy=False)
    csr.indptr = csr.indptr.astype(np.int32, copy=False)
    return csr


def own_entries(matrix: Sparse, name: str, takes: str = "a sparse matrix") -> sp.csr_array:
    """A copy of a sparse matrix of SciPy as canonical CSR, so that later changes to either have no effect on the other.

    Raises
    ------
    InputError
        If it is not sparse, or its entries are not real and finite.
    """
    if not sp.issparse(matrix):
        raise InputError(f"{name}: takes {takes}, got {shown(matrix)}")
    return finite_entries(matrix.copy(), name)


def finite_entries(matrix: Sparse | Array, name: str) -> sp.csr_array:
    """A matrix as canonical CSR; it may share the memory of its entries.

    Raises
    ------
    InputError
        If its entries are not real and finite.
    """
    if matrix.dtype.kind not in "buif":
        raise InputError(f"{name}: takes real numbers, got dtype {matrix.dtype}")
    csr = canonical(matrix)
    if not np.isfinite(csr.data).all():
        raise InputError(f"{name}: has entries that are NaN or infinite")
    return csr


def check_symmetric(matrix: sp.csr_array, name: str) -> None:
    """Refuse a square matrix that is not symmetric to `SYMMETRY_TOLERANCE` of its largest entry."""
    largest = SYMMETRY_TOLERANCE * np.abs(matrix.data).max(initial=0.0)
    point = np.modf(0.618 * np.arange(matrix.shape[0]))[0]
    if np.abs(matrix @ point - matrix.T @ point).max(initial=0.0) <= largest:  # much faster than the difference
        return
    skew = abs(matrix - matrix.T).max()
    if skew > largest:
        raise InputError(
            f"{name}: is not symmetric, max |L - L'| = {skew:.3g}. Conjugate gradients need a symmetric "
            f"matrix: use D - W without dividing rows by their sums."
        )


def host_entries(matrix: Operator | Sparse, wanted_by: str) -> sp.csr_array:
    """The entries of a matrix for a method that works on them in host memory, vectors included.

    Raises
    ------
    UnsupportedError
        If the matrix has no stored entries, or lies on a GPU.
    """
    operator = wrapped(matrix)
    if not operator.backend.factorises:
        raise UnsupportedError(
            f"{wanted_by}: works on entries in host memory; on a GPU use CG with Multigrid, SmoothedAggregation or "
            f"Jacobi"
        )
    return operator.tocsr()


def wrapped(matrix: Operator | Sparse) -> Operator:
    """A sparse matrix of SciPy as an operator; an operator is returned as it is.

    Raises
    ------
    InputError
        If it is neither, is not square, or its entries are not real and finite.
    """
    if sp.issparse(matrix):
        if len(set(matrix.shape)) != 1:
            raise InputError(f"matrix: takes shape (n, n), got {matrix.shape}")
        return Stored.of(own_entries(matrix, "matrix"))
    missing = [name for name in ("spread", "gather", "multiply", "diagonal", "tocsr") if not hasattr(matrix, name)]
    if missing:
        raise InputError(f"matrix: takes a sparse matrix of SciPy or an operator; {shown(matrix)} has no {missing[0]}")
    return matrix
