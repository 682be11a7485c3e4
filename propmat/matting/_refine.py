"""A matte from elsewhere, refined."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from propmat import _inputs, laplacian, solvers
from propmat._arithmetic import usual_arithmetic
from propmat._solve import solve
from propmat.trimap import Trimap

Array = NDArray[np.float64]


@usual_arithmetic
def refine(
    image: Any,
    alpha: Any,
    confidence: Any,
    *,
    trimap: Any = None,
    epsilon: float = 1e-7,
    solver: Any = None,
    callback: solvers.Callback | None = None,
) -> Array:
    """Refine a matte from elsewhere by the closed-form Laplacian.

    Solves (L + diag κ) α = κ p for the matte p and confidence κ; with a trimap, over its unknown pixels only.

    Parameters
    ----------
    image : (H, W), (H, W, 3) or (H, W, d) array
        As in `propmat.closed_form`.
    alpha : (H, W) array
        The matte to refine, floating in [0, 1], uint8 or uint16.
    confidence : float or (H, W) array, >= 0
        How strongly each value is held, on the scale of L, whose diagonal is at most 9: 1e-2 lets colours decide
        nearly everywhere, 1 keeps the matte except at edges, 100 all but fixes it. 0 leaves a pixel free.
    trimap : (H, W) array or Trimap, optional
        Known pixels are exact; without it no pixel is.
    epsilon : float, default 1e-7
    solver, callback
        As in `propmat.closed_form`.

    Returns
    -------
    (H, W) array of float64
        Alpha in [0, 1].

    Raises
    ------
    InputError
        If an argument is not as above, or if neither trimap nor confidence ties the system down.

    Examples
    --------
    >>> import numpy as np
    >>> import propmat
    >>> image = np.tile(np.linspace(0, 1, 5), (3, 1))
    >>> rough = np.tile([0, 0, 0.5, 1, 1], (3, 1))
    >>> propmat.refine(image, rough, 0.01)[1].round(2)
    array([0. , 0.2, 0.5, 0.8, 1. ])
    """
    graph = laplacian.closed_form(image, epsilon)
    labels = (
        Trimap.unlabelled(graph.shape, like=graph.image)
        if trimap is None
        else Trimap.parse(trimap, graph.image.shape, beside=graph.beside)
    )
    given = _inputs.plane(alpha, "alpha", graph.shape, beside=graph.beside)
    return solve(graph, labels, prior=(given, confidence), solver=solver, callback=callback).alpha
