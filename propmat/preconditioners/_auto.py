"""The preconditioner for a matrix when none is given."""

from __future__ import annotations

import numpy as np

from propmat._operators._contract import Operator
from propmat._operators._gram import Gram
from propmat._operators._stored import wrapped
from propmat._operators._sum import GridSum
from propmat.preconditioners._base import Preconditioner
from propmat.preconditioners._deflated import Deflated
from propmat.preconditioners._jacobi import Jacobi
from propmat.preconditioners._multigrid import Multigrid
from propmat.preconditioners._smoothed_aggregation import SmoothedAggregation

# An entry is far if row and column differ by more than a tenth of n. Of KNN matrices and their sums with the closed
# form 0.4 to 4 % of the entries are far, of window matrices none.
FAR, SHARE = 0.1, 1e-3

# The part of the diagonal from which `Deflated` takes less time than `Jacobi`; far below it takes up to three times as
# much, and far above a sixth.
MOSTLY = 0.5


def choose(matrix: Operator) -> Preconditioner:
    """The preconditioner for a matrix when none is given: multigrid where it is possible.

    `Multigrid` on the pixel grid; `SmoothedAggregation` for other local graphs. Where many edges join distant pixels,
    as those between like colours do, `Deflated` if a part of the sum lies on the pixel grid, has colours and makes up
    most of the diagonal, else `Jacobi`, because information then crosses the picture in few iterations. `Jacobi` for
    operators without stored entries, too. Figures are in `docs/measurements/solvers.md`.

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
    if isinstance(operator, GridSum) and any(map(_reaches_far, operator.distant)):
        worth = operator.colours.size and _mostly_local(operator)
        return Deflated() if worth else Jacobi()
    return SmoothedAggregation() if operator.stored and not _reaches_far(operator) else Jacobi()


def _mostly_local(matrix: GridSum) -> bool:
    return bool(np.median(matrix.local.diagonal() / matrix.diagonal()) > MOSTLY)


def _reaches_far(matrix: Operator) -> bool:
    """Whether more entries are far from the diagonal than a graph of local windows has; of R'R, rows of R that are."""
    if isinstance(matrix, Gram):
        rows = matrix.residual[np.flatnonzero(np.diff(matrix.residual.indptr))]
        ends = (bound.reduceat(rows.indices, rows.indptr[:-1]) for bound in (np.maximum, np.minimum))
        apart = np.subtract(*ends) if rows.nnz else np.zeros(1)
    else:
        entries = matrix.tocsr()
        apart = np.repeat(np.arange(entries.shape[0]), np.diff(entries.indptr)) - entries.indices
    return bool(np.mean(np.abs(apart) > FAR * matrix.shape[0]) > SHARE)
