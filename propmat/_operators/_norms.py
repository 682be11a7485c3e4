"""Norms of vectors, in host memory or on a GPU."""

from __future__ import annotations

import math

import numpy as np

from propmat._typing import Array

# Sums of squares below have lost digits to underflow.
LEAST_SQUARE = 1e-280


def length(vector: Array) -> float:
    """Euclidean length, correct also where squares overflow or underflow.

    Not computed by BLAS, whose threads spin after a call and slow down those of the kernels.
    """
    with np.errstate(over="ignore"):
        squared = float(np.square(vector).sum())
    if LEAST_SQUARE < squared < math.inf:
        return math.sqrt(squared)
    size = greatest(vector)
    if size == 0 or not math.isfinite(size):
        return size
    return size * math.sqrt(float(np.square(vector / size).sum()))


def greatest(vector: Array) -> float:
    """The largest absolute value; 0 of an empty vector."""
    return float(np.abs(vector).max()) if vector.size else 0.0
