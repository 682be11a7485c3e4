"""The verbs on JAX arrays: under `jit`, `grad` and `vmap`, by callbacks to the host.

Of one image each; `jax.vmap` makes batches. Arrays are laid out as for NumPy, and solved in float64 whatever JAX's own
precision is. Alpha has the dtype of the image or the affinities, float32 where these are integers or half precision. A
pullback cannot cross `jit`, so the way back solves forwards once more.

Wrong shapes, dtypes and options are an `InputError` at once. So are wrong values, unless arrays are traced: then they
come out as an error of JAX, with propmat's message inside. JAX runs callbacks on threads of its own: double precision
is to be switched on for the whole process (``jax.config.update("jax_enable_x64", True)``), not by a context.

>>> import jax
>>> import jax.numpy as jnp
>>> import propmat.jax
>>> def middle(horizontal):
...     edges = horizontal, jnp.ones((0, 3))
...     return propmat.jax.propagate(edges, jnp.array([[0, 0.5, 1]]))[0, 1]
>>> jax.jit(jax.grad(middle))(jnp.ones((1, 2)))
Array([[-0.25,  0.25]], dtype=float32)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from propmat import _batching, _inputs
from propmat._batching import ARGUMENTS, CLOSED_FORM, KNN, PAIR, PROPAGATE, REFINE, BatchPullback, Options, Verb, named
from propmat._typing import ArrayLike
from propmat.errors import MissingDependencyError
from propmat.solvers import Solver
from propmat.trimap import Trimap

try:
    import jax
    import jax.numpy as jnp
except ImportError:
    raise MissingDependencyError("propmat.jax needs JAX: python -m pip install 'propmat[jax]'") from None

Array = jax.Array
Arrays = dict[str, Array]
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
    given = {name: _widened(value) for name, value in verb.given(arguments).items()}
    _inputs.solving(solver)
    read = verb.read(options)
    verb.check({name: _known(value) for name, value in given.items()}, read)
    return _operation(verb, read, solver)({name: _array(value, name) for name, value in given.items()})


def _widened(value: object) -> object:
    """Half precision becomes single; NumPy does not know all of JAX's."""
    if not isinstance(value, jax.Array | np.ndarray):
        return value
    short = jnp.issubdtype(value.dtype, jnp.floating) and value.dtype.itemsize < 4
    return value.astype(np.float32) if short else value


def _known(value: object) -> object:
    """What is known of a value that may be traced: of an array of JAX shape and dtype, for which white stands."""
    if not isinstance(value, jax.Array):
        return value
    white = np.iinfo(value.dtype).max if value.dtype.kind == "u" else 1
    return np.broadcast_to(np.array(white, value.dtype), value.shape)


def _array(value: object, name: str) -> Array:
    """As the solver takes it: grey values may be integers, which are scaled there, and weights are floating."""
    given = value.labels if isinstance(value, Trimap) else value if isinstance(value, jax.Array) else np.asarray(value)
    scaled = ARGUMENTS[name].grey and given.dtype.kind in "ub"
    if scaled or (isinstance(given, jax.Array) and given.dtype.kind == "f"):
        return jnp.asarray(given)
    # As precise as they come; integers and half precision are single, whatever JAX's own precision is.
    precision = float if given.dtype.kind == "f" and given.dtype.itemsize > 4 else jnp.float32
    with np.errstate(over="ignore"):  # what becomes infinite is refused by name
        return jnp.asarray(given, dtype=precision)


def _operation(verb: Verb, options: Options, solver: Solver | None) -> Callable[[Arrays], Array]:
    """Arrays of one image → alpha, with its own derivative."""

    def run(arrays: Arrays, axes: Mapping[str, int]) -> tuple[NDArray[Any], BatchPullback]:
        on_host = {name: np.asarray(array) for name, array in arrays.items()}
        return _batching.run(verb, on_host, axes, options, solver)

    @jax.custom_vjp
    def operation(arrays: Arrays) -> Array:
        axes = {name: array.ndim for name, array in arrays.items()}
        result = _alpha(verb, arrays)

        def forward_on_host(arrays: Arrays) -> Any:
            return run(arrays, axes)[0].astype(result.dtype)

        return _on_host(forward_on_host, result, arrays)

    def forward(arrays: Arrays) -> tuple[Array, Arrays]:
        return operation(arrays), arrays

    def backward(arrays: Arrays, gradient: Array) -> tuple[Any]:
        axes = {name: array.ndim for name, array in arrays.items()}
        wanted = [name for name, array in arrays.items() if name not in verb.constant and array.dtype.kind == "f"]
        results = {name: jax.ShapeDtypeStruct(arrays[name].shape, arrays[name].dtype) for name in wanted}

        def back_on_host(arrays: Arrays, gradient: Array) -> Any:
            found = run(arrays, axes)[1](np.asarray(gradient), wanted)
            return {name: value.astype(arrays[name].dtype) for name, value in found.items()}

        found = _on_host(back_on_host, results, arrays, gradient)
        return ({name: found[name] if name in found else _no_gradient(array) for name, array in arrays.items()},)

    operation.defvjp(forward, backward)
    return operation


def _on_host(function: Callable[..., Any], results: Any, *arguments: Any) -> Any:
    """`function` of arrays, by a callback if some are traced. At once it raises what it raises, and warns there."""
    leaves = jax.tree.leaves(arguments)
    if any(isinstance(leaf, jax.core.Tracer) for leaf in leaves):
        return jax.pure_callback(function, results, *arguments, vmap_method="broadcast_all")
    devices = leaves[0].devices()
    return jax.device_put(function(*arguments), next(iter(devices)) if len(devices) == 1 else None)


def _no_gradient(array: Array) -> Any:
    floating = array.dtype.kind == "f"
    return jnp.zeros_like(array) if floating else np.zeros(array.shape, jax.dtypes.float0)


def _alpha(verb: Verb, arrays: Arrays) -> jax.ShapeDtypeStruct:
    """Shape and dtype of alpha: of the image, or of the weights to the right, of which a row lacks one."""
    argument = verb.arguments[0]
    first = arrays[argument.name]
    shape = argument.size(*first.shape[:2])
    return jax.ShapeDtypeStruct(shape, first.dtype if first.dtype.kind == "f" else jnp.float32)
