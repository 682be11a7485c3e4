"""Twin of `_cpu.lanczos`: coefficients of the Lanczos matrix, copied to the host once for all steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from propmat._gpu._launch import launch, over

SUMS = 1024  # largest number of partial sums of a dot product


def noise(live: Any, number: Any) -> Any:
    """Pseudo-random numbers in [-1, 1), the same on host and GPU; 0 where not live."""
    out = np.empty(live.size, number, like=live)
    launch("lanczos", f"noise_{out.dtype}", over(live.size), live, live.size, out)
    return out


def coefficients(multiply: Callable[[Any, Any], None], residual: Any, steps: int) -> Any:
    """(rᵀr, pᵀAp) of `steps` conjugate gradient steps, (steps, 2), from a residual, which is overwritten.

    ``multiply(x, out)`` sets out = -A x. Three kernels a step.
    """
    n = residual.size
    chunks = min(over(n), SUMS)
    product, along = np.zeros_like(residual), np.zeros_like(residual)  # -A r and -A p
    partial = np.empty((chunks, 2), np.float64, like=residual)
    sums: Any = np.empty((steps, 2), np.float64, like=residual)
    for k in range(steps):
        multiply(residual, product)
        launch("lanczos", f"dots_{residual.dtype}", chunks, residual, product, n, partial, chunks)
        launch("lanczos", f"advance_{residual.dtype}", chunks, residual, product, along, n, partial, chunks, k, sums)
    return sums.get()
