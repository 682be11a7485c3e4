"""Intra-unknown flow: edges between unknown pixels of similar colour."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from propmat._arithmetic import usual_arithmetic
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike
from propmat.flows._nearest import features, nearest, others, read, rows_of
from propmat.laplacian._graph import Graph

NEIGHBOURS, NEARNESS = 5, 0.05  # of the authors, as in `_colour_mixture`


@usual_arithmetic
def intra_unknown(image: ArrayLike, trimap: ArrayLike | Trimap) -> Graph:
    r"""Intra-unknown flow: every unknown pixel is connected to 5 unknown pixels of similar colour.

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
    return unknown_pairs(*read(image, trimap))


def unknown_pairs(pixels: Array, known: Trimap) -> Graph:
    """`intra_unknown` of arguments that are checked."""
    place = features(pixels, NEARNESS)
    unknown = np.flatnonzero(known.unknown)
    own = place[unknown]
    near = others(np.arange(unknown.size), nearest(own, own, NEIGHBOURS + 1))
    apart = np.abs(own[:, np.newaxis] - own[near.pixels]).sum(axis=2)
    one_way = rows_of(np.maximum(near.counts - apart, 0.0), unknown[near.pixels], len(place), unknown)
    weights = one_way + one_way.T
    return Graph(sp.diags_array(weights.sum(axis=1)) - weights, known.shape)
