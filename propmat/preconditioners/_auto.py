"""The preconditioner for a matrix when none is given."""

from __future__ import annotations

import numpy as np

from propmat._operators._contract import Operator
from propmat._operators._stored import Stored, wrapped
from propmat._operators._sum import Gram, as_sum
from propmat.preconditioners._base import Preconditioner
from propmat.preconditioners._jacobi import Jacobi
from propmat.preconditioners._multigrid import Deflated, Multigrid
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
    parts = as_sum(operator)
    if parts is not None and any(_reaches_far(part) for part in parts.distant):
        share = np.median(parts.local.diagonal() / parts.diagonal())
        return Deflated() if parts.colours.size and share > MOSTLY else Jacobi()
    if not operator.stored:
        return Jacobi()
    return Jacobi() if _reaches_far(Stored.of(operator.tocsr())) else SmoothedAggregation()


def _reaches_far(matrix: Gram | Stored) -> bool:
    """Whether more entries are far from the diagonal than a graph of local windows has."""
    return matrix.far(FAR * matrix.shape[0]) > SHARE
