"""Clusters of points, by splitting: deterministic, and blind to mirrors and rotations."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Members = NDArray[np.int64]


def clusters(points: NDArray[np.number], most: int, smallest: float) -> list[Members]:
    """Split `points` (n, d) at their mean across their principal axis, the most scattered cluster first.

    It ends at `most` clusters, or when none left has a variance above `smallest` along any axis. Returns the members
    of each (Orchard and Bouman 1991).
    """
    found = [_measured(points, np.arange(len(points)))]
    while len(found) < most:
        members, variance, along = found.pop(
            int(np.argmax([members.size * variance for members, variance, _ in found]))
        )
        if variance <= smallest:
            found.append((members, variance, along))
            break
        found += [_measured(points, members[along <= 0]), _measured(points, members[along > 0])]
    return [members for members, _, _ in found]


def _measured(points: NDArray[np.number], members: Members) -> tuple[Members, float, Array]:
    """A cluster, its variance along its principal axis, and where its members lie along it."""
    centred = points[members] - points[members].mean(axis=0)
    variances, axes = np.linalg.eigh(centred.T @ centred / members.size)
    return members, float(variances[-1]), centred @ axes[:, -1]
