"""The verbs: image and trimap in, alpha out."""

from __future__ import annotations

import dataclasses
import time
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from propmat import _inputs, laplacian, solvers
from propmat.errors import InputError, PropmatWarning
from propmat.laplacian import Graph, Laplacian
from propmat.solvers import Solution, Status
from propmat.system import Prior, System, eliminate, weigh
from propmat.trimap import Trimap

Array = NDArray[np.float64]


@dataclasses.dataclass(frozen=True, eq=False)
class Matte(Solution):
    """A solution that is a matte.

    Attributes
    ----------
    alpha : (H, W) array
        In [0, 1]; known pixels included.
    """

    alpha: Array


def closed_form(
    image: Any,
    trimap: Any,
    *,
    epsilon: float = 1e-7,
    radius: int = 1,
    solver: Any = None,
    callback: solvers.Callback | None = None,
) -> Array:
    """Closed-form matting: alpha is nearly affine in colour within every small window.

    Solves L_UU α_U = -L_UK α_K over the unknown pixels U, with L of `propmat.laplacian.closed_form`, and clips α to
    [0, 1] (L has positive entries off its diagonal, so α may overshoot).

    Parameters
    ----------
    image : (H, W), (H, W, 3) or (H, W, d) array
        Floating in [0, 1], uint8 or uint16 (scaled by their maximum). Never written to.
    trimap : (H, W) array or Trimap
        At most 0.1 is background, at least 0.9 foreground, the rest unknown.
    epsilon : float, default 1e-7
        Regulariser, in squared colour units. 1e-5 to 1e-4 helps on blocky JPEGs.
    radius : int, default 1
        Windows are 2 radius + 1 pixels wide.
    solver : propmat.solvers.CG or Direct, optional
        Chosen by size if not given.
    callback : callable (iteration, relative residual), optional
        Called after every iteration; returning True stops with the best alpha so far.

    Returns
    -------
    (H, W) array of float64
        Alpha in [0, 1], exactly 0 or 1 where the trimap is known.

    Raises
    ------
    InputError
        If an argument is not as above, the shapes differ, no pixel is known, or the image is smaller than a window.
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
    A. Levin, D. Lischinski, Y. Weiss, "A Closed-Form Solution to Natural Image Matting", IEEE TPAMI 30(2), 2008.
    https://doi.org/10.1109/TPAMI.2007.1177

    Examples
    --------
    A ramp of grey between black background and white foreground; alpha is affine in it.

    >>> import numpy as np
    >>> import propmat
    >>> image = np.tile(np.linspace(0, 1, 5), (3, 1))
    >>> trimap = np.tile([0, 0.5, 0.5, 0.5, 1], (3, 1))
    >>> propmat.closed_form(image, trimap).round(4) + 0.0
    array([[0.  , 0.25, 0.5 , 0.75, 1.  ],
           [0.  , 0.25, 0.5 , 0.75, 1.  ],
           [0.  , 0.25, 0.5 , 0.75, 1.  ]])
    """
    graph = laplacian.closed_form(image, epsilon, radius)
    labels = Trimap.parse(trimap, graph.image.shape)
    return solve(graph, labels, solver=solver, callback=callback).alpha


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
        As in `closed_form`.
    alpha : (H, W) array
        The matte to refine, floating in [0, 1], uint8 or uint16.
    confidence : float or (H, W) array, >= 0
        How strongly each value is held, on the scale of L, whose diagonal is at most 9: 1e-2 lets colours decide
        nearly everywhere, 1 keeps the matte except at edges, 100 all but fixes it. 0 leaves a pixel free.
    trimap : (H, W) array or Trimap, optional
        Known pixels are exact; without it no pixel is.
    epsilon : float, default 1e-7
    solver, callback
        As in `closed_form`.

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
    labels = _no_labels(graph.shape) if trimap is None else Trimap.parse(trimap, graph.image.shape)
    given = _inputs.plane(alpha, "alpha", graph.shape)
    return solve(graph, labels, prior=(given, confidence), solver=solver, callback=callback).alpha


