"""Coefficients of the Lanczos matrix, to estimate the largest eigenvalue for Chebyshev smoothers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def noise(live: Array, number: Any) -> Array:
    """Pseudo-random numbers in [-1, 1), the same on host and GPU: an integer hash of 0, 1, 2, ..., 0 where not live."""
    key = np.arange(live.size, dtype=np.uint32)
    for factor, shift in ((0x9E3779B9, 16), (0x85EBCA6B, 13), (0xC2B2AE35, 16)):
        key *= np.uint32(factor)
        key ^= key >> np.uint32(shift)
    return (key * 2.0**-31 - 1.0).astype(number) * live


def coefficients(multiply: Callable[[Array, Array], None], residual: Array, steps: int) -> Array:
    """(rᵀr, pᵀAp) of `steps` conjugate gradient steps, (steps, 2), from a residual, which is overwritten.

    ``multiply(x, out)`` sets out = -A x. Coefficients after a breakdown are meaningless.
    """
    direction, product = np.zeros_like(residual), np.zeros_like(residual)
    sums = np.ones((steps + 1, 2), residual.dtype)
    with np.errstate(all="ignore"):
        for k in range(steps):
            sums[k, 0] = (residual * residual).sum()
            direction *= sums[k, 0] / sums[k - 1, 0]
            direction += residual
            multiply(direction, product)
            sums[k, 1] = -(direction * product).sum()
            residual += sums[k, 0] / sums[k, 1] * product
    return sums[:-1].astype(np.float64)
