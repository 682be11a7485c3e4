"""Laplacians of pairs of pixels by PyMatting's names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp

from propmat import _inputs
from propmat._arithmetic import usual_arithmetic
from propmat._typing import ArrayLike
from propmat.pymatting._graphs import DISTANCE_WEIGHTS, NEIGHBOURS, nearest_neighbours, neighbour_weights


@usual_arithmetic
def knn_laplacian(
    image: ArrayLike,
    n_neighbors: Sequence[int] = NEIGHBOURS,
    distance_weights: Sequence[float] = DISTANCE_WEIGHTS,
    kernel: str = "binary",
) -> sp.csr_matrix:
    """The Laplacian I - D⁻¹ W of nearest neighbours; that of `propmat.laplacian.knn` is D - W, symmetric.

    Parameters
    ----------
    image : (H, W, 3) array
        As in `cf_laplacian`.
    n_neighbors : sequence of int, default (20, 10)
        K of each search, the pixel itself included. All pixels as far away as the K-th count.
    distance_weights : sequence of float, >= 0, default (2.0, 0.1)
        What coordinates, from 0 to 1, are multiplied by in each search.
    kernel : {"binary", "soft"}
        The weight of a pair: 1, or 1 less the mean difference of its features.

    Returns
    -------
    scipy.sparse.csr_matrix, shape (H * W, H * W)
        Its rows sum to 0. Not symmetric.

    Raises
    ------
    InputError
        If an argument is not as above. It is a ValueError.

    Examples
    --------
    >>> import numpy as np
    >>> laplacian = knn_laplacian(np.random.default_rng(0).random((6, 7, 3)), [5, 3])
    >>> bool(abs(laplacian.sum(axis=1)).max() < 1e-12)
    True
    """
    symmetric = nearest_neighbours(_inputs.image(image), n_neighbors, distance_weights, kernel).matrix
    # The pixel itself is found in every search, once from each end, with weight 1.
    own = 2 * len(n_neighbors)
    return sp.csr_matrix(sp.diags_array(1 / (symmetric.diagonal() + own)) @ symmetric)


@usual_arithmetic
def rw_laplacian(
    image: ArrayLike, sigma: float = 0.033, radius: int = 1, regularization: float = 1e-8
) -> sp.csr_matrix:
    """The Laplacian (1 + regularization) I - D⁻¹ W of random walks to all pixels of a square.

    Parameters
    ----------
    image : (H, W, 3) array
        As in `cf_laplacian`.
    sigma : float, default 0.033
        Weights are exp(-‖I_i - I_j‖² / sigma²); PyMatting has 1/30 for any sigma.
    radius : int, default 1
        The square is 2 radius + 1 pixels wide.
    regularization : float, >= 0, default 1e-8

    Returns
    -------
    scipy.sparse.csr_matrix, shape (H * W, H * W)
        Not symmetric; `propmat.laplacian.random_walk` is.

    Raises
    ------
    InputError
        If an argument is not as above. It is a ValueError.

    Examples
    --------
    >>> import numpy as np
    >>> laplacian = rw_laplacian(np.zeros((4, 5, 3)), regularization=0)
    >>> bool(abs(laplacian.sum(axis=1)).max() < 1e-12)
    True
    """
    pixels, least = _inputs.image(image), _inputs.tolerance(regularization, "regularization")
    return _row_normalised(neighbour_weights(pixels, sigma, radius), least)


@usual_arithmetic
def uniform_laplacian(image: ArrayLike, radius: int = 1) -> sp.csr_matrix:
    """The Laplacian I - D⁻¹ W with all weights of a square equal.

    Parameters
    ----------
    image : (H, W, 3) array
        Only its size counts.
    radius : int, default 1
        The square is 2 radius + 1 pixels wide.

    Returns
    -------
    scipy.sparse.csr_matrix, shape (H * W, H * W)

    Raises
    ------
    InputError
        If an argument is not as above. It is a ValueError.

    Examples
    --------
    >>> import numpy as np
    >>> uniform_laplacian(np.zeros((4, 5, 3))).diagonal()[6].round(3)
    np.float64(0.889)
    """
    return _row_normalised(neighbour_weights(np.zeros_like(_inputs.image(image)), 1.0, radius), 0.0)


def _row_normalised(weights: sp.csr_array, regularization: float) -> sp.csr_matrix:
    shares = sp.diags_array(1 / weights.sum(axis=1)) @ weights
    return sp.csr_matrix(sp.diags_array(regularization + shares.sum(axis=1)) - shares)
