"""Twin of `_cpu.conjugate_gradients`: numbers that it returns stay on the device, so that no one waits for them."""

from __future__ import annotations

from typing import Any

import numpy as np

from propmat._gpu._launch import MOST_THREADS, launch, over

SUMS = 1024  # stretches that dot products are summed over first
CHECK_EVERY = 4  # iterations between two looks at the residual, for which the host waits


def turn(r: Any, z: Any, p: Any, before: Any, partial: Any) -> Any:
    """p = z + beta p with beta = rᵀz / before, 0 for before = 0; returns rᵀ z."""
    n, chunks, product = r.size, partial.size, np.empty((), like=r)
    before = np.asarray(before, like=r)
    launch("conjugate_gradients", f"dot_{z.dtype}", chunks, r, z, n, partial, chunks)
    groups = min(over(n), SUMS)  # each adds the partial sums anew
    launch("conjugate_gradients", f"turn_{z.dtype}", groups, z, p, n, partial, chunks, before, product)
    return product


def descend(x: Any, r: Any, p: Any, q: Any, rz: Any, curvature: Any, partial: Any) -> Any:
    """x += alpha p, r -= alpha q with alpha = rz / curvature, 0 unless both are positive; returns rᵀ r in parts."""
    chunks = partial.size
    launch("conjugate_gradients", "descend", chunks, x, r, p, q, x.size, rz, curvature, curvature.size, partial, chunks)
    return partial


def look(squared: Any, curvature: Any, rz: Any) -> tuple[float, ...]:
    """The three as numbers of the host, which waits once."""
    found: Any = np.empty(3, like=rz)
    given = (squared, squared.size, curvature, curvature.size, rz)
    launch("conjugate_gradients", "look", 1, *given, found, threads=MOST_THREADS)
    return tuple(found.get().tolist())
