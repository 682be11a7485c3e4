"""The methods, returning (alpha, pullback)."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from propmat import _inputs, laplacian
from propmat._arithmetic import usual_arithmetic
from propmat._solve import GraphLike, Prior, Problem, checked
from propmat._typing import Array, ArrayLike
from propmat.adjoint._pullback import Pullback
from propmat.laplacian import Laplacian
from propmat.matting import _closed_form, _knn, _refine
from propmat.matting._posed import Pose
from propmat.solvers import Callback, Solver
from propmat.trimap import Trimap


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
    labels, beside = problem.labels, {"trimap": problem.labels.known}
    held = labels.labels if values is None else _inputs.plane(values, "values", labels.shape, beside=beside)
    pullback = partial(Pullback, problem.graph, labels, held, *parameters)
    alpha = problem.without_solving(values)
    if problem.held is None and not labels.unknown.any():
        return np.clip(held, 0.0, 1.0), pullback(held, None)
    if alpha is not None:  # of one label; the set-up is for the gradient alone
        return alpha, pullback(alpha, partial(problem.prepared, solver))
    prepared = problem.prepared(solver)
    alpha = prepared.system.expand(prepared.solve(held, callback=callback).x, held)
    return np.clip(alpha, 0.0, 1.0), pullback(alpha, prepared)


def _parameters(graph: Laplacian, confidence: ArrayLike | None, prior: Prior | None) -> Parameters:
    shapes: dict[str, tuple[int, ...]] = {} if confidence is None else {"confidence": _inputs.shape_of(confidence)}
    if prior is not None:
        shapes |= {"prior": _inputs.shape_of(prior[0]), "prior_confidence": _inputs.shape_of(prior[1])}
    return {name: name for name in (*graph.parameters, "values", *shapes)}, shapes


def _differentiated(
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
    return _differentiated(_closed_form.pose, image, trimap, solver, callback, **given, **settings)


@usual_arithmetic
def knn(
    image: ArrayLike,
    trimap: ArrayLike | Trimap,
    *,
    values: ArrayLike | None = None,
    confidence: ArrayLike | None = None,
    preset: str = "two",
    solver: Solver | None = None,
    callback: Callback | None = None,
) -> tuple[Array, Pullback]:
    """`propmat.knn` with gradients.

    Gradients: ``weights`` of the pairs i < j, as CSR; ``image``, through the kernel for a fixed choice of neighbours,
    which is 0 for the default preset "two", whose weights are 1, and not for "rgb"; ``values``, and ``confidence``
    where one is given.

    Parameters
    ----------
    image, trimap, preset, solver, callback
        As in `propmat.knn`.
    values, confidence
        As in `propmat.adjoint.solve`.

    Returns
    -------
    alpha : (H, W) array
    pullback : Pullback

    Raises
    ------
    InputError, ConvergenceError
        As `propmat.knn`.

    References
    ----------
    Q. Chen, D. Li, C.-K. Tang, "KNN Matting", IEEE TPAMI 35(9), 2013. https://doi.org/10.1109/TPAMI.2013.18

    Examples
    --------
    >>> import propmat
    >>> sample = propmat.datasets.synthetic(shape=(24, 32))
    >>> alpha, pullback = propmat.adjoint.knn(sample.image, sample.trimap)
    >>> pullback(alpha - sample.alpha, wanted=["image"]).image.shape
    (24, 32, 3)
    """
    given = {"values": values, "confidence": confidence}
    return _differentiated(_knn.pose, image, trimap, solver, callback, **given, preset=preset)


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
    graph = laplacian.affinity(*_inputs.pair(affinities, "affinities", "(horizontal, vertical)"))
    return solve(graph, trimap, values=values, confidence=confidence, solver=solver, callback=callback)


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
    refined, pullback = _differentiated(pose, image, trimap, solver, callback, values=values)
    return refined, pullback.renamed(prior="alpha", prior_confidence="confidence")
