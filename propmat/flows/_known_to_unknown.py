"""Known-to-unknown flow: the share of known foreground in unknown pixels."""

from __future__ import annotations

import numpy as np

from propmat._arithmetic import usual_arithmetic
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike, Mask
from propmat.errors import InputError
from propmat.flows._mixing import mixing_weights
from propmat.flows._nearest import Nearest, Pixels, features, nearest, read

NEIGHBOURS, NEARNESS = 7, 10.0  # of the authors, as in `_colour_mixture`

NO_SHARE = 1e-4  # shares of a label up to this count as 0: rounding alone makes up to 1e-7, of either sign


@usual_arithmetic
def known_to_unknown(image: ArrayLike, trimap: ArrayLike | Trimap) -> tuple[Array, Array]:
    r"""Known-to-unknown flow: how much of 7 near foreground and 7 near background pixels is in each unknown one.

    The colour of an unknown pixel is mixed of the 14 as in `colour_mixture`; its alpha is the foreground's share of
    the weights, with confidence :math:`\eta = \|\mu_F - \mu_B\|^2 / d` from the mean colours of the two sides. Means
    are weighted, except where the weights of a side sum to 1e-4 or less.

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
    pixels, labels = read(image, trimap)
    for name in ("foreground", "background"):
        if not getattr(labels, name).any():
            raise InputError(f"trimap: has no known {name} pixel for information to flow from")
    return share_of_foreground(pixels, labels)


def share_of_foreground(pixels: Array, known: Trimap) -> tuple[Array, Array]:
    """`known_to_unknown` of arguments that are checked."""
    place = features(pixels, NEARNESS)
    unknown = np.flatnonzero(known.unknown)
    colours = pixels.reshape(-1, pixels.shape[2])
    sides = [_nearest_among(place, unknown, mask) for mask in (known.foreground, known.background)]
    near = Nearest(*(np.concatenate(columns, axis=1) for columns in zip(*sides, strict=True)))
    weights = mixing_weights(colours, unknown, near)
    here, there = np.split(weights, [sides[0].pixels.shape[1]], axis=1)
    share = here.sum(axis=1)
    means = (_mean_colour(w, colours[side.pixels], side.counts) for w, side in zip((here, there), sides, strict=True))
    difference = np.subtract(*means)
    alpha, confidence = known.labels.copy(), np.zeros(known.shape)
    alpha[known.unknown] = np.clip(share, 0.0, 1.0)
    confidence[known.unknown] = np.minimum(np.square(difference).mean(axis=1), 1.0)
    return alpha, confidence


def _nearest_among(place: Array, unknown: Pixels, mask: Mask) -> Nearest:
    """The pixels of `mask` nearest to each unknown one."""
    known = np.flatnonzero(mask)
    near = nearest(place[known], place[unknown], NEIGHBOURS)
    return near._replace(pixels=known[near.pixels])


def _mean_colour(weights: Array, colours: Array, counts: Mask) -> Array:
    """Weighted mean of (n, k, d) colours; towards their plain mean where the weights sum to no more than `NO_SHARE`."""
    plain = np.einsum("nk,nkd->nd", counts / counts.sum(axis=1, keepdims=True), colours)
    total = weights.sum(axis=1, keepdims=True)
    off = np.einsum("nk,nkd->nd", weights, colours) - total * plain
    return plain + off * total / (np.square(total) + NO_SHARE**2)
