"""The verbs on arrays of JAX."""

from __future__ import annotations

from collections.abc import Mapping

from propmat import _inputs
from propmat._batching._arguments import PAIR, named
from propmat._batching._verb import Verb
from propmat._batching._verbs import CLOSED_FORM, KNN, PROPAGATE, REFINE
from propmat._trimap import Trimap
from propmat._typing import ArrayLike
from propmat.jax._operation import Array, as_taken, known, operation_of, widened
from propmat.solvers._base import Solver

Labels = Array | ArrayLike | Trimap
Weights = Array | ArrayLike


def closed_form(
    image: Array,
    trimap: Labels,
    *,
    values: Array | None = None,
    confidence: Weights | None = None,
    epsilon: float | Array = 1e-7,
    radius: int = 1,
    solver: Solver | None = None,
) -> Array:
    """`propmat.closed_form`, differentiable in image, values, confidence and epsilon.

    Parameters
    ----------
    image : (H, W) or (H, W, d) array
        Floating in [0, 1], uint8 or uint16 (scaled by their maximum).
    trimap : (H, W) array or Trimap
        At most 0.1 is background, at least 0.9 foreground, the rest unknown.
    values : (H, W) array, optional
        In [0, 1], other values than the trimap's labels on its known pixels.
    confidence : float or (H, W) array, optional
        Holds known pixels softly, (L + C) α = C α*; by default they are exact.
    epsilon, radius, solver
        As in `propmat.closed_form`.

    Returns
    -------
    (H, W) array
        Alpha in [0, 1], of the image's dtype.

    Raises
    ------
    InputError
        If an argument is not as above, see `propmat.jax`.
    ConvergenceError
        If a solver with ``strict=True`` did not converge.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import propmat.jax
    >>> image = jnp.tile(jnp.linspace(0, 1, 5), (3, 1))
    >>> propmat.jax.closed_form(image, jnp.tile(jnp.array([0, 0.5, 0.5, 0.5, 1]), (3, 1)))[0].round(4)
    Array([0.  , 0.25, 0.5 , 0.75, 1.  ], dtype=float32)
    """
    given = {"image": image, "trimap": trimap, "values": values, "confidence": confidence, "epsilon": epsilon}
    return _solved(CLOSED_FORM, given, radius=radius, solver=solver)


def knn(
    image: Array,
    trimap: Labels,
    *,
    values: Array | None = None,
    confidence: Weights | None = None,
    preset: str = "two",
    solver: Solver | None = None,
) -> Array:
    """`propmat.knn`, differentiable in image, values and confidence; which pixels are near is held fixed.

    The gradient of the default preset "two" with respect to the image is 0, for its weights are 1; of "rgb" it is not.

    Parameters
    ----------
    image, trimap, values, confidence, solver
        As in `propmat.jax.closed_form`.
    preset
        As in `propmat.knn`.

    Returns
    -------
    (H, W) array
        Alpha in [0, 1], of the image's dtype.

    Raises
    ------
    InputError, ConvergenceError
        As `propmat.jax.closed_form`.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import propmat.jax
    >>> image = jnp.tile(jnp.linspace(0, 1, 5), (3, 1))
    >>> propmat.jax.knn(image, jnp.tile(jnp.array([0, 0.5, 0.5, 0.5, 1]), (3, 1))).shape
    (3, 5)
    """
    given = {"image": image, "trimap": trimap, "values": values, "confidence": confidence}
    return _solved(KNN, given, preset=preset, solver=solver)


def refine(
    image: Array,
    alpha: Array,
    confidence: Weights,
    *,
    trimap: Labels | None = None,
    values: Array | None = None,
    epsilon: float | Array = 1e-7,
    solver: Solver | None = None,
) -> Array:
    """`propmat.refine`, differentiable in image, alpha, confidence, values and epsilon.

    Parameters
    ----------
    image, trimap, values, epsilon, solver
        As in `propmat.jax.closed_form`; without a trimap no pixel is known.
    alpha : (H, W) array
        The matte to refine, in [0, 1].
    confidence : float or (H, W) array, >= 0
        How strongly each value is held.

    Returns
    -------
    (H, W) array
        Alpha in [0, 1], of the image's dtype.

    Raises
    ------
    InputError, ConvergenceError
        As `propmat.jax.closed_form`.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import propmat.jax
    >>> image = jnp.tile(jnp.linspace(0, 1, 5), (3, 1))
    >>> propmat.jax.refine(image, jnp.full((3, 5), 0.5), 1.0)[0]
    Array([0.5, 0.5, 0.5, 0.5, 0.5], dtype=float32)
    """
    given = {"image": image, "alpha": alpha, "trimap": trimap, "values": values, "epsilon": epsilon}
    return _solved(REFINE, {**given, "confidence": confidence}, solver=solver)


def propagate(
    affinities: tuple[Array, Array],
    trimap: Labels,
    *,
    values: Array | None = None,
    confidence: Weights | None = None,
    solver: Solver | None = None,
) -> Array:
    """`propmat.propagate`, differentiable in affinities, values and confidence.

    Parameters
    ----------
    affinities : tuple (horizontal, vertical)
        (H, W - 1) and (H - 1, W) arrays >= 0.
    trimap, values, confidence, solver
        As in `propmat.jax.closed_form`.

    Returns
    -------
    (H, W) array
        Alpha in [0, 1], of the affinities' dtype.

    Raises
    ------
    InputError, ConvergenceError
        As `propmat.jax.closed_form`.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import propmat.jax
    >>> edges = jnp.array([[1.0, 3.0]]), jnp.ones((0, 3))
    >>> propmat.jax.propagate(edges, jnp.array([[0, 0.5, 1]]))
    Array([[0.  , 0.75, 1.  ]], dtype=float32)
    """
    given = {**named(affinities, PAIR), "trimap": trimap, "values": values}
    return _solved(PROPAGATE, {**given, "confidence": confidence}, solver=solver)


def _solved(verb: Verb, arguments: Mapping[str, object], *, solver: Solver | None, **options: object) -> Array:
    given = {name: widened(value) for name, value in verb.given(arguments).items()}
    _inputs.solving(solver)
    read = verb.read(options)
    verb.check({name: known(value) for name, value in given.items()}, read)
    return operation_of(verb, read, solver)({name: as_taken(value, name) for name, value in given.items()})
