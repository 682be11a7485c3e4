"""Propagation along given affinities."""

from __future__ import annotations

from propmat import _inputs
from propmat._arithmetic import usual_arithmetic
from propmat._solve._verbs import solve
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike
from propmat.laplacian._affinity import affinity
from propmat.solvers._base import Callback, Solver


@usual_arithmetic
def propagate(
    affinities: tuple[ArrayLike, ArrayLike],
    trimap: ArrayLike | Trimap,
    *,
    confidence: ArrayLike | None = None,
    solver: Solver | None = None,
    callback: Callback | None = None,
) -> Array:
    """Propagate the labels of a trimap along given affinities of neighbouring pixels.

    Minimises Σ w_ij (α_i - α_j)² over the edges of the 4-connected graph, with the known pixels fixed; alpha is between
    the labels for any weights.

    Parameters
    ----------
    affinities : tuple (horizontal, vertical)
        (H, W - 1) and (H - 1, W) arrays >= 0: the weights w of the edges from pixel (y, x) to (y, x + 1), and to
        (y + 1, x). 0 removes an edge.
    trimap : (H, W) array or Trimap
        At most 0.1 is background, at least 0.9 foreground, the rest unknown.
    confidence : float or (H, W) array, >= 0, optional
        By default known pixels are exact. With a confidence their deviations are penalised, (L + C) α = C α*; the paper
        has 0.8.
    solver : propmat.solvers.CG or Direct, optional
        Chosen by size if not given.
    callback : callable (iteration, relative residual), optional

    Returns
    -------
    (H, W) array of float64
        Alpha in [0, 1].

    Raises
    ------
    InputError
        If an argument is not as above, or some unknown pixels are connected to no known one because of weights of 0.
    ConvergenceError
        If a solver with ``strict=True`` did not converge.

    Warns
    -----
    PropmatWarning
        If all known pixels have the same label: alpha is that constant.
    ConvergenceWarning
        If the solver did not converge; the best alpha it had is returned.

    References
    ----------
    Y. Wang, Y. Niu, P. Duan, J. Lin, Y. Zheng, "Deep Propagation Based Image Matting", IJCAI 2018.

    Examples
    --------
    >>> import numpy as np
    >>> import propmat
    >>> propmat.propagate(([[1.0, 3.0]], np.empty((0, 3))), [[0, 0.5, 1]])
    array([[0.  , 0.75, 1.  ]])
    """
    graph = affinity(*_inputs.pair(affinities, "affinities", "(horizontal, vertical)"))
    return solve(graph, trimap, confidence=confidence, solver=solver, callback=callback).alpha
