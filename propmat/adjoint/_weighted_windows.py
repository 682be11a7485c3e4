"""Propagation along weighted windows of the closed form, with gradients of the weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from propmat import _inputs, laplacian, solvers
from propmat._arithmetic import usual_arithmetic
from propmat._solve import checked
from propmat.adjoint._pullback import Pullback
from propmat.adjoint._verbs import solve

Array = NDArray[np.float64]


@usual_arithmetic
def weighted_windows(
    image: Any,
    windows: Any,
    trimap: Any,
    *,
    edges: tuple[Any, Any] | None = None,
    values: Any = None,
    confidence: Any = None,
    epsilon: float = 1e-7,
    solver: Any = None,
    callback: solvers.Callback | None = None,
) -> tuple[Array, Pullback]:
    """Alpha on `propmat.laplacian.weighted_windows`, and the way back.

    Gradients: ``windows``, ``horizontal`` and ``vertical`` where edges are given, ``values``, and ``confidence`` where
    one is given.

    Parameters
    ----------
    image, windows, edges, epsilon
        As in `propmat.laplacian.weighted_windows`.
    trimap, values, confidence, solver, callback
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
    pixels, labels = checked(image, trimap, solver, callback)
    graph = laplacian.weighted_windows(pixels, windows, edges, epsilon)
    alpha, pullback = solve(graph, labels, values=values, confidence=confidence, solver=solver, callback=callback)
    return alpha, pullback.reshaped(windows=np.shape(windows)) if _inputs.is_number(windows) else pullback
