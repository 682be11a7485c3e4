"""Preconditioners by PyMatting's names: functions of a matrix that return functions of a vector."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from propmat._arithmetic import usual_arithmetic
from propmat._operators._stored import Sparse
from propmat._typing import Array
from propmat.errors import InputError, UnsupportedError
from propmat.preconditioners._ichol import IncompleteCholesky
from propmat.preconditioners._jacobi import Jacobi
from propmat.preconditioners._smoothed_aggregation import SmoothedAggregation
from propmat.pymatting._settings import without_meaning

Apply = Callable[[Array], Array]
Matrix = Sparse | NDArray[np.float64]

SHIFTS = (0.0, 1e-4, 1e-3, 1e-2, 0.1, 0.5, 1.0, 10.0, 100, 1e3, 1e4, 1e5)
MAX_NNZ = int(4e9 / 16)


@usual_arithmetic
def ichol(
    A: Matrix,  # noqa: N803
    discard_threshold: float = 1e-4,
    shifts: Sequence[float] = SHIFTS,
    max_nnz: int = MAX_NNZ,
    relative_discard_threshold: float = 0.0,
    diag_keep_discarded: bool = True,
) -> Apply:
    """Incomplete Cholesky factorisation, `propmat.preconditioners.IncompleteCholesky`, of a matrix.

    Parameters
    ----------
    A : SciPy sparse array or array, shape (n, n)
        Symmetric positive definite.
    discard_threshold : float, >= 0, default 1e-4
        Entries below this share of the norm of their column are discarded; in PyMatting it is an absolute value.
    shifts, max_nnz, relative_discard_threshold, diag_keep_discarded
        As in PyMatting, without effect: shifts are chosen, memory follows from the entries that are kept.

    Returns
    -------
    callable
        (n,) array → (L Lᵀ)⁻¹ times it.

    Raises
    ------
    InputError
        If A is not as above. It is a ValueError.
    ValueError
        If no shift of its diagonal makes the pivots positive.

    Examples
    --------
    >>> import numpy as np
    >>> ichol(np.array([[2.0, 3.0], [3.0, 5.0]]))(np.array([1.0, 2.0])).round(6)
    array([-1.,  1.])
    """
    why = "propmat's factorisation has its own rules"
    without_meaning("shifts", tuple(shifts), SHIFTS, why)
    without_meaning("max_nnz", max_nnz, MAX_NNZ, why)
    without_meaning("relative_discard_threshold", relative_discard_threshold, 0.0, why)
    without_meaning("diag_keep_discarded", diag_keep_discarded, True, why)
    try:
        return IncompleteCholesky(discard_threshold).prepare(_sparse(A))
    except UnsupportedError as error:
        raise ValueError(str(error)) from error


@usual_arithmetic
def jacobi(A: Matrix) -> Apply:  # noqa: N803
    """Division by the diagonal, `propmat.preconditioners.Jacobi`, of a matrix.

    Parameters
    ----------
    A : SciPy sparse array or array, shape (n, n)

    Returns
    -------
    callable
        (n,) array → that divided by the diagonal.

    Raises
    ------
    InputError
        If A is not as above. It is a ValueError.

    Examples
    --------
    >>> import numpy as np
    >>> jacobi(np.array([[2.0, 3.0], [3.0, 5.0]]))(np.array([1.0, 2.0]))
    array([0.5, 0.4])
    """
    return Jacobi().prepare(_sparse(A))


@usual_arithmetic
def vcycle(
    A: Matrix,  # noqa: N803
    shape: tuple[int, int],
    num_pre_iter: int = 1,
    num_post_iter: int = 1,
    omega: float = 0.8,
    direct_solve_size: int = 64,
    cache: object = None,
) -> Apply:
    """A V-cycle of multigrid, `propmat.preconditioners.SmoothedAggregation`, of a matrix.

    Parameters
    ----------
    A : SciPy sparse array or array, shape (n, n)
        Symmetric positive definite.
    shape : (int, int)
        Height and width of the image, n pixels in all.
    num_pre_iter, num_post_iter, omega, direct_solve_size, cache
        As in PyMatting, without effect: coarse levels and smoothers are chosen for the matrix.

    Returns
    -------
    callable
        (n,) array → one V-cycle from 0.

    Raises
    ------
    InputError
        If A is not as above, or n is not the number of pixels. It is a ValueError.

    Examples
    --------
    >>> import numpy as np
    >>> vcycle(np.array([[2.0, 0.0], [0.0, 5.0]]), (1, 2))(np.array([1.0, 2.0])).round(6)
    array([0.5, 0.4])
    """
    why = "levels and smoothers are chosen for the matrix"
    without_meaning("num_pre_iter", num_pre_iter, 1, why)
    without_meaning("num_post_iter", num_post_iter, 1, why)
    without_meaning("omega", omega, 0.8, why)
    without_meaning("direct_solve_size", direct_solve_size, 64, why)
    without_meaning("cache", cache, None, why)
    matrix = _sparse(A)
    if matrix.shape[0] != shape[0] * shape[1]:
        raise InputError(f"shape: {shape[0]} x {shape[1]} pixels do not fit a matrix of shape {matrix.shape}")
    return SmoothedAggregation().prepare(matrix)


def _sparse(matrix: Matrix) -> sp.csr_array:
    return sp.csr_array(matrix)
