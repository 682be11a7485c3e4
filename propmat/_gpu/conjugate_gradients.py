"""Twin of `_cpu.conjugate_gradients`: scalars are returned in device memory, so that the host need not synchronise."""

from __future__ import annotations

from typing import Any

import numpy as np

from propmat._gpu._launch import MOST_THREADS, launch, over

SUMS = 1024  # partial sums of a dot product
CHECK_EVERY = 4  # iterations between two checks of the residual, each of which synchronises host and device


def turn(r: Any, z: Any, p: Any, before: Any, partial: Any) -> Any:
    """p = z + beta p with beta = rᵀz / before, 0 for before = 0; returns rᵀ z."""
    n, chunks, product = r.size, partial.size, np.empty((), like=r)
    before = np.asarray(before, like=r)
    launch("conjugate_gradients", f"dot_{z.dtype}", chunks, r, z, n, partial, chunks)
    groups = min(over(n), SUMS)  # limited, because each group adds up all partial sums
    launch("conjugate_gradients", f"turn_{z.dtype}", groups, z, p, n, partial, chunks, before, product)
    return product


def descend(x: Any, r: Any, p: Any, q: Any, rz: Any, curvature: Any, partial: Any, record: Any) -> None:
    """x += alpha p, r -= alpha q with alpha = rz / curvature, 0 unless both are > 0.

    (rᵀr, pᵀAp, rz, max |alpha p|) goes to `record`, pᵀAp being the sum of `curvature`.
    """
    chunks, given = partial.shape[1], (rz, curvature, curvature.size, partial)
    launch("conjugate_gradients", "descend", chunks, x, r, p, q, x.size, *given, chunks)
    launch("conjugate_gradients", "record", 1, *given, chunks, record, threads=MOST_THREADS)


def look(records: Any) -> list[list[float]]:
    """The records of `descend` in host memory, as lists, in one transfer."""
    found: list[list[float]] = records.get().tolist()
    return found
