"""Comprehensive sampling of Shahrian, Rajan, Price and Cohen."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from propmat._arithmetic import usual_arithmetic
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike, Mask
from propmat.sampling._samples import Labels, SampledMatte, read, trimmed_numbers

Pixels = NDArray[np.int64]

CELL = 16  # width of cells in pixels in the innermost ring; it doubles from ring to ring
CELL_CLUSTERS = 2
RING_CLUSTERS = 8
COLOUR_SPREAD = 0.02**2  # clusters of smaller variance are not split
NEAREST = 30  # clusters of cells among the candidates of a pixel, in addition to those of all rings
TILE = 16  # width of a square of pixels with the same candidates

NOISE = 0.015**2  # variance of colours around a mixture, in addition to that of the clusters
MIXED, STRANGE = -2.0, -4.0  # prior log odds of mixed pixels, and of colours that no candidate explains
DOUBT = 0.002  # squared error of alpha where its variance is 0


class Tiles(NamedTuple):
    """Squares of pixels that share their candidates: rows from `top` to `bottom` - 1 and columns from `left` to
    `right` - 1, all (n,), and their middles (n, 2) from the centre of the picture."""

    top: Pixels
    bottom: Pixels
    left: Pixels
    right: Pixels
    middles: Array


class Candidates(NamedTuple):
    """Clusters of known pixels: mean colours, their variances (both (n, d)), mean places from the centre of the picture
    (n, 2), variances of these (n,), and which are of a whole ring (n,)."""

    colours: Array
    variances: Array
    places: Array
    extents: Array
    of_ring: Mask


@usual_arithmetic
def comprehensive(image: ArrayLike, trimap: ArrayLike | Trimap) -> SampledMatte:
    r"""Comprehensive sampling: alpha from all pairs of colours of the known regions, near and far.

    Known pixels are divided into rings of doubling width around the unknown region. Every ring is divided into cells
    and every cell into clusters of colours; every ring as a whole is divided into clusters too. The candidates of a
    pixel are the clusters of the nearest cells and those of all rings, weighted by :math:`s \propto 1 / D`, D their
    distance, where the weights of each label sum to one. There are three hypotheses about the colour I of a pixel:

    - it is foreground, with density :math:`\sum_f s_f \, N(I; \mu_f, \Sigma_f + \sigma^2)` and a prior that increases
      with the proximity of the foreground; or background, likewise;
    - it is a mixture, with density :math:`\sum_{fb} s_f s_b \, e^{-M^2 / 2 \sigma_{fb}^2} / |\mu_f - \mu_b|` up to
      a constant, M being the distance of I from the segment between the two colours;
    - none of the candidates explains it, and alpha is uniformly distributed.

    Alpha is the expectation over all of them, and the confidence is τ / (τ + variance of alpha), τ = 0.002.

    Parameters
    ----------
    image : (H, W), (H, W, 3) or (H, W, d) array
        As in `propmat.closed_form`.
    trimap : (H, W) array or Trimap
        With at least one foreground and one background pixel.

    Returns
    -------
    SampledMatte
        ``.alpha`` and ``.confidence``, both (H, W), ``.foreground`` and ``.background``, both (H, W, d), the colours of
        the most probable pair. Bitwise the same for any number of threads.

    Raises
    ------
    InputError
        If an argument is not as above.

    Notes
    -----
    The paper uses the single pair that maximises the product K S C of terms for M, for distances, and for the overlap
    of the two clusters. Here the products are probabilities and are summed. Two changes are essential: the density of a
    mixture is distributed along the segment, so that long segments, which pass near many colours, are not preferred,
    and a pixel may belong to a single cluster. C then has no effect and is omitted. Distances are relative to the
    distance of the label. The paper fits Gaussian mixtures to whole rings; here clusters are split at their mean in the
    channel of largest variance, which is deterministic and needs no initial guess. Cells are symmetric about the centre
    of the picture, so that a flipped or transposed picture has the same cells. Figures are in
    `docs/measurements/methods.md`.

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
    return comprehensive_samples(*read(image, trimap))


