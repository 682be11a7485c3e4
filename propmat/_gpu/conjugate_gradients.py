"""Twin of `_cpu.conjugate_gradients`: numbers that it returns stay on the device, so that no one waits for them."""

from __future__ import annotations

from typing import Any

import numpy as np

from propmat._gpu._launch import launch, over

SUMS = 1024  # stretches that dot products are summed over first
CHECK_EVERY = 4  # iterations between two looks at the residual, for which the host waits


def turn(r: Any, z: Any, p: Any, before: Any, partial: Any) -> Any:
    """p = z + beta p with beta = rᵀz / before, 0 for before = 0; returns rᵀ z."""
    n, chunks, product = r.size, partial.size, np.empty((), like=r)
    before = np.asarray(before, like=r)
    launch("conjugate_gradients", f"dot_{z.dtype}", chunks, r, z, n, partial, chunks)
    launch("conjugate_gradients", f"turn_{z.dtype}", over(n), z, p, n, partial, chunks, before, product)
    return product


def descend(x: Any, r: Any, p: Any, q: Any, rz: Any, curvature: Any, partial: Any) -> Any:
    """x += alpha p, r -= alpha q with alpha = rz / curvature, 0 unless both are positive; returns rᵀ r."""
    chunks = partial.size
    launch("conjugate_gradients", "descend", chunks, x, r, p, q, x.size, rz, curvature, partial, chunks)
    return partial.sum()
