"""The preconditioner for a matrix when none is asked for."""

from __future__ import annotations

from typing import Any

from propmat.grid import GridOperator
from propmat.preconditioners._base import Preconditioner
from propmat.preconditioners._multigrid import Multigrid
from propmat.preconditioners._smoothed_aggregation import SmoothedAggregation


def choose(matrix: Any) -> Preconditioner:
    """Multigrid on the pixel grid, smoothed aggregation for all other graphs (`python -m benchmarks.solvers`)."""
    return Multigrid() if isinstance(matrix, GridOperator) else SmoothedAggregation()