def comprehensive_samples(pixels: Array, labels: Labels) -> SampledMatte:
    """`comprehensive` of arguments that are checked; `labels` as of `numbers_of`."""
    from scipy.ndimage import distance_transform_edt

    from propmat._cpu import candidates as kernels

    labels = trimmed_numbers(pixels, labels)
    known = labels >= 0
    depth = np.ones(labels.shape) if known.all() else distance_transform_edt(known)
    background, foreground = (candidates(pixels, labels == label, depth) for label in (0, 1))
    reaches = np.stack([distance_transform_edt(labels != label) for label in (0, 1)])
    # Densities are in units of that of a normal distribution of variance NOISE at its mean, for any colour thus:
    any_colour = 0.5 * pixels.shape[2] * np.log(2 * np.pi * NOISE)
    around = pixels, labels, reaches, _tiles(~known)
    alpha, variance, pairs = kernels.explain(
        *around, background, foreground, NEAREST, NOISE, MIXED, STRANGE + any_colour
    )
    pairs[known] = pixels[known][:, np.newaxis]
    alpha[known] = labels[known]
    confidence = np.where(known, 1.0, DOUBT / (DOUBT + variance))
    return SampledMatte(alpha, confidence, pairs[:, :, 1], pairs[:, :, 0])


def candidates(pixels: Array, own: Mask, depth: Array) -> Candidates:
    """Clusters by colour of every cell of every ring of the pixels `own`, then of every whole ring."""
    places, colours = _off_centre(own), pixels[own]
    ring = np.log2((depth[own] + 1) / 2).astype(np.int64)  # from depth 1, 3, 7, ...
    cells = np.column_stack([ring, _cells(places, CELL << ring[:, np.newaxis])])
    small = _clusters(colours, places, cells, CELL_CLUSTERS)
    large = _clusters(colours, places, ring[:, np.newaxis], RING_CLUSTERS)
    colour, variance, place, extent = (np.concatenate(columns) for columns in zip(small, large, strict=True))
    return Candidates(colour, variance, place, extent, np.repeat([False, True], [len(small[0]), len(large[0])]))


def _off_centre(mask: Mask) -> Pixels:
    """Twice the places (y, x) of the pixels of the mask from the centre of the picture, which may be between pixels."""
    return 2 * np.argwhere(mask) - (np.array(mask.shape) - 1)


def _cells(places: Pixels, side: int | Pixels) -> Pixels:
    """The cell of `side` pixels that each place is in; cell 0 is centred; places on borders are in the outer cell."""
    return np.sign(places) * np.floor_divide(np.abs(places) + side, 2 * side)


def _clusters(colours: Array, places: Pixels, groups: Pixels, most: int) -> tuple[Array, Array, Array, Array]:
    """Up to `most` clusters by colour of each of the groups, which are equal rows of `groups`.

    Their colours, variances, places and extents, as in `Candidates`; `places` are as from `_off_centre`.
    """
    from propmat._cpu import candidates as kernels

    order = np.lexsort(groups.T[::-1])
    colours, places, groups = colours[order], places[order], groups[order]
    changes = np.diff(groups, axis=0, prepend=groups[:1] - 1, append=groups[-1:] + 1)
    owner = kernels.cluster(colours, np.flatnonzero(changes.any(axis=1)), most, COLOUR_SPREAD)
    sizes = np.bincount(owner)[:, np.newaxis]

    def mean(values: NDArray[np.number]) -> Array:
        return np.stack([np.bincount(owner, column) for column in values.T], axis=1) / sizes

    colour, place = mean(colours), mean(places)
    variance = mean(np.square(colours - colour[owner]))
    extent = mean(np.square(places)) - np.square(place)  # sums of whole numbers are exact, in any order
    return colour, variance, place / 2, np.maximum(extent.sum(axis=1), 0.0) / 4


def _tiles(mask: Mask) -> Tiles:
    """The tiles that contain pixels of the mask."""
    tiles = np.unique(_cells(_off_centre(mask), TILE), axis=0)
    (top, bottom), (left, right) = (_ends(tiles[:, axis], length) for axis, length in enumerate(mask.shape))
    return Tiles(top, bottom, left, right, TILE * tiles.astype(np.float64))


def _ends(tiles: Pixels, length: int) -> tuple[Pixels, Pixels]:
    """Starts and ends of tiles along a side of so many pixels."""
    cells = _cells(2 * np.arange(length) - (length - 1), TILE)
    return np.searchsorted(cells, tiles, "left"), np.searchsorted(cells, tiles, "right")
