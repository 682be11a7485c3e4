"""Shared sampling, refined by the closed form."""

from __future__ import annotations

from propmat._arithmetic import usual_arithmetic
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike
from propmat.matting._posed import Posed
from propmat.matting._sampled import sampled
from propmat.matting._solved import solved
from propmat.sampling._shared import shared_samples
from propmat.solvers._base import Callback, Solver


def pose(pixels: Array, labels: Trimap) -> Posed:
    """The system of `shared_sampling`."""
    return sampled(shared_samples, pixels, labels)


@usual_arithmetic
def shared_sampling(
    image: ArrayLike, trimap: ArrayLike | Trimap, *, solver: Solver | None = None, callback: Callback | None = None
) -> Array:
    """Shared sampling: alpha from known colours sampled along rays and shared between neighbours, refined.

    Solves (L_UU + γ diag c) α_U = γ c p - L_UK α_K over the unknown pixels U, with L of
    `propmat.laplacian.closed_form`, and alpha p and confidence c of `propmat.sampling.shared`. γ is 0.1.

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

    Notes
    -----
    Swapped labels do not give 1 - alpha: the paper's cost of a pair of colours counts the distance to the background
    to the fourth power, that to the foreground to the first. A picture flipped or transposed has its matte flipped or
    transposed.

    References
    ----------
    E. S. L. Gastal, M. M. Oliveira, "Shared Sampling for Real-Time Alpha Matting", Computer Graphics Forum 29(2),
    2010, sections 4 and 5. https://doi.org/10.1111/j.1467-8659.2009.01627.x

    Examples
    --------
    >>> import propmat
    >>> sample = propmat.datasets.synthetic(seed=0, shape=(48, 64))
    >>> alpha = propmat.shared_sampling(sample.image, sample.trimap)
    >>> alpha.shape
    (48, 64)
    """
    return solved(pose, image, trimap, solver, callback).alpha
