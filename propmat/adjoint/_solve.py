"""`propmat.solve` and methods of `propmat.matting`, with gradients."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from propmat import _inputs
from propmat._arithmetic import usual_arithmetic
from propmat._solve._problem import GraphLike, Problem, checked
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike, Prior
from propmat.adjoint._pullback import Pullback
from propmat.laplacian._contract import Laplacian
from propmat.matting._posed import Pose
from propmat.solvers._base import Callback, Solver


@usual_arithmetic
def solve(
    graph: GraphLike,
    trimap: ArrayLike | Trimap,
    *,
    values: ArrayLike | None = None,
    confidence: ArrayLike | None = None,
    prior: Prior | None = None,
    solver: Solver | None = None,
    callback: Callback | None = None,
) -> tuple[Array, Pullback]:
    """`propmat.solve` with gradients.

    Gradients: of the parameters of the Laplacian (``image`` and ``epsilon``; ``horizontal`` and ``vertical``;
    ``weights`` of the pairs i < j of a matrix D - W, as CSR; ``coefficients`` and ``terms`` of a sum), ``values``, and
    where they are given ``confidence``, ``prior`` and ``prior_confidence``.

    Parameters
    ----------
    graph, trimap, confidence, prior, solver, callback
        As in `propmat.solve`.
    values : (H, W) array, optional
        In [0, 1], other values than the trimap's labels on its known pixels.

    Returns
    -------
    alpha : (H, W) array
    pullback : Pullback
        From dℓ/dα to gradients; pixels where clipping to [0, 1] changed alpha contribute nothing.

    Raises
    ------
    InputError
        If an argument is not as above, or unknown pixels are connected to no known one.
    ConvergenceError
        If a solver with ``strict=True`` did not converge.

    Warns
    -----
    PropmatWarning, ConvergenceWarning
        As `propmat.solve`.

    Examples
    --------
    How the mean of alpha depends on the two terms of a sum, by scaling of which alpha does not change:

    >>> import numpy as np
    >>> import propmat
    >>> sample = propmat.datasets.synthetic(shape=(24, 32))
    >>> fine, coarse = (propmat.laplacian.closed_form(sample.image, radius=r) for r in (1, 2))
    >>> alpha, pullback = propmat.adjoint.solve(fine + 0.5 * coarse, sample.trimap)
    >>> gradient = pullback(1 / alpha.size, wanted=["coefficients"]).coefficients
    >>> bool(abs(gradient @ [1, 0.5]) < 1e-9)
    True
    """
    _inputs.solving(solver, callback)
    problem = Problem.of(graph, trimap, confidence, prior)
    return _solved(problem, _parameters(problem.graph, confidence, prior), values, solver, callback)


# The names of the gradients, and the shapes of those that need not be (H, W).
Parameters = tuple[dict[str, str], dict[str, tuple[int, ...]]]


def _solved(
    problem: Problem, parameters: Parameters, values: ArrayLike | None, solver: Solver | None, callback: Callback | None
) -> tuple[Array, Pullback]:
    labels, memory = problem.labels, {"trimap": problem.labels.known}
    targets = labels.labels if values is None else _inputs.plane(values, "values", labels.shape, memory=memory)
    pullback = partial(Pullback, problem.graph, labels, targets, *parameters)
    alpha = problem.without_solving(values)
    if problem.confidence is None and not labels.unknown.any():
        return np.clip(targets, 0.0, 1.0), pullback(targets, None)
    if alpha is not None:  # of one label; the set-up is for the gradient alone
        return alpha, pullback(alpha, partial(problem.prepared, solver))
    prepared = problem.prepared(solver)
    alpha = prepared.system.expand(prepared.solve(targets, callback=callback).x, targets)
    return np.clip(alpha, 0.0, 1.0), pullback(alpha, prepared)


def _parameters(graph: Laplacian, confidence: ArrayLike | None, prior: Prior | None) -> Parameters:
    shapes: dict[str, tuple[int, ...]] = {} if confidence is None else {"confidence": _inputs.shape_of(confidence)}
    if prior is not None:
        shapes |= {"prior": _inputs.shape_of(prior[0]), "prior_confidence": _inputs.shape_of(prior[1])}
    return {name: name for name in (*graph.parameters, "values", *shapes)}, shapes


def differentiated(
    pose: Pose,
    image: ArrayLike,
    trimap: ArrayLike | Trimap | None,
    solver: Solver | None,
    callback: Callback | None,
    *,
    values: ArrayLike | None,
    confidence: ArrayLike | None = None,
    **settings: Any,
) -> tuple[Array, Pullback]:
    """The matte of a method of `propmat.matting`, and the way back."""
    pixels, labels = checked(image, trimap, solver, callback)
    graph, prior = pose(pixels, labels, **settings)
    problem = Problem.posed(graph, labels, confidence, prior)
    alpha, pullback = _solved(problem, _parameters(graph, confidence, prior), values, solver, callback)
    return alpha, pullback.reshaped(image=_inputs.shape_of(image))