def solve(
    graph: Any,
    trimap: Any,
    *,
    confidence: Any = None,
    prior: tuple[Any, Any] | None = None,
    solver: Any = None,
    callback: solvers.Callback | None = None,
) -> Matte:
    """Solve for alpha on any Laplacian, and tell how it went.

    Parameters
    ----------
    graph : Laplacian, or SciPy sparse array of shape (H * W, H * W)
        From `propmat.laplacian`, or any symmetric matrix.
    trimap : (H, W) array or Trimap
    confidence : float or (H, W) array, >= 0, optional
        By default known pixels are eliminated, which holds them exactly. Given, they are held softly instead:
        (L + C) α = C α*, with C on the known pixels only.
    prior : tuple (value, confidence), optional
        Each a number or an (H, W) array: a belief about alpha on all pixels that are solved for. The confidence is
        on the scale of L.
    solver, callback
        As in `closed_form`.

    Returns
    -------
    Matte
        ``.alpha`` (H, W) in [0, 1], ``.x`` as solved for (not clipped), ``.iterations``, ``.residual``,
        ``.converged``, ``.status``, ``.seconds``.

    Raises
    ------
    InputError
        If an argument is not as above, or unknown pixels are tied to no known one.
    ConvergenceError
        If a solver with ``strict=True`` did not converge.

    Examples
    --------
    >>> import numpy as np
    >>> import propmat
    >>> graph = propmat.laplacian.closed_form(np.tile(np.linspace(0, 1, 5), (3, 1)))
    >>> solution = propmat.solve(graph, np.tile([0, 0.5, 0.5, 0.5, 1], (3, 1)))
    >>> solution.converged, solution.alpha.shape
    (True, (3, 5))
    """
    start = time.perf_counter()
    labels = Trimap.parse(trimap, graph.shape if isinstance(graph, Laplacian) else None)
    graph = graph if isinstance(graph, Laplacian) else Graph(graph, labels.shape)
    belief = None if prior is None else _prior(prior, labels.shape)
    if not labels.known.any() and belief is None:
        raise InputError("trimap: has no known pixel; label at least one foreground and one background pixel")
    trivial = None if belief else _without_solving(labels, soft=confidence is not None)
    if trivial is not None:
        return _given(trivial, start)
    system = (
        eliminate(graph, labels, belief)
        if confidence is None
        else weigh(graph, labels, _inputs.weights(confidence, "confidence", labels.shape), belief)
    )
    return _solved(system, solver or solvers.choose(system.matrix), callback, start)


def _solved(system: System, solver: Any, callback: solvers.Callback | None, start: float) -> Matte:
    solution = solver.prepare(system.matrix, system.near_null_space)(system.rhs, callback=callback)
    alpha = np.clip(system.expand(solution.x), 0.0, 1.0)
    solution = dataclasses.replace(solution, seconds=time.perf_counter() - start)
    matte = Matte(**vars(solution), alpha=alpha)
    matte.check(solver.strict)
    return matte


def _without_solving(trimap: Trimap, soft: bool) -> Array | None:
    """Alpha where it needs no solve: one label only, or nothing unknown."""
    if not (trimap.foreground.any() and trimap.background.any()):
        label = float(trimap.foreground.any())
        warnings.warn(
            f"trimap: every known pixel is {'foreground' if label else 'background'}, so alpha is {label:g} "
            f"everywhere. Label some pixels of the other kind.",
            PropmatWarning,
            stacklevel=4,
        )
        return np.full(trimap.shape, label)
    return trimap.labels.copy() if not soft and not trimap.unknown.any() else None


def _given(alpha: Array, start: float) -> Matte:
    return Matte(alpha.ravel(), Status.converged, 0, 0.0, time.perf_counter() - start, alpha)


def _prior(prior: tuple[Any, Any], shape: tuple[int, int]) -> Prior:
    try:
        value, confidence = prior
    except (TypeError, ValueError):
        raise InputError("prior: takes a pair (value, confidence)") from None
    value = np.broadcast_to(value, shape) if np.ndim(value) == 0 else value
    return Prior(_inputs.plane(value, "prior value", shape), _inputs.weights(confidence, "prior confidence", shape))


def _no_labels(shape: tuple[int, int]) -> Trimap:
    nowhere = np.zeros(shape, dtype=bool)
    return Trimap(nowhere, nowhere)
