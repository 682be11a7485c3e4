"""Refinement of a matte with gradients."""

from __future__ import annotations

from functools import partial

from propmat._arithmetic import usual_arithmetic
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike
from propmat.adjoint._pullback import Pullback
from propmat.adjoint._solve import differentiated
from propmat.matting import _refine
from propmat.solvers._base import Callback, Solver


@usual_arithmetic
def refine(
    image: ArrayLike,
    alpha: ArrayLike,
    confidence: ArrayLike,
    *,
    trimap: ArrayLike | Trimap | None = None,
    values: ArrayLike | None = None,
    epsilon: float = 1e-7,
    solver: Solver | None = None,
    callback: Callback | None = None,
) -> tuple[Array, Pullback]:
    """`propmat.refine` with gradients.

    Gradients: ``image``, ``alpha``, ``confidence``, ``epsilon``, and ``values`` of known pixels.

    Parameters
    ----------
    image, alpha, confidence, trimap, epsilon, solver, callback
        As in `propmat.refine`.
    values : (H, W) array, optional
        In [0, 1], other values than the trimap's labels on its known pixels.

    Returns
    -------
    alpha : (H, W) array
    pullback : Pullback

    Raises
    ------
    InputError, ConvergenceError
        As `propmat.refine`.

    Examples
    --------
    Adding a constant to the matte adds it to the result:

    >>> import numpy as np
    >>> import propmat
    >>> image = np.tile(np.linspace(0, 1, 5), (3, 1))
    >>> refined, pullback = propmat.adjoint.refine(image, np.tile([0.1, 0.1, 0.5, 0.9, 0.9], (3, 1)), 0.01)
    >>> pullback(1).alpha.sum().round(6)
    np.float64(15.0)
    """
    pose = partial(_refine.pose, alpha=alpha, confidence=confidence, epsilon=epsilon)
    refined, pullback = differentiated(pose, image, trimap, solver, callback, values=values)
    return refined, pullback.renamed(prior="alpha", prior_confidence="confidence")
