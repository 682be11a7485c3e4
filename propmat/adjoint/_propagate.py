"""Propagation along given affinities with gradients."""

from __future__ import annotations

from propmat import _inputs
from propmat._arithmetic import usual_arithmetic
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike
from propmat.adjoint._pullback import Pullback
from propmat.adjoint._solve import solve
from propmat.laplacian._affinity import affinity
from propmat.solvers._base import Callback, Solver


@usual_arithmetic
def propagate(
    affinities: tuple[ArrayLike, ArrayLike],
    trimap: ArrayLike | Trimap,
    *,
    values: ArrayLike | None = None,
    confidence: ArrayLike | None = None,
    solver: Solver | None = None,
    callback: Callback | None = None,
) -> tuple[Array, Pullback]:
    """`propmat.propagate` with gradients.

    Gradients: ``horizontal``, ``vertical``, ``values``, and ``confidence`` where one is given.

    Parameters
    ----------
    affinities, trimap, confidence, solver, callback
        As in `propmat.propagate`.
    values : (H, W) array, optional
        In [0, 1], other values than the trimap's labels on its known pixels.

    Returns
    -------
    alpha : (H, W) array
    pullback : Pullback

    Raises
    ------
    InputError, ConvergenceError
        As `propmat.propagate`.

    References
    ----------
    Y. Wang, Y. Niu, P. Duan, J. Lin, Y. Zheng, "Deep Propagation Based Image Matting", IJCAI 2018. Its equation 4
    leaves out how D depends on W.

    Examples
    --------
    >>> import numpy as np
    >>> import propmat
    >>> edges = np.array([[1.0, 1.0]]), np.empty((0, 3))
    >>> alpha, pullback = propmat.adjoint.propagate(edges, [[0, 0.5, 1]])
    >>> pullback([[0, 1, 0]]).horizontal  # of alpha in the middle, w₂ / (w₁ + w₂)
    array([[-0.25,  0.25]])
    """
    _inputs.solving(solver, callback)
    graph = affinity(*_inputs.pair(affinities, "affinities", "(horizontal, vertical)"))
    return solve(graph, trimap, values=values, confidence=confidence, solver=solver, callback=callback)
