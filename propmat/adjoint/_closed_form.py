"""Closed-form matting with gradients."""

from __future__ import annotations

from propmat._arithmetic import usual_arithmetic
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike
from propmat.adjoint._pullback import Pullback
from propmat.adjoint._solve import differentiated
from propmat.matting import _closed_form
from propmat.solvers._base import Callback, Solver


@usual_arithmetic
def closed_form(
    image: ArrayLike,
    trimap: ArrayLike | Trimap,
    *,
    values: ArrayLike | None = None,
    confidence: ArrayLike | None = None,
    epsilon: float = 1e-7,
    radius: int = 1,
    solver: Solver | None = None,
    callback: Callback | None = None,
) -> tuple[Array, Pullback]:
    """`propmat.closed_form` with gradients.

    Gradients: ``image`` (per unit of colour, white being 1), ``epsilon``, ``values``, and ``confidence`` where one is
    given.

    Parameters
    ----------
    image, trimap, epsilon, radius, solver, callback
        As in `propmat.closed_form`.
    values, confidence
        As in `propmat.adjoint.solve`.

    Returns
    -------
    alpha : (H, W) array
    pullback : Pullback

    Raises
    ------
    InputError, ConvergenceError
        As `propmat.closed_form`.

    References
    ----------
    A. Levin, D. Lischinski, Y. Weiss, "A Closed-Form Solution to Natural Image Matting", IEEE TPAMI 30(2), 2008.

    Examples
    --------
    All colours may be shifted alike without changing alpha, so the gradient sums to 0:

    >>> import numpy as np
    >>> import propmat
    >>> sample = propmat.datasets.synthetic(shape=(24, 32))
    >>> alpha, pullback = propmat.adjoint.closed_form(sample.image, sample.trimap, epsilon=1e-4)
    >>> gradient = pullback(2 * (alpha - sample.alpha)).image
    >>> gradient.shape, bool(np.abs(gradient.sum(axis=(0, 1))).max() < 1e-9)
    ((24, 32, 3), True)
    """
    settings = {"epsilon": epsilon, "radius": radius}
    given = {"values": values, "confidence": confidence}
    return differentiated(_closed_form.pose, image, trimap, solver, callback, **given, **settings)
