"""The second stage of shared sampling: neighbours share their pairs, then colours and alpha are smoothed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from propmat._typing import Array, Mask
from propmat.sampling._samples import SampledMatte

# Constants of Gastal and Oliveira 2010, sections 4.2 and 4.3.
REFINEMENT_RADIUS = 8.0  # a disc of 197 pixels, for the 200 nearest
SMOOTHING_RADIUS = 5.7  # a disc of 101 pixels, for the 100 nearest
DECAY = 10.0


def settle(pixels: Array, labels: NDArray[np.int8], pairs: Array, spreads: Array, found: Mask) -> SampledMatte:
    """The samples after refining and smoothing the pairs of colours of each pixel.

    `pairs` (2, d, H, W) has the background first; `spreads` (H, W, 2) are their variances; `found` (H, W) says which
    pixels have a pair.
    """
    from propmat._cpu import settling as kernels

    near = disc(REFINEMENT_RADIUS)
    colours, alpha, confidence = kernels.refine(pixels, labels, pairs, spreads, found, near, DECAY)
    near = disc(SMOOTHING_RADIUS)
    variance = len(near) / (9 * np.pi)
    nearness = np.exp(-(near**2).sum(axis=1) / (2 * variance))
    colours, alpha, confidence = kernels.smooth(pixels, labels, colours, alpha, confidence, near, nearness, DECAY)
    np.clip(alpha, 0.0, 1.0, out=alpha)  # means may exceed 1 by rounding
    return SampledMatte(alpha, confidence, colours[:, :, 1], colours[:, :, 0])


def disc(radius: float) -> NDArray[np.int64]:
    """Offsets (down, right) of the pixels within `radius`, nearest first."""
    reach = int(radius)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].reshape(2, -1)
    squared = y**2 + x**2
    order = np.argsort(squared, kind="stable")
    inside = order[squared[order] <= radius**2]
    return np.stack([y[inside], x[inside]], axis=1)
