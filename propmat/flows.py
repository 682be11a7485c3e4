"""Flows of information between distant pixels: the terms of information-flow matting.

Two are Laplacians, one is a prior; `propmat.information_flow` adds them. Neighbours are the nearest in colour and, with
a smaller weight, in position; all pixels as far away as the last one count too, so that a picture flipped or transposed
has the same flows. The method may be covered by patents.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from propmat import _inputs
from propmat._arithmetic import usual_arithmetic
from propmat._backend import HOST
from propmat._operators import canonical
from propmat.errors import InputError
from propmat.laplacian import Graph, Laplacian
from propmat.trimap import Trimap

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Pixels = NDArray[np.int64]

# The authors' weights for coordinates, which run from 0 to 1 over the picture as colours do.
MIXTURE_NEIGHBOURS, MIXTURE_NEARNESS = 20, 1.0
KNOWN_NEIGHBOURS, KNOWN_NEARNESS = 7, 10.0
UNKNOWN_NEIGHBOURS, UNKNOWN_NEARNESS = 5, 0.05

TIED = 1e-9  # relative difference below which distances are equal; rounding makes some 1e-13

RIDGE = 1e-8  # of mixtures, in squared colour units: twenty colours in three dimensions leave weights undetermined
NO_SHARE = 1e-4  # a share of a label that is nothing: rounding makes up to 1e-7, and its sign decides nothing then


@usual_arithmetic
def colour_mixture(image: Any, trimap: Any) -> Mixture:
    r"""Colour-mixture flow: every unknown pixel is a mixture of 20 pixels of similar colour, and so is its alpha.

    .. math:: \alpha^\top L \alpha = \sum_{p \in U} \Big( \alpha_p - \sum_q w_{pq} \alpha_q \Big)^2

    with weights of locally linear embedding: :math:`\sum_q w_{pq} I_q` comes nearest to :math:`I_p` among all
    weights that sum to one.

    Parameters
    ----------
    image : (H, W), (H, W, 3) or (H, W, d) array
        As in `propmat.closed_form`.
    trimap : (H, W) array or Trimap
        With at least one unknown pixel.

    Returns
    -------
    Mixture
        A Laplacian. Its entries off the diagonal may be positive.

    Raises
    ------
    InputError
        If an argument is not as above.

    References
    ----------
    Y. Aksoy, T. O. Aydin, M. Pollefeys, "Designing Effective Inter-Pixel Information Flow for Natural Image Matting",
    CVPR 2017, section 3.1. https://doi.org/10.1109/CVPR.2017.32

    Examples
    --------
    >>> import propmat
    >>> sample = propmat.datasets.synthetic(seed=0, shape=(48, 64))
    >>> propmat.flows.colour_mixture(sample.image, sample.trimap)
    Mixture(48 x 64 pixels)
    """
    pixels, known = _read(image, trimap)
    place = _features(pixels, MIXTURE_NEARNESS)
    unknown = np.flatnonzero(known.unknown)
    near = _others(unknown, _nearest(place, place[unknown], MIXTURE_NEIGHBOURS + 1))
    colours = pixels.reshape(-1, pixels.shape[2])
    weights = _mixing(colours[unknown], colours[near.pixels], near.counts)
    own = sp.csr_array((np.ones(unknown.size), (np.arange(unknown.size), unknown)), (unknown.size, len(place)))
    return Mixture(own - _rows(weights, near.pixels, len(place)), known.shape)


class Mixture(Laplacian):
    """The `Laplacian` R'R that `colour_mixture` returns.

    A row of R subtracts from the alpha of an unknown pixel the alpha of its mixture.

    Attributes
    ----------
    residual : scipy.sparse.csc_array, shape (n, H * W)
        R, for n unknown pixels.
    shape : (int, int)
        Height and width of the image.
    """

    ties_all_pixels = False

    def __init__(self, residual: sp.csr_array, shape: tuple[int, int]) -> None:
        self.shape = shape
        self.residual = sp.csc_array(residual)

    def rows(self, row_mask: Mask, column_mask: Mask) -> sp.csr_array:
        left = self.residual[:, np.flatnonzero(row_mask)]
        return canonical(left.T @ self.residual[:, np.flatnonzero(column_mask)])

    def near_null_space(self, mask: Mask) -> Array:
        return np.ones((np.count_nonzero(mask), 1))


@usual_arithmetic
def intra_unknown(image: Any, trimap: Any) -> Graph:
    r"""Intra-unknown flow: every unknown pixel is tied to 5 unknown pixels of similar colour.

    L = D - W, with :math:`w_{pq} = \max(0, 1 - |x_p - x_q|_1)` over colours and a twentieth of the coordinates, the
    two directions summed.

    Parameters
    ----------
    image, trimap
        As in `colour_mixture`.

    Returns
    -------
    propmat.laplacian.Graph

    Raises
    ------
    InputError
        As `colour_mixture`.

    References
    ----------
    Aksoy et al. 2017, section 3.3.

    Examples
    --------
    >>> import propmat
    >>> sample = propmat.datasets.synthetic(seed=0, shape=(48, 64))
    >>> propmat.flows.intra_unknown(sample.image, sample.trimap)
    Graph(48 x 64 pixels)
    """
    pixels, known = _read(image, trimap)
    place = _features(pixels, UNKNOWN_NEARNESS)
    unknown = np.flatnonzero(known.unknown)
    own = place[unknown]
    near = _others(np.arange(unknown.size), _nearest(own, own, UNKNOWN_NEIGHBOURS + 1))
    apart = np.abs(own[:, np.newaxis] - own[near.pixels]).sum(axis=2)
    one_way = _rows(np.maximum(near.counts - apart, 0.0), unknown[near.pixels], len(place), unknown)
    weights = one_way + one_way.T
    return Graph(sp.diags_array(weights.sum(axis=1)) - weights, known.shape)


@usual_arithmetic
def known_to_unknown(image: Any, trimap: Any) -> tuple[Array, Array]:
    r"""Known-to-unknown flow: how much of 7 near foreground and 7 near background pixels is in each unknown one.

    The colour of an unknown pixel is mixed of the 14 as in `colour_mixture`; its alpha is the foreground's share of
    the weights, with confidence :math:`\eta = \|\mu_F - \mu_B\|^2 / d` from the mean colours of the two sides. Means
    are weighted, but where a side's weights sum to 1e-4 or less plain.

    Parameters
    ----------
    image : (H, W), (H, W, 3) or (H, W, d) array
        As in `propmat.closed_form`.
    trimap : (H, W) array or Trimap
        With at least one foreground and one background pixel.

    Returns
    -------
    alpha, confidence : (H, W) arrays
        Both in [0, 1]. Where the trimap is known they are its label and 0.

    Raises
    ------
    InputError
        If an argument is not as above.

    References
    ----------
    Aksoy et al. 2017, section 3.2.

    Examples
    --------
    >>> import propmat
    >>> sample = propmat.datasets.synthetic(seed=0, shape=(48, 64))
    >>> alpha, confidence = propmat.flows.known_to_unknown(sample.image, sample.trimap)
    >>> alpha.shape, confidence.shape
    ((48, 64), (48, 64))
    """
    pixels, known = _read(image, trimap)
    place = _features(pixels, KNOWN_NEARNESS)
    unknown = np.flatnonzero(known.unknown)
    colours = pixels.reshape(-1, pixels.shape[2])
    sides = [_nearest_among(place, unknown, getattr(known, name), name) for name in ("foreground", "background")]
    near = _Nearest(*(np.concatenate(columns, axis=1) for columns in zip(*sides, strict=True)))
    weights = _mixing(colours[unknown], colours[near.pixels], near.counts)
    here, there = np.split(weights, [sides[0].pixels.shape[1]], axis=1)
    share = here.sum(axis=1)
    means = (_mean_colour(w, colours[side.pixels], side.counts) for w, side in zip((here, there), sides, strict=True))
    difference = np.subtract(*means)
    alpha, confidence = known.labels.copy(), np.zeros(known.shape)
    alpha[known.unknown] = np.clip(share, 0.0, 1.0)
    confidence[known.unknown] = np.minimum(np.square(difference).mean(axis=1), 1.0)
    return alpha, confidence


def _read(image: Any, trimap: Any) -> tuple[Array, Trimap]:
    pixels = _inputs.image(image)
    known = Trimap.parse(trimap, pixels.shape)
    if not known.unknown.any():
        raise InputError("trimap: has no unknown pixel for information to flow to")
    return pixels, known


def _features(pixels: Array, nearness: float) -> Array:
    """Colours, and coordinates times `nearness`, of all pixels: (H * W, d + 2)."""
    height, width, channels = pixels.shape
    y, x = np.mgrid[:height, :width]
    coordinates = np.stack([y / height, x / width], axis=2)
    return np.concatenate([pixels, nearness * coordinates], axis=2).reshape(-1, channels + 2)


class _Nearest(NamedTuple):
    """Neighbours, a row for each query.

    Attributes
    ----------
    pixels : (n, k) array
        Their indices.
    counts : (n, k) array of bool
        Which of them are neighbours; the others fill rows up.
    """

    pixels: Pixels
    counts: Mask


def _nearest(points: Array, queries: Array, count: int) -> _Nearest:
    """The `count` points nearest to each query, and those as far away as the last of them.

    On our own threads: those that SciPy starts go on writing into freed memory when Ctrl-C interrupts the wait for
    them.
    """
    from scipy.spatial import cKDTree

    count, most = min(count, len(points)), min(count + 1, len(points))
    tree = cKDTree(points, balanced_tree=False, compact_nodes=False)
    distances, pixels = np.empty((len(queries), most)), np.empty((len(queries), most), np.intp)

    def search(begin: int, end: int) -> None:
        part = slice(begin, end)
        distances[part], pixels[part] = tree.query(queries[part], k=np.arange(1, most + 1))

    HOST.share(search, len(queries))
    limits = (1.0 + TIED) * distances[:, count - 1]
    tied = np.flatnonzero((distances[:, count:] <= limits[:, np.newaxis]).any(axis=1))
    balls = np.empty(len(tied), object)

    def search_balls(begin: int, end: int) -> None:
        part = tied[begin:end]
        balls[begin:end] = tree.query_ball_point(queries[part], limits[part], return_sorted=True)

    HOST.share(search_balls, len(tied))
    sizes = np.full(len(queries), count)
    sizes[tied] = [len(ball) for ball in balls]
    counts = np.arange(sizes.max(initial=count)) < sizes[:, np.newaxis]
    all_pixels = np.zeros(counts.shape, pixels.dtype)
    all_pixels[:, :count] = pixels[:, :count]
    for row, ball in zip(tied, balls, strict=True):
        all_pixels[row, : len(ball)] = ball
    return _Nearest(all_pixels, counts)


def _nearest_among(place: Array, unknown: Pixels, mask: Mask, name: str) -> _Nearest:
    """The pixels of `mask` nearest to each unknown one."""
    known = np.flatnonzero(mask)
    if not known.size:
        raise InputError(f"trimap: has no known {name} pixel for information to flow from")
    near = _nearest(place[known], place[unknown], KNOWN_NEIGHBOURS)
    return near._replace(pixels=known[near.pixels])


def _others(own: Pixels, near: _Nearest) -> _Nearest:
    """The neighbours but for the point itself."""
    return near._replace(counts=near.counts & (near.pixels != own[:, np.newaxis]))


def _mixing(colours: Array, others: Array, counts: Mask) -> Array:
    """Weights (n, k) that sum to one and mix `others` (n, k, d) to come nearest `colours` (n, d), short of `RIDGE`.

    Others that do not count (n, k) have weight 0.

    Of the k x k system (Z Z' + ridge) w = 1, Z the differences in colour, Woodbury's identity leaves one d x d.
    """
    differences = (others - colours[:, np.newaxis]) * counts[:, :, np.newaxis]
    across = differences.transpose(0, 2, 1)
    gram = across @ differences + RIDGE * np.eye(colours.shape[1])
    coefficients = np.linalg.solve(gram, across.sum(axis=2, keepdims=True))
    weights = counts - (differences @ coefficients)[:, :, 0]
    total = weights.sum(axis=1, keepdims=True)
    return np.divide(weights, total, out=np.zeros_like(weights), where=total != 0)  # a lone pixel has no others


def _mean_colour(weights: Array, colours: Array, counts: Mask) -> Array:
    """Weighted mean of (n, k, d) colours; towards their plain mean where the weights sum to no more than `NO_SHARE`."""
    plain = np.einsum("nk,nkd->nd", counts / counts.sum(axis=1, keepdims=True), colours)
    total = weights.sum(axis=1, keepdims=True)
    off = np.einsum("nk,nkd->nd", weights, colours) - total * plain
    return plain + off * total / (np.square(total) + NO_SHARE**2)


def _rows(weights: Array, neighbours: Pixels, pixels: int, own: Pixels | None = None) -> sp.csr_array:
    """(n, k) weights set into a sparse matrix; with `own`, row r goes to row own[r] of a square one."""
    count, each = weights.shape
    rows = np.repeat(np.arange(count) if own is None else own, each)
    shape = (count if own is None else pixels, pixels)
    return sp.csr_array((weights.ravel(), (rows, neighbours.ravel())), shape)
