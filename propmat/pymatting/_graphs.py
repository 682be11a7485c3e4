"""The graphs of PyMatting that propmat's own methods do not have."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add

import numpy as np
import scipy.sparse as sp

from propmat import _inputs
from propmat._typing import Array
from propmat.errors import InputError, shown
from propmat.laplacian._contract import Laplacian
from propmat.laplacian._graph import Graph
from propmat.laplacian._knn import Knn
from propmat.laplacian._knn_presets import Preset
from propmat.laplacian._random_walk import LEAST_WEIGHT
from propmat.pymatting._settings import without_meaning

NEIGHBOURS, DISTANCE_WEIGHTS = (20, 10), (2.0, 0.1)


def nearest_neighbours(
    pixels: Array,
    n_neighbors: Sequence[int] = NEIGHBOURS,
    distance_weights: Sequence[float] = DISTANCE_WEIGHTS,
    kernel: str = "binary",
) -> Laplacian:
    """The Laplacian of the nearest pixels in colour and position, a sum over searches; the pixel itself is one of K."""
    soft = _inputs.choice(kernel, "kernel", ("binary", "soft")) == "soft"
    counts = [_inputs.whole_number(count, "n_neighbors") for count in n_neighbors]
    weights = [_inputs.tolerance(weight, "distance_weights") for weight in distance_weights]
    if not counts or len(counts) != len(weights):
        told = f"{shown(n_neighbors)} and {shown(distance_weights)}"
        raise InputError(f"n_neighbors: takes as many numbers as distance_weights, at least one, got {told}")
    if not soft:
        return Knn(pixels, "", constants=Preset(tuple(counts), tuple(weights), by_diagonal=False))
    searches = zip(counts, weights, strict=True)
    return reduce(add, (Knn(pixels, "", constants=_soft(count, weight)) for count, weight in searches))


def _soft(count: int, weight: float) -> Preset:
    """One search, whose kernel is 1 - |X_i - X_j|₁ / (number of features) of the features that are searched."""
    return Preset((count,), (weight,), kernel_spatial=weight, by_diagonal=False)


def random_walk(pixels: Array, sigma: float = 0.033, radius: int = 1, regularization: float = 1e-8) -> Laplacian:
    """The Laplacian D - W of the neighbours in a square, symmetric; rows are not divided by their sums."""
    without_meaning("regularization", regularization, 1e-8, "the graph is connected without")
    weights = neighbour_weights(pixels, sigma, radius)
    weights.data += LEAST_WEIGHT  # first: the sum below leaves out pairs whose weights are 0
    symmetric = (weights + weights.T).tocsr() / 2
    return Graph(sp.diags_array(symmetric.sum(axis=1)) - symmetric, pixels.shape[:2])


def neighbour_weights(pixels: Array, sigma: float, radius: int) -> sp.csr_array:
    """exp(-‖I_i - I_j‖² / sigma²) of pixels in a square of 2 radius + 1, itself included.

    Beyond the border the nearest pixel counts once more, as in PyMatting.
    """
    sigma, radius = _inputs.positive(sigma, "sigma"), _inputs.whole_number(radius, "radius")
    height, width = pixels.shape[:2]
    number = np.arange(height * width, dtype=np.int32).reshape(height, width)
    y, x = np.arange(height), np.arange(width)
    first, second, weights = [], [], []
    for dy in range(-radius, radius + 1):
        for dx in range(-radius, radius + 1):
            other = np.ix_(np.clip(y + dy, 0, height - 1), np.clip(x + dx, 0, width - 1))
            first.append(number.ravel())
            second.append(number[other].ravel())
            weights.append(np.exp(-np.square((pixels - pixels[other]) / sigma).sum(axis=2)).ravel())
    entries = np.concatenate(weights), (np.concatenate(first), np.concatenate(second))
    return sp.coo_array(entries, shape=(number.size, number.size)).tocsr()
