"""The preconditioner for a matrix when none is asked for."""

from __future__ import annotations

from typing import Any

from propmat.preconditioners._base import Preconditioner
from propmat.preconditioners._smoothed_aggregation import SmoothedAggregation


def choose(matrix: Any) -> Preconditioner:
    """Smoothed aggregation: the fewest iterations on every graph (`python -m benchmarks.solvers`)."""
    return SmoothedAggregation()
