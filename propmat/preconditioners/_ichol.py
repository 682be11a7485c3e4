"""Incomplete Cholesky factorisation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from propmat import _inputs
from propmat._operators import Array, NearNullSpace, Operator, host_entries
from propmat.errors import UnsupportedError
from propmat.preconditioners._base import Apply

# The closed form is no M-matrix, so a pivot can fail; a small multiple of the diagonal is then added and the
# factorisation made again.
SHIFTS = (0.0, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)


@dataclass(frozen=True)
class IncompleteCholesky:
    """A ≈ L Lᵀ, leaving out entries of L below `drop_tolerance` times the norm of their column.

    Few iterations on small and middling images; set-up and solves are sequential, and memory grows with the fill.

    Parameters
    ----------
    drop_tolerance : float, default 1e-4
        Smaller keeps more. 0 gives the complete factorisation.

    References
    ----------
    M. T. Jones, P. E. Plassmann, "An Improved Incomplete Cholesky Factorization", ACM TOMS 21(1), 1995.
    """

    drop_tolerance: float = 1e-4

    def __post_init__(self) -> None:
        _inputs.tolerance(self.drop_tolerance, "drop_tolerance")

    def prepare(self, matrix: Operator, near_null_space: NearNullSpace | None = None) -> Apply:
        """The map r → (L Lᵀ)⁻¹ r.

        Raises
        ------
        UnsupportedError
            If the matrix is so far from positive definite that no shift of its diagonal helps, can only be
            multiplied, or lies on a GPU.
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
