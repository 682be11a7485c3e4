"""`solve` and `prepare`: a matte from any Laplacian and constraints."""

from __future__ import annotations

from propmat import _inputs
from propmat._arithmetic import usual_arithmetic
from propmat._solve._matte import Matte
from propmat._solve._prepared import Prepared
from propmat._solve._problem import GraphLike, Problem
from propmat._trimap import Trimap
from propmat._typing import ArrayLike, Prior
from propmat.solvers._base import Callback, Solver


@usual_arithmetic
def prepare(
    graph: GraphLike,
    trimap: ArrayLike | Trimap,
    *,
    confidence: ArrayLike | None = None,
    prior: Prior | None = None,
    solver: Solver | None = None,
) -> Prepared:
    """Do the part of a solve that does not depend on the labels' values: assemble the system, and set up the solver.

    Parameters
    ----------
    graph : Laplacian, or SciPy sparse array of shape (H * W, H * W)
    trimap : (H, W) array or Trimap
        Which pixels are known, and the labels that are used unless other values are given later.
    confidence, prior, solver
        As in `solve`.

    Returns
    -------
    Prepared
        ``.solve()``, ``.solve(values)``, ``.solve(x0=alpha)``, ``.solve_all(stack)``, ``.with_confidence(c)``.

    Raises
    ------
    InputError
        If an argument is not as above, nothing is known or nothing unknown.

    Examples
    --------
    Two layers, whose mattes sum to 1 because a solve is linear in its values:

    >>> import numpy as np
    >>> import propmat
    >>> image = np.tile(np.linspace(0, 1, 5), (3, 1))
    >>> known = np.tile([0, 0.5, 0.5, 0.5, 1], (3, 1))
    >>> prepared = propmat.prepare(propmat.laplacian.closed_form(image), known)
    >>> left, right = prepared.solve_all([1 - known, known])
    >>> np.allclose(left.alpha + right.alpha, 1)
    True
    """
    _inputs.solving(solver)
    return Problem.of(graph, trimap, confidence, prior).prepared(solver)


@usual_arithmetic
def solve(
    graph: GraphLike,
    trimap: ArrayLike | Trimap,
    *,
    confidence: ArrayLike | None = None,
    prior: Prior | None = None,
    solver: Solver | None = None,
    x0: ArrayLike | None = None,
    callback: Callback | None = None,
) -> Matte:
    """Solve for alpha with any Laplacian, and return it with the status of the solve.

    Parameters
    ----------
    graph : Laplacian, or SciPy sparse array of shape (H * W, H * W)
        From `propmat.laplacian`, or any symmetric matrix.
    trimap : (H, W) array or Trimap
        At most 0.1 is background, at least 0.9 foreground, the rest unknown.
    confidence : float or (H, W) array, >= 0, optional
        By default known pixels are eliminated, so that alpha is exact there. With a confidence they are penalised
        instead: (L + C) α = C α*, with C on the known pixels only.
    prior : tuple (value, confidence), optional
        Each a number or an (H, W) array: an estimate of alpha in [0, 1] on all pixels that are solved for, and its
        weight >= 0, on the scale of L.
    solver : propmat.solvers.CG or Direct, optional
        Chosen for the matrix if not given.
    x0 : (H, W) array, optional
        Where to start.
    callback : callable (iteration, relative residual), optional
        Called after every iteration; returning True stops with the best alpha so far.

    Returns
    -------
    Matte
        ``.alpha`` (H, W) in [0, 1], ``.x`` as solved for (not clipped), ``.iterations``, ``.residual``,
        ``.converged``, ``.status``, ``.seconds``, ``.notes``.

    Raises
    ------
    InputError
        If an argument is not as above, or unknown pixels are connected to no known one.
    ConvergenceError
        If a solver with ``strict=True`` did not converge.

    Warns
    -----
    PropmatWarning
        If alpha needs no solve: no pixel is unknown, or all known pixels have one label and there is no prior.
    ConvergenceWarning
        If the solver did not converge.

    Examples
    --------
    >>> import numpy as np
    >>> import propmat
    >>> graph = propmat.laplacian.closed_form(np.tile(np.linspace(0, 1, 5), (3, 1)))
    >>> solution = propmat.solve(graph, np.tile([0, 0.5, 0.5, 0.5, 1], (3, 1)))
    >>> solution.converged, solution.alpha.shape
    (True, (3, 5))
    """
    _inputs.solving(solver, callback)
    problem = Problem.of(graph, trimap, confidence, prior)
    memory = {"trimap": problem.labels.known}
    start = None if x0 is None else _inputs.plane(x0, "x0", problem.labels.shape, memory=memory)
    return problem.solve(solver, x0=start, callback=callback)
