"""Preconditioners for conjugate gradients."""

from propmat._operators import NearNullSpace
from propmat.preconditioners._auto import choose
from propmat.preconditioners._base import Apply, Identity, Preconditioner, SpreadApply
from propmat.preconditioners._ichol import IncompleteCholesky
from propmat.preconditioners._jacobi import Jacobi
from propmat.preconditioners._multigrid import Multigrid
from propmat.preconditioners._smoothed_aggregation import SmoothedAggregation

__all__ = [
    "Apply",
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
