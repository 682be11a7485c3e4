"""Twin of `_cpu.lanczos`: coefficients of the Lanczos matrix, read by the host once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from propmat._gpu._launch import launch, over

SUMS = 1024  # stretches that dot products are summed over first, at most


def noise(live: Any) -> Any:
    """Numbers in [-1, 1), 0 where not live."""
    out = np.empty(live.size, np.float32, like=live)
    launch("lanczos", "noise", over(live.size), live, live.size, out)
    return out


def coefficients(multiply: Callable[[Any, Any], None], residual: Any, steps: int) -> Any:
    """(rᵀr, pᵀAp) of so many conjugate gradient steps from a residual, three kernels each.

    ``multiply(x, out)`` sets out = -A x.
    """
    n = residual.size
    chunks = min(over(n), SUMS)
    product, along = np.zeros_like(residual), np.zeros_like(residual)  # -A r and -A p
    partial = np.empty((chunks, 2), like=residual)
    sums: Any = np.empty((steps, 2), like=residual)
    for k in range(steps):
        multiply(residual, product)
        launch("lanczos", "dots", chunks, residual, product, n, partial, chunks)
        launch("lanczos", "advance", chunks, residual, product, along, n, partial, chunks, k, sums)
    return sums.get()
