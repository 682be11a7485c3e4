"""The linear system A x = b of a Laplacian and its constraints, and alpha from x.

Known pixels are eliminated, L_UU x = -L_UK α_K, or penalised with a confidence, (L + C) x = C α*. In both cases a prior
p with confidence κ adds diag(κ) to A and κ p to b (`docs/mathematics.md`, section 2).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from propmat._backend import HOST, moved_like, to_host
from propmat._operators._contract import Operator
from propmat._operators._stored import Stored
from propmat._trimap import Trimap
from propmat._typing import Array, Mask
from propmat.errors import InputError, warn
from propmat.laplacian._affinity import affinity
from propmat.laplacian._contract import Laplacian
from propmat.laplacian._split import Split

# Weak edges relative to the mean weight: much weaker than similarities of colour, far above the tolerance of a solve.
BRIDGE = 1e-3
# Confidences up to this can be subtracted from a diagonal again with an error of 1e-12 of the entries of a Laplacian.
SUBTRACTED = 1e4
SMALL = 150_000  # pixels of a picture whose layout takes in all of them when it must grow: a set-up of 0.1 s


@dataclass(frozen=True, eq=False)
class System:
    """The matrix of a constrained Laplacian, its right-hand sides, and the maps between x and alpha.

    Attributes
    ----------
    laplacian : Laplacian
        L.
    split : Split
        L over the pixels that are solved for, with `confidence` and `prior_confidence` added to its diagonal.
    solved_for : (H, W) mask
        The n pixels of x, row by row.
    confidence, prior_confidence : (H, W) array
        Confidence in the labels, C, and in the prior, κ.
    """

    laplacian: Laplacian
    split: Split
    solved_for: Mask
    confidence: Array
    prior_confidence: Array

    @property
    def matrix(self) -> Operator:
        """A: symmetric positive definite, shape (n, n)."""
        return self.split.matrix

    def near_null_space(self) -> Array:
        """Columns that A maps nearly to 0, (n, m)."""
        return self.laplacian.near_null_space(self.solved_for)

    def reweighed(self, confidence: Array, prior_confidence: Array) -> System:
        """The same Laplacian with other confidences."""
        change = self.restrict(confidence + prior_confidence - self.confidence - self.prior_confidence)
        split = replace(self.split, matrix=self.matrix.shifted(change))
        return replace(self, split=split, confidence=confidence, prior_confidence=prior_confidence)

    def relabelled(self, laplacian: Laplacian, trimap: Trimap, confidence: Array | None) -> System:
        """The system for other labels, with the confidence (H, W) in known pixels; None eliminates them.

        `laplacian` is the one that was given, without weak edges. The matrix shares its entries with this one where
        that is possible.
        """
        of_prior = self.prior_confidence
        if confidence is None:
            split = self._split_within(laplacian, trimap.unknown)
            if split is None:
                return eliminate(laplacian, trimap, of_prior)
            return replace(self, split=split, solved_for=trimap.unknown)
        held = np.where(trimap.known, confidence, 0.0)
        tied = laplacian.ties_all_pixels and not laplacian.parts.seams and bool((held + of_prior).any())
        if tied and confidence.max() <= SUBTRACTED:
            return self.reweighed(held, of_prior)
        return weigh(laplacian, trimap, confidence, of_prior)

    def _split_within(self, laplacian: Laplacian, unknown: Mask) -> Split | None:
        """The Laplacian cut at other unknown pixels of the same layout, which is made larger where they do not fit."""
        grid = self.matrix.grid
        if grid is None or not grid.backend.factorises or laplacian.parts.seams or not laplacian.ties_all_pixels:
            return None
        if not unknown.any() or unknown.all() and not self.prior_confidence.any():
            return None
        if not grid.support.holds(unknown):
            diagonal = self.prior_confidence if self.prior_confidence.any() else None
            grid = laplacian.split(_larger(grid.support.layout, unknown), diagonal).matrix.grid
        if grid is None:
            return None
        matrix = grid.within(unknown)
        return Split(matrix, matrix.times_known, np.ones(matrix.shape[0], bool))

    def rhs(self, labels: Array, prior: Array) -> Array:
        """b for (H, W) labels and prior; of the labels only those of known pixels are used."""
        return self._pull(labels, prior) - self.split.times_known(labels)

    def _pull(self, labels: Array, prior: Array) -> Array:
        """What the confidences contribute to b: C α* + κ p."""
        return self.restrict(self.confidence * labels + self.prior_confidence * prior)

    def centred(self, labels: Array, prior: Array) -> tuple[Array, Array]:
        """A point x₀, and b - A x₀.

        Each independent part has its own x₀: the values that the confidences hold its pixels to, if b - A x₀ is then
        shorter than b, else 0. A large confidence makes b large, and a tolerance relative to ‖b‖ would be too coarse
        for all other pixels.
        """
        rhs = self.rhs(labels, prior)
        zeros = np.zeros_like(rhs)
        strength = self.restrict(self.confidence + self.prior_confidence)
        if not strength.any():
            return zeros, rhs
        point = np.where(strength > 0, self._pull(labels, prior) / np.where(strength > 0, strength, 1.0), 0.5)
        seen = rhs - self.matrix @ point
        nearer = self.laplacian.parts.shorter(seen, rhs, self.solved_for)
        return np.where(nearer, point, zeros), np.where(nearer, seen, rhs)

    def expand(self, x: Array, labels: Array) -> Array:
        """Alpha (H, W): x on the pixels solved for, the labels on the others."""
        alpha = labels.copy()
        alpha[self.solved_for] = x
        return alpha

    def restrict(self, alpha: Array) -> Array:
        """The values (n,) of an (H, W) map on the pixels solved for."""
        return alpha[self.solved_for]


def _larger(layout: Mask, unknown: Mask) -> Mask:
    """A layout that holds other unknown pixels: all pixels of a small picture, so that it need not grow again."""
    return np.ones_like(layout) if layout.size <= SMALL else layout | unknown


def eliminate(laplacian: Laplacian, trimap: Trimap, prior_confidence: Array | None = None) -> System:
    """The system of the unknown pixels; known pixels have exactly their labels.

    Raises
    ------
    InputError
        If no pixel is unknown, or some are connected neither to a known pixel nor to the prior.
    """
    if not trimap.unknown.any():
        raise InputError("trimap: has no unknown pixel, so there is nothing to solve for")
    return _system(laplacian, trimap.unknown, zero_map(trimap.known), prior_confidence)


def weigh(laplacian: Laplacian, trimap: Trimap, confidence: Array, prior_confidence: Array | None = None) -> System:
    """The system of all pixels, with deviations of known ones from their labels weighted by a confidence (H, W) >= 0.

    Raises
    ------
    InputError
        If some pixels are connected neither to a pixel of positive confidence nor to the prior.
    """
    confidence = np.where(trimap.known, confidence, 0.0)
    return _system(laplacian, np.ones_like(trimap.known), confidence, prior_confidence)


def check_known(trimap: Trimap, prior: bool) -> None:
    """Refuse a trimap without a known pixel, unless there is a prior."""
    if not trimap.known.any() and not prior:
        raise InputError("trimap: has no known pixel; label at least one foreground and one background pixel")


def _system(laplacian: Laplacian, solved_for: Mask, confidence: Array, prior_confidence: Array | None) -> System:
    prior_confidence = zero_map(solved_for) if prior_confidence is None else prior_confidence
    diagonal = confidence + prior_confidence if confidence.any() or prior_confidence.any() else None
    split = laplacian.split(solved_for, diagonal)
    adrift = _adrift(laplacian, split, solved_for, confidence[solved_for] + prior_confidence[solved_for] > 0)
    if adrift.any():
        laplacian, split = _bridged(laplacian, split, adrift, solved_for)
    return System(laplacian, split, solved_for, confidence, prior_confidence)


def zero_map(mask: Mask) -> Array:
    """Zeros, broadcast to the shape of a mask without allocating them, in the memory of the mask."""
    return np.broadcast_to(np.zeros((), like=mask), mask.shape)


def _adrift(laplacian: Laplacian, split: Split, solved_for: Mask, constrained: Mask) -> Mask:
    """Which of the n pixels are connected to no constraint: conjugate gradients would return 0 there without notice."""
    anchored = split.touches_known | constrained
    if laplacian.ties_all_pixels and laplacian.parts.all_have(anchored, solved_for):
        return np.zeros(anchored.size, bool)
    anchored = to_host(anchored)
    if anchored.all() or not anchored.any():
        return ~anchored
    adrift: Mask = ~HOST.kernels("csr").tied(split.matrix.tocsr(), anchored)
    return adrift


def _bridged(laplacian: Laplacian, split: Split, adrift: Mask, solved_for: Mask) -> tuple[Laplacian, Split]:
    """The Laplacian and its split with weak edges from unconnected pixels to their neighbours, if it allows them."""
    count, first = int(adrift.sum()), np.argwhere(to_host(solved_for))[int(np.argmax(adrift))]
    if adrift.all() and solved_for.all() or not laplacian.bridges_gaps:
        raise InputError(
            f"laplacian: {count} unknown pixels are tied to no known pixel, the first at "
            f"({first[0]}, {first[1]}). Label one of them, give a prior there, or add weights that connect them."
        )
    warn(
        f"{count} unknown pixels are tied to no known pixel, the first at ({first[0]}, {first[1]}); weak edges "
        f"to their neighbours in the image tie them."
    )
    pixels = np.zeros(solved_for.shape, bool)
    pixels[to_host(solved_for)] = adrift
    entries = split.matrix.tocsr()
    weight = BRIDGE * _mean_weight(entries.tocoo())
    across, down = pixels[:, 1:] | pixels[:, :-1], pixels[1:] | pixels[:-1]
    bridges = affinity(*(moved_like(np.where(mask, weight, 0.0), solved_for) for mask in (across, down)))
    weak = bridges.split(solved_for)
    together = Split(
        Stored.of(entries + weak.matrix.tocsr(), solved_for),
        CoupledTwice(split.times_known, weak.times_known),
        split.touches_known | weak.touches_known,
    )
    return laplacian + bridges, together


@dataclass(frozen=True, eq=False)
class CoupledTwice:
    """The sum of two products with known values."""

    one: Callable[[Array], Array]
    other: Callable[[Array], Array]

    def __call__(self, values: Array) -> Array:
        return self.one(values) + self.other(values)


def _mean_weight(matrix: sp.coo_array) -> float:
    edges = matrix.row != matrix.col
    return float(np.abs(matrix.data[edges]).mean()) if edges.any() else 1.0
