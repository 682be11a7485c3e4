"""Gradient error and connectivity error: a separable filter, and union-find level by level."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def gradient_magnitude(matte, smooth, derivative):
    """Length of the gradient by the separable filters `smooth` (even) and `derivative` (odd).

    The border is replicated. Rows are filtered one at a time so that both intermediate rows stay in
    cache.
    """
    height, width = matte.shape
    half = smooth.size // 2
    magnitude = np.empty((height, width))
    smoothed = np.empty(width + 2 * half)
    derived = np.empty(width + 2 * half)
    gx = np.empty(width)
    gy = np.empty(width)
    for y in range(height):
        smoothed[:] = 0.0
        derived[:] = 0.0
        for k in range(-half, half + 1):
            row = matte[min(max(y + k, 0), height - 1)]
            for x in range(width):
                smoothed[x + half] += smooth[k + half] * row[x]
                derived[x + half] += derivative[k + half] * row[x]
        for side in range(half):
            smoothed[side], derived[side] = smoothed[half], derived[half]
            smoothed[width + half + side] = smoothed[width + half - 1]
            derived[width + half + side] = derived[width + half - 1]
        gx[:] = 0.0
        gy[:] = 0.0
        for k in range(2 * half + 1):
            for x in range(width):
                gx[x] += derivative[k] * smoothed[x + k]
                gy[x] += smooth[k] * derived[x + k]
        for x in range(width):
            magnitude[y, x] = np.sqrt(gx[x] * gx[x] + gy[x] * gy[x])
    return magnitude


@njit(cache=True, nogil=True)
def last_level_inside(smaller, levels, pixels):
    """Number of the level before each of the flat indices `pixels` leaves the largest component.

    `smaller` is the pixelwise minimum of both mattes, so that their intersection at a level is
    ``smaller >= level``. From the highest level down it only grows, and union-find follows without
    labelling anew. Of components of one size the one with the first pixel in scan order counts.
    Levels that no pixel reaches drop none.
    """
    reached = _levels_reached(smaller.ravel(), levels)
    parent = np.full(smaller.size, -1, dtype=np.int32)
    size = np.ones(smaller.size, dtype=np.int32)
    inside = np.full(pixels.size, levels.size - 1, dtype=np.int64)
    largest = -1
    for level in range(levels.size - 1, 0, -1):
        for pixel in range(smaller.size):
            if reached[pixel] == level:
                root = _add(parent, size, pixel, smaller.shape[1])
                if largest < 0 or (size[root], -root) > (size[largest], -largest):
                    largest = root
        if largest >= 0:
            for i, pixel in enumerate(pixels):
                if parent[pixel] < 0 or _root(parent, pixel) != largest:
                    inside[i] = level - 1
    return inside


@njit(cache=True, nogil=True)
def _levels_reached(values, levels):
    reached = np.zeros(values.size, dtype=np.uint8)
    for i, value in enumerate(values):
        while reached[i] + 1 < levels.size and value >= levels[reached[i] + 1]:
            reached[i] += 1
    return reached


@njit(cache=True, nogil=True)
def _add(parent, size, pixel, width):
    """Add a pixel, join it to its neighbours that are there already, and return its root."""
    parent[pixel] = pixel
    root = pixel
    if pixel >= width:
        root = _join(parent, size, root, pixel - width)
    if pixel % width > 0:
        root = _join(parent, size, root, pixel - 1)
    if pixel % width < width - 1:
        root = _join(parent, size, root, pixel + 1)
    if pixel < parent.size - width:
        root = _join(parent, size, root, pixel + width)
    return root


@njit(cache=True, nogil=True)
def _join(parent, size, root, neighbour):
    """Join under the smaller index: a root is the first pixel of its component in scan order."""
    if parent[neighbour] < 0:
        return root
    other = _root(parent, neighbour)
    if other == root:
        return root
    first, second = min(root, other), max(root, other)
    parent[second] = first
    size[first] += size[second]
    return first


@njit(cache=True, nogil=True)
def _root(parent, pixel):
    while parent[pixel] != pixel:
        parent[pixel] = parent[parent[pixel]]
        pixel = parent[pixel]
    return pixel
