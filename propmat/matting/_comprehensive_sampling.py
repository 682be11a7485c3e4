"""Comprehensive sampling, refined by the closed form."""

from __future__ import annotations

from propmat._arithmetic import usual_arithmetic
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike
from propmat.matting._posed import Posed
from propmat.matting._sampled import sampled
from propmat.matting._solved import solved
from propmat.sampling._comprehensive import comprehensive_samples
from propmat.solvers._base import Callback, Solver


def pose(pixels: Array, labels: Trimap) -> Posed:
    """The system of `comprehensive_sampling`."""
    return sampled(comprehensive_samples, pixels, labels)


@usual_arithmetic
def comprehensive_sampling(
    image: ArrayLike, trimap: ArrayLike | Trimap, *, solver: Solver | None = None, callback: Callback | None = None
) -> Array:
    """Comprehensive sampling: alpha estimated from all pairs of clusters of known colours, refined by the closed form.

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
    return solved(pose, image, trimap, solver, callback).alpha
