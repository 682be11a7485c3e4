"""Matting by random walks."""

from __future__ import annotations

from propmat._arithmetic import usual_arithmetic
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike
from propmat.laplacian._random_walk import of_colours
from propmat.matting._posed import Posed
from propmat.matting._solved import solved
from propmat.solvers._base import Callback, Solver


def pose(pixels: Array, labels: Trimap, *, sigma: float = 0.033) -> Posed:
    """The system of `random_walk`."""
    return Posed(of_colours(pixels, sigma))


@usual_arithmetic
def random_walk(
    image: ArrayLike,
    trimap: ArrayLike | Trimap,
    *,
    sigma: float = 0.033,
    solver: Solver | None = None,
    callback: Callback | None = None,
) -> Array:
    """Random walk matting: alpha is the probability that a walk from the pixel reaches the foreground first.

    Solves L_UU α_U = -L_UK α_K over the unknown pixels U, with L of `propmat.laplacian.random_walk`. Only differences
    of colour between adjacent pixels are used, so that fine structures such as hair are reproduced less well than by
    the other methods.

    Parameters
    ----------
    image : (H, W), (H, W, 3) or (H, W, d) array
    trimap : (H, W) array or Trimap
        As in `propmat.closed_form`.
    sigma : float, default 0.033
        The scale of differences of colour: edges of larger differences have small weights. In colour units.
    solver, callback
        As in `propmat.closed_form`.

    Returns
    -------
    (H, W) array of float64
        Alpha in [0, 1], exactly 0 or 1 where the trimap is known.

    Raises
    ------
    InputError
        If an argument is not as above, the shapes differ, or no pixel is known.
    ConvergenceError
        If a solver with ``strict=True`` did not converge.

    Warns
    -----
    PropmatWarning, ConvergenceWarning
        As in `propmat.closed_form`.

    References
    ----------
    L. Grady, T. Schiwietz, S. Aharon, R. Westermann, "Random Walks for Interactive Alpha-Matting", VIIP 2005.

    Examples
    --------
    >>> import numpy as np
    >>> import propmat
    >>> propmat.random_walk(np.zeros((1, 5)), [[0, 0.5, 0.5, 0.5, 1]]).round(4)
    array([[0.  , 0.25, 0.5 , 0.75, 1.  ]])
    """
    return solved(pose, image, trimap, solver, callback, sigma=sigma).alpha
