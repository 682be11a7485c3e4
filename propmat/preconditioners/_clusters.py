"""Clusters of pixels of similar colour and position, and functions on them."""

from __future__ import annotations

import numpy as np

from propmat._backend import HOST
from propmat._typing import Array, Mask

SAMPLE, ROUNDS = 8192, 6  # of k-means: pixels from which the centres are found, and rounds
PIXELS = 64  # at least so many for each function
NEARNESS = 2.0  # weight of coordinates, which run from 0 to 1 over the picture as colours do
UNROLLED = 4  # kernels take the functions of a cluster in fours
SLIGHT = 1e-6  # standard deviations of a colour below this count as 0


def clusters_of(unknown: Mask, colours: Array, columns: int) -> Array:
    """The cluster of each unknown pixel, by k-means of colours and coordinates."""
    kernels = HOST.kernels("deflation")
    y, x = np.nonzero(unknown)
    points = np.column_stack([colours, NEARNESS * y / unknown.shape[0], NEARNESS * x / unknown.shape[1]])
    count = max(1, min(columns, len(points) // PIXELS) // (1 + colours.shape[1]))
    sample = points[:: -(-len(points) // SAMPLE)]
    centres = sample[np.arange(count) * len(sample) // count]
    for _ in range(ROUNDS):
        labels = kernels.assign(sample, centres)
        sizes = np.bincount(labels, minlength=count)
        sums = np.column_stack([np.bincount(labels, column, count) for column in sample.T])
        centres = np.where(sizes[:, np.newaxis] > 0, sums / np.maximum(sizes, 1)[:, np.newaxis], centres)
    labels_of_all: Array = kernels.assign(points, centres)
    return labels_of_all


def functions_on(labels: Array, colours: Array) -> Array:
    """The constant and the colours on each cluster, (n, q): centred, of unit variance; 0 where a colour is constant."""
    count, width = int(labels.max(initial=0)) + 1, 1 + colours.shape[1]
    sizes = np.maximum(np.bincount(labels, minlength=count), 1)
    functions = np.zeros((len(labels), -(-width // UNROLLED) * UNROLLED))
    functions[:, 0] = 1.0
    for c, colour in enumerate(colours.T, 1):
        centred = colour - (np.bincount(labels, colour, count) / sizes)[labels]
        spread = np.sqrt(np.bincount(labels, centred * centred, count) / sizes)
        functions[:, c] = centred * np.divide(1.0, spread, out=np.zeros(count), where=spread > SLIGHT)[labels]
    return functions
