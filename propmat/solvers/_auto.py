"""The one place that knows all solvers."""

from __future__ import annotations

from typing import Any

from propmat.solvers._base import Solver
from propmat.solvers._cg import CG
from propmat.solvers._direct import Direct

# Below this a factorisation is done before a hierarchy is built (`python -m benchmarks.solvers`).
DIRECT_UP_TO = 2_000


def choose(matrix: Any) -> Solver:
    """The solver for a matrix when none is asked for: `Direct` for small systems, else `CG`.

    Parameters
    ----------
    matrix : matrix-like, shape (n, n)

    Returns
    -------
    Direct or CG

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> choose(sp.eye_array(10))
    Direct(strict=False)
    """
    return Direct() if matrix.shape[0] <= DIRECT_UP_TO else CG()
