"""Incomplete Cholesky factorisation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from propmat._inputs._numbers import tolerance
from propmat._operators._contract import NearNullSpace, Operator
from propmat._operators._stored import host_entries
from propmat._typing import Array
from propmat.errors import UnsupportedError
from propmat.preconditioners._base import Apply

# The closed form is not an M-matrix, so a pivot can fail; then a small multiple of the diagonal is added and the
# factorisation is repeated.
SHIFTS = (0.0, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)


@dataclass(frozen=True)
class IncompleteCholesky:
    """A ≈ L Lᵀ without the entries of L below `drop_tolerance` times the norm of their column.

    Few iterations on small and medium images; set-up and solves are sequential, and memory grows with the fill.

    Parameters
    ----------
    drop_tolerance : float, default 1e-4
        >= 0. Smaller values keep more entries; 0 gives the complete factorisation.

    Raises
    ------
    InputError
        If `drop_tolerance` is negative or not a finite number.

    References
    ----------
    M. T. Jones, P. E. Plassmann, "An Improved Incomplete Cholesky Factorization", ACM TOMS 21(1), 1995.

    Examples
    --------
    >>> import numpy as np, scipy.sparse as sp
    >>> apply = IncompleteCholesky().prepare(sp.csr_array([[2.0, -1.0], [-1.0, 2.0]]))
    >>> apply(np.array([1.0, 1.0]))
    array([1., 1.])
    """

    drop_tolerance: float = 1e-4

    def __post_init__(self) -> None:
        tolerance(self.drop_tolerance, "drop_tolerance")

    def prepare(self, matrix: Operator, near_null_space: NearNullSpace | None = None) -> Apply:
        """The map r → (L Lᵀ)⁻¹ r.

        Parameters
        ----------
        matrix, near_null_space
            As in `Preconditioner.prepare`.

        Returns
        -------
        callable

        Raises
        ------
        InputError
            If `matrix` is neither an operator nor a sparse array, not square, or has entries that are NaN or infinite.
        UnsupportedError
            If the matrix is so far from positive definite that no shift of its diagonal helps, has no stored entries,
            or lies on a GPU.
        """
        from propmat._cpu import ichol as kernels

        entries = host_entries(matrix, "IncompleteCholesky")
        indptr, indices, data = self._factor(sp.csc_array(sp.tril(entries, format="csc")))

        def apply(residual: Array) -> Array:
            x = residual.astype(np.float64)
            kernels.solve_in_place(indptr, indices, data, x)
            return x

        return apply

    def _factor(self, lower: sp.csc_array) -> tuple[Array, Array, Array]:
        from propmat._cpu import ichol as kernels

        lower.sort_indices()
        smallest_pivot = np.finfo(np.float64).eps * np.abs(lower.diagonal()).max()
        for shift in SHIFTS:
            positive, *factor = kernels.incomplete_cholesky(
                lower.indptr, lower.indices, lower.data, shift, self.drop_tolerance, smallest_pivot
            )
            if positive:
                return tuple(factor)
        raise UnsupportedError(
            f"IncompleteCholesky: the matrix has negative pivots even with {SHIFTS[-1]:g} of its diagonal added"
        )
