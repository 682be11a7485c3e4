"""Neighbours in colour and, with another weight, in position."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from propmat import _inputs
from propmat._backend import HOST
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike, Mask
from propmat.errors import InputError

Pixels = NDArray[np.int32] | NDArray[np.int64]

TIED = 1e-9  # relative difference below which distances are equal; rounding makes some 1e-13


def read(image: ArrayLike, trimap: ArrayLike | Trimap) -> tuple[Array, Trimap]:
    pixels = _inputs.image(image)
    known = Trimap.parse(trimap, pixels.shape)
    if not known.unknown.any():
        raise InputError("trimap: has no unknown pixel for information to flow to")
    return pixels, known


def features(pixels: Array, nearness: float) -> Array:
    """Colours, and coordinates times `nearness`, of all pixels: (H * W, d + 2)."""
    height, width, channels = pixels.shape
    y, x = np.mgrid[:height, :width]
    coordinates = np.stack([y / height, x / width], axis=2)
    return np.concatenate([pixels, nearness * coordinates], axis=2).reshape(-1, channels + 2)


class Nearest(NamedTuple):
    """Neighbours, a row for each query.

    Attributes
    ----------
    pixels : (n, k) array
        Their indices.
    counts : (n, k) array of bool
        Which of them are neighbours; the others pad the rows.
    """

    pixels: Pixels
    counts: Mask


def nearest(points: Array, queries: Array, count: int) -> Nearest:
    """The `count` points nearest to each query, and those as far away as the last of them."""
    trees, kernels = HOST.kernels("neighbours"), HOST.kernels("queries")
    count, most = min(count, len(points)), min(count + 1, len(points))
    tree = trees.build(points.copy())
    pixels, squares = kernels.nearest(tree, queries, most)
    limits = (1.0 + TIED) ** 2 * squares[:, count - 1]
    tied = np.flatnonzero((squares[:, count:] <= limits[:, np.newaxis]).any(axis=1))
    starts, within = kernels.within(tree, queries[tied], limits[tied])
    sizes = np.full(len(queries), count)
    sizes[tied] = np.diff(starts)
    counts = np.arange(sizes.max(initial=count)) < sizes[:, np.newaxis]
    padded = np.zeros(counts.shape, np.int32)
    padded[:, :count] = pixels[:, :count]
    padded[np.repeat(tied, np.diff(starts)), np.arange(len(within)) - np.repeat(starts[:-1], np.diff(starts))] = within
    return Nearest(padded, counts)


def others(own: Pixels, near: Nearest) -> Nearest:
    """The neighbours without the point itself."""
    return near._replace(counts=near.counts & (near.pixels != own[:, np.newaxis]))


def rows_of(weights: Array, neighbours: Pixels, pixels: int, own: Pixels | None = None) -> sp.csr_array:
    """(n, k) weights set into a sparse matrix; with `own`, row r goes to row own[r] of a square one."""
    count, each = weights.shape
    rows = np.repeat(np.arange(count) if own is None else own, each)
    shape = (count if own is None else pixels, pixels)
    return sp.csr_array((weights.ravel(), (rows, neighbours.ravel())), shape)
