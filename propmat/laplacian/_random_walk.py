"""The Laplacian of Grady's random walks."""

from __future__ import annotations

import numpy as np

from propmat import _inputs
from propmat._arithmetic import usual_arithmetic
from propmat._typing import Array, ArrayLike
from propmat.laplacian._affinity import Affinity

# Keeps the graph connected where the exponential vanishes: a black pixel among white ones.
LEAST_WEIGHT = 1e-6


@usual_arithmetic
def random_walk(image: ArrayLike, sigma: float = 0.033) -> Affinity:
    r"""Random walk Laplacian: alpha is the probability that a walk ends in the foreground.

    .. math:: L = D - W, \quad W_{ij} = \exp(-\|I_i - I_j\|^2 / \sigma^2) + 10^{-6}

    for neighbours i, j in a row or column, :math:`D_{ii} = \sum_j W_{ij}`.

    Parameters
    ----------
    image : (H, W), (H, W, 3) or (H, W, d) array
        Floating in [0, 1], uint8 or uint16.
    sigma : float, default 0.033
        Scale of differences of colour, in colour units, > 0; weights decrease quickly above it. The default is 1/30,
        rounded.

    Returns
    -------
    Affinity

    Raises
    ------
    InputError
        If an argument is not as above.

    Notes
    -----
    Colours are used unchanged, without the projection that the paper learns from each image. PyMatting connects a pixel
    to its eight neighbours, divides rows by their sums, which makes the matrix unsymmetric, and uses
    exp(-900 ‖I_i - I_j‖²) for any ``sigma``. The term 1e-6 keeps the graph connected.

    References
    ----------
    L. Grady, T. Schiwietz, S. Aharon, R. Westermann, "Random Walks for Interactive Alpha-Matting", VIIP 2005.

    Examples
    --------
    >>> import numpy as np
    >>> random_walk(np.array([[0.0, 0.033, 0.033]])).matrix.toarray().round(2)
    array([[ 0.37, -0.37,  0.  ],
           [-0.37,  1.37, -1.  ],
           [ 0.  , -1.  ,  1.  ]])
    """
    return of_colours(_inputs.image(image, memory=_inputs.ANYWHERE), sigma)


def of_colours(pixels: Array, sigma: float) -> Affinity:
    """The Laplacian of an image that has been checked; sigma is checked here."""
    sigma = _inputs.positive(sigma, "sigma")
    return Affinity(_weights(np.diff(pixels, axis=1), sigma), _weights(np.diff(pixels, axis=0), sigma))


def _weights(differences: Array, sigma: float) -> Array:
    return np.exp(-np.square(differences / sigma).sum(axis=2)) + LEAST_WEIGHT
