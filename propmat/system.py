"""Laplacian and constraints → the linear system A x = b, and x → alpha.

Known pixels are eliminated, L_UU x = -L_UK alpha_K, or weighed, (L + C) x = C alpha*. Either way a prior p with
confidence kappa adds diag(kappa) to A and kappa p to b (`docs/mathematics.md`, section 2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from propmat.errors import InputError
from propmat.laplacian import Laplacian
from propmat.trimap import Trimap

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Prior:
    """What is believed of alpha beforehand: `value` (H, W), held with strength `confidence` (H, W) >= 0."""

    value: Array
    confidence: Array


@dataclass(frozen=True, eq=False)
class System:
    """A x = b over the pixels of `unknown`.

    Attributes
    ----------
    matrix : matrix-like, shape (n, n)
        Symmetric positive definite.
    rhs : (n,) array
    near_null_space : (n, m) array
        Columns that the Laplacian all but annihilates.
    unknown : (H, W) mask
        The n pixels that x is about, row by row.
    known_alpha : (H, W) array
        Alpha of all other pixels.
    """

    matrix: Any
    rhs: Array
    near_null_space: Array
    unknown: Mask
    known_alpha: Array

    def expand(self, x: Array) -> Array:
        """x set into the known alphas, (H, W)."""
        alpha = self.known_alpha.copy()
        alpha[self.unknown] = x
        return alpha

    def restrict(self, alpha: Array) -> Array:
        """The values of an (H, W) map on the unknown pixels."""
        return alpha[self.unknown]


def eliminate(laplacian: Laplacian, trimap: Trimap, prior: Prior | None = None) -> System:
    """The system of the unknown pixels alone; known pixels keep their labels exactly.

    Raises
    ------
    InputError
        If some unknown pixels are tied neither to a known pixel nor to the prior.
    """
    unknown = trimap.unknown
    matrix = laplacian.rows(unknown, unknown)
    coupling = laplacian.rows(unknown, trimap.known)
    rhs = -(coupling @ trimap.labels[trimap.known])
    anchored = np.diff(coupling.indptr) > 0
    if prior is not None:
        strength = prior.confidence[unknown]
        matrix, rhs = matrix + sp.diags_array(strength), rhs + strength * prior.value[unknown]
        anchored |= strength > 0
    return _system(laplacian, matrix, rhs, anchored, trimap.labels, unknown)


def weigh(laplacian: Laplacian, trimap: Trimap, confidence: Array, prior: Prior | None = None) -> System:
    """The system of all pixels, known ones held to their labels by `confidence` (H, W) >= 0.

    Raises
    ------
    InputError
        If some pixels are tied neither to a pixel of positive confidence nor to the prior.
    """
    strength = np.where(trimap.known, confidence, 0.0)
    pull = strength * trimap.labels
    if prior is not None:
        strength, pull = strength + prior.confidence, pull + prior.confidence * prior.value
    every = np.ones(trimap.shape, dtype=bool)
    matrix = laplacian.matrix + sp.diags_array(strength.ravel())
    return _system(laplacian, matrix, pull.ravel(), strength.ravel() > 0, trimap.labels, every)


def _system(laplacian: Laplacian, matrix: Any, rhs: Array, anchored: Mask, labels: Array, unknown: Mask) -> System:
    matrix = sp.csr_array(matrix)
    _require_anchors(laplacian, matrix, anchored, unknown)
    return System(matrix, rhs, laplacian.near_null_space[unknown.ravel()], unknown, labels)


def _require_anchors(laplacian: Laplacian, matrix: Any, anchored: Mask, unknown: Mask) -> None:
    """Refuse a singular system: conjugate gradients would answer 0, "background", and say nothing."""
    if laplacian.ties_all_pixels and anchored.any():
        return
    from scipy.sparse import csgraph

    _, component = csgraph.connected_components(matrix, directed=False)
    adrift = ~np.isin(component, component[anchored])
    if adrift.any():
        first = np.argwhere(unknown)[int(np.argmax(adrift))]
        raise InputError(
            f"laplacian: {int(adrift.sum())} unknown pixels are tied to no known pixel, the first at "
            f"({first[0]}, {first[1]}). Label one of them, give a prior there, or add weights that connect them."
        )
