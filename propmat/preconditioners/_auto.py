"""The preconditioner for a matrix when none is asked for."""

from __future__ import annotations

from typing import Any

from scipy import sparse

from propmat.grid import GridOperator
from propmat.preconditioners._base import Preconditioner
from propmat.preconditioners._jacobi import Jacobi
from propmat.preconditioners._multigrid import Multigrid
from propmat.preconditioners._smoothed_aggregation import SmoothedAggregation


def choose(matrix: Any) -> Preconditioner:
    """Multigrid on the pixel grid, smoothed aggregation for all other graphs (`python -m benchmarks.solvers`).

    An operator that can only be multiplied gets its diagonal.
    """
    if isinstance(matrix, GridOperator):
        return Multigrid()
    return SmoothedAggregation() if sparse.issparse(matrix) else Jacobi()
