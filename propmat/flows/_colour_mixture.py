"""Colour-mixture flow: unknown pixels as mixtures of others."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from propmat._arithmetic import usual_arithmetic
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike
from propmat.flows._mixing import mixing_weights
from propmat.flows._mixture import Mixture
from propmat.flows._nearest import features, nearest, others, read, rows_of

# Of the authors: neighbours, and the weight of coordinates, which run from 0 to 1 over the picture as colours do.
NEIGHBOURS, NEARNESS = 20, 1.0

# The sum of the squares of a pixel's weights is the factor by which its mixture amplifies noise, at most that of one
# pixel. Without a bound it reaches 1e4 where colours lie on a line, and conjugate gradients do not converge.
MOST_SQUARED = 1.0


@usual_arithmetic
def colour_mixture(image: ArrayLike, trimap: ArrayLike | Trimap) -> Mixture:
    r"""Colour-mixture flow: every unknown pixel is a mixture of 20 pixels of similar colour, and so is its alpha.

    .. math:: \alpha^\top L \alpha = \sum_{p \in U} \Big( \alpha_p - \sum_q w_{pq} \alpha_q \Big)^2

    with weights of locally linear embedding: :math:`\sum_q w_{pq} I_q` comes nearest to :math:`I_p` among all
    weights that sum to one, with a ridge of 1e-8, or of the smallest 1e-7, 1e-6, … for which their squares sum to at
    most 1.

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
    return mixture(*read(image, trimap))


def mixture(pixels: Array, known: Trimap) -> Mixture:
    """`colour_mixture` of arguments that are checked."""
    place = features(pixels, NEARNESS)
    unknown = np.flatnonzero(known.unknown)
    near = others(unknown, nearest(place, place[unknown], NEIGHBOURS + 1))
    colours = pixels.reshape(-1, pixels.shape[2])
    weights = mixing_weights(colours, unknown, near, MOST_SQUARED)
    own = sp.csr_array((np.ones(unknown.size), (np.arange(unknown.size), unknown)), (unknown.size, len(place)))
    return Mixture(own - rows_of(weights, near.pixels, len(place)), known.shape)
