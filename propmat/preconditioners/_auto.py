"""The preconditioner for a matrix when none is given."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from propmat._operators._contract import Operator
from propmat._operators._stored import wrapped
from propmat.preconditioners._base import Preconditioner
from propmat.preconditioners._jacobi import Jacobi
from propmat.preconditioners._multigrid import Multigrid
from propmat.preconditioners._smoothed_aggregation import SmoothedAggregation

# An entry is far if row and column differ by more than a tenth of n. Of KNN matrices and their sums with the closed
# form 0.4 to 4 % of the entries are far, of window matrices none.
FAR, SHARE = 0.1, 1e-3


def choose(matrix: Operator) -> Preconditioner:
    """The preconditioner for a matrix when none is given: multigrid where it is possible.

    `Multigrid` on the pixel grid; `SmoothedAggregation` for other local graphs; `Jacobi` where many edges join distant
    pixels, as those between like colours do, because information then crosses the picture in few iterations, and for
    operators without stored entries. Figures are in `docs/measurements/solvers.md`.

    Parameters
    ----------
    matrix : propmat.solvers.Operator or SciPy sparse array, shape (n, n)

    Returns
    -------
    Preconditioner

    Raises
    ------
    InputError
        If `matrix` is neither an operator nor a sparse array, not square, or has entries that are NaN or infinite.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> choose(sp.eye_array(10))
    SmoothedAggregation()
    """
    operator = wrapped(matrix)
    if operator.grid is not None:
        return Multigrid()
    return SmoothedAggregation() if operator.stored and not _reaches_far(operator.tocsr()) else Jacobi()


def _reaches_far(matrix: sp.csr_array) -> bool:
    """Whether more entries are far from the diagonal than a graph of local windows has."""
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    return bool(np.mean(np.abs(rows - matrix.indices) > FAR * matrix.shape[0]) > SHARE)
