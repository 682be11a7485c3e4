"""Propagation along weighted windows of the closed form, with gradients of the weights."""

from __future__ import annotations

from propmat import _inputs
from propmat._arithmetic import usual_arithmetic
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike, Prior
from propmat.adjoint._pullback import Pullback
from propmat.adjoint._solve import solve
from propmat.laplacian._weighted_windows import WeightedWindows
from propmat.solvers._base import Callback, Solver


@usual_arithmetic
def weighted_windows(
    image: ArrayLike,
    windows: ArrayLike,
    trimap: ArrayLike | Trimap,
    *,
    edges: tuple[ArrayLike, ArrayLike] | None = None,
    values: ArrayLike | None = None,
    confidence: ArrayLike | None = None,
    prior: Prior | None = None,
    epsilon: float = 1e-7,
    solver: Solver | None = None,
    callback: Callback | None = None,
) -> tuple[Array, Pullback]:
    """The matte of `propmat.laplacian.weighted_windows` with gradients.

    Gradients: ``windows``, ``horizontal`` and ``vertical`` where edges are given, ``values``, and where they are given
    ``confidence``, ``prior`` and ``prior_confidence``.

    Parameters
    ----------
    image, windows, edges, epsilon
        As in `propmat.laplacian.weighted_windows`.
    trimap, values, confidence, prior, solver, callback
        As in `propmat.adjoint.solve`.

    Returns
    -------
    alpha : (H, W) array
    pullback : Pullback

    Raises
    ------
    InputError, UnsupportedError, ConvergenceError
        As `propmat.laplacian.weighted_windows` and `propmat.solve`.

    Examples
    --------
    Scaling all weights changes nothing, so the gradient is orthogonal to them:

    >>> import numpy as np
    >>> import propmat
    >>> sample = propmat.datasets.synthetic(shape=(24, 32))
    >>> windows = np.linspace(0.5, 2, 22 * 30).reshape(22, 30)
    >>> alpha, pullback = propmat.adjoint.weighted_windows(sample.image, windows, sample.trimap)
    >>> gradient = pullback(2 * (alpha - sample.alpha)).windows
    >>> gradient.shape, bool(abs(np.vdot(gradient, windows)) < 1e-9)
    ((22, 30), True)
    """
    _inputs.solving(solver, callback)
    graph = WeightedWindows.of(_inputs.image(image), windows, edges, epsilon)
    alpha, pullback = solve(
        graph, trimap, values=values, confidence=confidence, prior=prior, solver=solver, callback=callback
    )
    return alpha, pullback.reshaped(windows=_inputs.shape_of(windows))
