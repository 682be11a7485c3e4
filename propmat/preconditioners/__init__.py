"""Preconditioners for conjugate gradients.

A preconditioner is an object with ``prepare`` (`Preconditioner`), which returns the map r → M⁻¹ r, a function of (n,)
arrays (`Apply`, or `SpreadApply`). `NearNullSpace` is a function without arguments that returns (n, m) columns that the
matrix maps nearly to 0; multigrid methods coarsen along them.
"""

from propmat._operators import NearNullSpace
from propmat.preconditioners._auto import choose
from propmat.preconditioners._base import Apply, Identity, Preconditioner, SpreadApply
from propmat.preconditioners._ichol import IncompleteCholesky
from propmat.preconditioners._jacobi import Jacobi
from propmat.preconditioners._multigrid import Deflated, Multigrid
from propmat.preconditioners._smoothed_aggregation import SmoothedAggregation

__all__ = [
    "Apply",
    "Deflated",
    "Identity",
    "IncompleteCholesky",
    "Jacobi",
    "Multigrid",
    "NearNullSpace",
    "Preconditioner",
    "SmoothedAggregation",
    "SpreadApply",
    "choose",
]
