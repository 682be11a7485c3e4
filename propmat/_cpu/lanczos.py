"""Coefficients of the Lanczos matrix, for the bounds of smoothers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def noise(live: Array) -> Array:
    """Numbers in [-1, 1) as good as random, the same wherever they are made: a multiplicative hash of 0, 1, 2 ..."""
    key = np.arange(live.size, dtype=np.uint32)
    for factor, shift in ((0x9E3779B9, 16), (0x85EBCA6B, 13), (0xC2B2AE35, 16)):
        key *= np.uint32(factor)
        key ^= key >> np.uint32(shift)
    return (key * 2.0**-31 - 1.0).astype(np.float32) * live


def coefficients(multiply: Callable[[Array, Array], None], residual: Array, steps: int) -> Array:
    """(rᵀr, pᵀAp) of so many conjugate gradient steps from a residual, which is used up.

    ``multiply(x, out)`` sets out = -A x. What comes after a breakdown is not to be looked at.
    """
    direction, product = np.zeros_like(residual), np.zeros_like(residual)
    sums = np.ones((steps + 1, 2), np.float32)
    with np.errstate(all="ignore"):
        for k in range(steps):
            sums[k, 0] = (residual * residual).sum()
            direction *= sums[k, 0] / sums[k - 1, 0]
            direction += residual
            multiply(direction, product)
            sums[k, 1] = -(direction * product).sum()
            residual += sums[k, 0] / sums[k, 1] * product
    return sums[:-1].astype(np.float64)
