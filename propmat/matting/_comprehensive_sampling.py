"""Comprehensive sampling, finished by the closed form."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from propmat import solvers
from propmat._arithmetic import usual_arithmetic
from propmat.matting._methods import solved

Array = NDArray[np.float64]


@usual_arithmetic
def comprehensive_sampling(
    image: Any, trimap: Any, *, solver: Any = None, callback: solvers.Callback | None = None
) -> Array:
    """Comprehensive sampling: what all pairs of known colours say of alpha, finished by the closed form.

    Solves (L_UU + γ diag c) α_U = γ c p - L_UK α_K over the unknown pixels U, with L of
    `propmat.laplacian.closed_form`, and alpha p and confidence c of `propmat.sampling.comprehensive`. γ is 0.1.

    Parameters
    ----------
    image, trimap, solver, callback
        As in `propmat.closed_form`.

    Returns
    -------
    (H, W) array of float64
        Alpha in [0, 1], exactly 0 or 1 where the trimap is known.

    Raises
    ------
    InputError, ConvergenceError
        As `propmat.closed_form`.

    References
    ----------
    E. Shahrian, D. Rajan, B. Price, S. Cohen, "Improving Image Matting using Comprehensive Sampling Sets", CVPR 2013,
    section 3. https://doi.org/10.1109/CVPR.2013.88

    Examples
    --------
    >>> import propmat
    >>> sample = propmat.datasets.synthetic(seed=0, shape=(48, 64))
    >>> alpha = propmat.comprehensive_sampling(sample.image, sample.trimap)
    >>> alpha.shape
    (48, 64)
    """
    return solved("comprehensive_sampling", image, trimap, solver=solver, callback=callback)
