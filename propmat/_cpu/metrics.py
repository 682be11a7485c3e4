"""Kernels of the gradient error (separable filters) and of the connectivity error (union-find, level by level)."""

from __future__ import annotations

import numpy as np

from propmat._cpu._compiled import compiled


@compiled()
def gradient_magnitude(matte, smooth, derivative):
    """Magnitude of the gradient by the separable filters `smooth` (even) and `derivative` (odd).

    The border is replicated. Rows are filtered one at a time, so that both intermediate rows stay in the cache.
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


@compiled()
def last_level_inside(smaller, levels, pixels):
    """The number of the last level at which each of the flat indices `pixels` is in the largest component.

    `smaller` is the pixelwise minimum of both mattes, so that their intersection at a level is ``smaller >= level``.
    From the highest level downwards the intersection only grows, so that components are merged by union-find instead
    of being labelled again. Of equally large components the one with the first pixel in scan order is used. Levels that
    no pixel reaches are ignored.
    """
    reached = _levels_reached(smaller, levels)
    parent = np.full(smaller.size, -1, dtype=np.int32)
    size = np.ones(smaller.size, dtype=np.int32)
    inside = np.full(pixels.size, levels.size - 1, dtype=np.int64)
    largest = -1
    for level in range(levels.size - 1, 0, -1):
        largest = _add_level(parent, size, reached, level, largest)
        if largest >= 0:
            for i, pixel in enumerate(pixels):
                while 0 <= parent[pixel] != pixel:
                    pixel = parent[pixel]
                if pixel != largest:
                    inside[i] = level - 1
    return inside


@compiled()
def _levels_reached(values, levels):
    reached = np.zeros(values.shape, dtype=np.uint8)
    for y in range(values.shape[0]):
        for x in range(values.shape[1]):
            while reached[y, x] + 1 < levels.size and values[y, x] >= levels[reached[y, x] + 1]:
                reached[y, x] += 1
    return reached


@compiled()
def _add_level(parent, size, reached, level, largest):
    """Add the pixels of one level to the forest; return the root of its largest tree.

    The smaller index becomes the root: it is the first pixel of its component in scan order. Find and union are
    inlined by hand, because calls for each pixel take longer than the operations themselves.
    """
    height, width = reached.shape
    for y in range(height):
        for x in range(width):
            if reached[y, x] != level:
                continue
            root = y * width + x
            parent[root] = root
            for dy, dx in ((-1, 0), (0, -1), (0, 1), (1, 0)):
                if not (0 <= y + dy < height and 0 <= x + dx < width):
                    continue
                other = (y + dy) * width + x + dx
                if parent[other] < 0:
                    continue
                while parent[other] != other:
                    parent[other] = parent[parent[other]]
                    other = parent[other]
                if other != root:
                    first, second = min(root, other), max(root, other)
                    parent[second] = first
                    size[first] += size[second]
                    root = first
            if largest < 0 or (size[root], -root) > (size[largest], -largest):
                largest = root
    return largest
