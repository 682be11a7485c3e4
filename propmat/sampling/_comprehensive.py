"""Comprehensive sampling of Shahrian, Rajan, Price and Cohen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from propmat.sampling._clusters import clusters
from propmat.sampling._samples import Samples, read, trimmed
from propmat.sampling._settling import settle

Array = NDArray[np.float64]
Labels = NDArray[np.int8]

BANDS = 8
COLOUR_CLUSTERS = 4
SPATIAL_CLUSTERS = 32
GROWTH = 1 / 3  # exponent of how clusters multiply from band to band
COLOUR_SPREAD = 0.01**2  # clusters below are not split further
SPATIAL_SPREAD = 3.0**2
QUANTISATION = (1 / 255) ** 2 / 12  # variance of rounding to 8 bits: what no cluster of colours is below
STRICTNESS = 64.0  # of the distortion, colours in [0, 1]


@dataclass(frozen=True, eq=False)
class Candidates:
    """Clusters of known pixels: mean colours, their variances (both (n, d)), mean places (n, 2), sizes (n,).

    Those of label l for band k are `starts[l, k]` to `starts[l, k + 1]`.
    """

    colours: Array
    variances: Array
    places: Array
    counts: Array
    starts: NDArray[np.int64]


def comprehensive(image: Any, trimap: Any) -> Samples:
    r"""Comprehensive sampling: every colour that the known regions have, from farther away the deeper a pixel lies.

    Known pixels are taken in nested bands of growing depth and clustered by colour, then by place; the means of the
    clusters are the candidates. A pixel near the foreground has the foreground candidates of the narrowest band, the
    one farthest from it those of the whole foreground, and so with the background. Of all pairs (f, b) it keeps
    that of the greatest

    .. math:: \exp(-64 M(f, b)) \, \exp\!\Big(-\frac{|f - p|}{D_f}\Big) \exp\!\Big(-\frac{|b - p|}{D_b}\Big) \,
        (2 \Phi(d / 2) - 1)

    with M the distance of the colour from the mixture of the two, D the distance to the nearest candidate of that
    label, and d Cohen's d of the two clusters, the difference of their means in units of their common standard
    deviation: pairs from overlapping distributions are avoided. Neighbours then share their pairs and are smoothed,
    as in `shared`.

    Parameters
    ----------
    image : (H, W), (H, W, 3) or (H, W, d) array
        As in `propmat.closed_form`.
    trimap : (H, W) array or Trimap
        With at least one foreground and one background pixel.

    Returns
    -------
    Samples
        ``.alpha`` and ``.confidence``, both (H, W), ``.foreground`` and ``.background``, both (H, W, d).

    Raises
    ------
    InputError
        If an argument is not as above.

    Notes
    -----
    The paper fits Gaussian mixtures with as many components as a histogram has peaks. Here clusters are split at
    their mean, across their principal axis, until they are small or many enough (Orchard and Bouman 1991), which is
    deterministic and needs no start. Numbers of clusters and the scale of M were chosen on the photographs of
    `docs/design.md`, by their mean error. With the mean distance to all candidates for D, as in public code, pairs far
    away and far apart won and errors were larger; so they were without the sharing of neighbours, which the paper
    lacks.

    References
    ----------
    E. Shahrian, D. Rajan, B. Price, S. Cohen, "Improving Image Matting using Comprehensive Sampling Sets", CVPR 2013,
    section 3. https://doi.org/10.1109/CVPR.2013.88

    Examples
    --------
    >>> import propmat
    >>> sample = propmat.datasets.synthetic(seed=0, shape=(48, 64))
    >>> samples = propmat.sampling.comprehensive(sample.image, sample.trimap)
    >>> samples.alpha.shape, samples.foreground.shape
    ((48, 64), (48, 64, 3))
    """
    from propmat._cpu import sampling as kernels

    pixels, labels = read(image, trimmed(image, trimap))
    sets = candidates(pixels, labels)
    apart, cost = separation(sets)
    chosen = kernels.choose(
        pixels, labels, bands(labels), sets.colours, sets.places, sets.starts, apart, cost, STRICTNESS
    )
    return settle(pixels, labels, sets.colours[chosen], sets.variances.sum(axis=1)[chosen], labels < 0)


def candidates(pixels: Array, labels: Labels) -> Candidates:
    """Clusters of both labels for every band."""
    from scipy.ndimage import distance_transform_edt

    depth = distance_transform_edt(labels >= 0) if (labels < 0).any() else np.ones(labels.shape)
    found: list[tuple[Array, Array, Array, int]] = []
    starts = np.zeros((2, BANDS + 1), np.int64)
    for label in (0, 1):
        own = labels == label
        nearest, deepest = depth[own].min(), depth[own].max()
        starts[label, 0] = len(found)
        for k, share in enumerate(_widths()):
            inside = own & (depth <= nearest + share * (deepest - nearest))
            found += _clustered(pixels[inside], np.argwhere(inside), (k + 1) ** GROWTH)
            starts[label, k + 1] = len(found)
    colours, variances, places, counts = (np.array(column) for column in zip(*found, strict=True))
    return Candidates(colours, variances, places, counts, starts)


def _widths() -> Array:
    """Widths of the bands, as shares of the whole: they grow with the square."""
    return (np.arange(1, BANDS + 1) / BANDS) ** 2


def _clustered(colours: Array, places: NDArray[np.int64], growth: float) -> list[tuple[Array, Array, Array, int]]:
    """Colour, variance, place and size of every cluster by place of every cluster by colour."""
    found = []
    for alike in clusters(colours, int(np.ceil(COLOUR_CLUSTERS * growth)), COLOUR_SPREAD):
        for together in clusters(places[alike], int(np.ceil(SPATIAL_CLUSTERS * growth)), SPATIAL_SPREAD):
            own = alike[together]
            found.append((colours[own].mean(axis=0), colours[own].var(axis=0), places[own].mean(axis=0), own.size))
    return found


def bands(labels: Labels) -> NDArray[np.int64]:
    """For each label the band in which every unknown pixel looks for it, by its distance from it: (2, H, W)."""
    from scipy.ndimage import distance_transform_edt

    found = np.zeros((2, *labels.shape), np.int64)
    unknown = labels < 0
    for label in (0, 1):
        away = distance_transform_edt(labels != label)[unknown]
        found[label][unknown] = np.searchsorted(_widths(), away / away.max(initial=1.0))
    return found


def separation(sets: Candidates) -> tuple[Array, Array]:
    """Of every foreground candidate (rows) from every background candidate (columns).

    The squared difference of their colours, and -log of the share of two normal distributions, Cohen's d apart, that
    does not overlap.
    """
    from scipy.special import erf

    first = sets.starts[1, 0]
    freedom = sets.counts - 1.0
    total = np.maximum(freedom[first:, np.newaxis] + freedom[:first], 1.0)
    squares = np.zeros((2, *total.shape))  # of the difference, and of Cohen's d
    for colour, scatter in zip(sets.colours.T, freedom * sets.variances.T, strict=True):
        difference = np.square(colour[first:, np.newaxis] - colour[:first])
        squares[0] += difference
        squares[1] += difference / ((scatter[first:, np.newaxis] + scatter[:first]) / total + QUANTISATION)
    return squares[0], -np.log(np.maximum(erf(np.sqrt(squares[1] / 8)), np.finfo(float).tiny))
