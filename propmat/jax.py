"""The verbs on JAX arrays: under `jit`, `grad` and `vmap`, by callbacks to the host.

Of one image each; `jax.vmap` makes batches. Arrays are laid out as for NumPy, and solved in float64 whatever JAX's own
precision is. A pullback cannot cross `jit`, so the way back solves forwards once more. Errors come out as JAX's, with
propmat's message inside. JAX runs callbacks on threads of its own: double precision is to be switched on for the whole
process (``jax.config.update("jax_enable_x64", True)``), not by a context.

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
from functools import cache
from typing import Any

import numpy as np

from propmat import _batches
from propmat.errors import MissingDependencyError
from propmat.trimap import Trimap

try:
    import jax
    import jax.numpy as jnp
except ImportError:
    raise MissingDependencyError("propmat.jax needs JAX: python -m pip install 'propmat[jax]'") from None

Array = jax.Array
Arrays = dict[str, Array]


def closed_form(
    image: Array,
    trimap: Any,
    *,
    values: Array | None = None,
    confidence: Any = None,
    epsilon: Any = 1e-7,
    radius: int = 1,
    solver: Any = None,
) -> Array:
    """`propmat.closed_form`, differentiable in image, values, confidence and epsilon.

    Parameters
    ----------
    image : (H, W) or (H, W, d) array
        In [0, 1].
    trimap : (H, W) array or Trimap
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

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import propmat.jax
    >>> image = jnp.tile(jnp.linspace(0, 1, 5), (3, 1))
    >>> propmat.jax.closed_form(image, jnp.tile(jnp.array([0, 0.5, 0.5, 0.5, 1]), (3, 1)))[0].round(4)
    Array([0.  , 0.25, 0.5 , 0.75, 1.  ], dtype=float32)
    """
    inputs = {"image": image, "values": values, "confidence": confidence, "epsilon": epsilon}
    return _solved("closed_form", inputs, trimap, radius=radius, solver=solver)


def knn(
    image: Array,
    trimap: Any,
    *,
    values: Array | None = None,
    confidence: Any = None,
    preset: str = "two",
    solver: Any = None,
) -> Array:
    """`propmat.knn`, differentiable in image, values and confidence; which pixels are near is held fixed.

    The gradient of the default preset "two" with respect to the image is 0, for its weights are 1; of "rgb" it is not.

    Parameters
    ----------
    preset
        As in `propmat.knn`.
    image, trimap, values, confidence, solver
        As in `propmat.jax.closed_form`.

    Returns
    -------
    (H, W) array
        Alpha in [0, 1], of the image's dtype.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import propmat.jax
    >>> image = jnp.tile(jnp.linspace(0, 1, 5), (3, 1))
    >>> propmat.jax.knn(image, jnp.tile(jnp.array([0, 0.5, 0.5, 0.5, 1]), (3, 1))).shape
    (3, 5)
    """
    inputs = {"image": image, "values": values, "confidence": confidence}
    return _solved("knn", inputs, trimap, preset=preset, solver=solver)


def refine(
    image: Array,
    alpha: Array,
    confidence: Any,
    *,
    trimap: Any = None,
    values: Array | None = None,
    epsilon: Any = 1e-7,
    solver: Any = None,
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

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import propmat.jax
    >>> image = jnp.tile(jnp.linspace(0, 1, 5), (3, 1))
    >>> propmat.jax.refine(image, jnp.full((3, 5), 0.5), 1.0)[0]
    Array([0.5, 0.5, 0.5, 0.5, 0.5], dtype=float32)
    """
    inputs = {"image": image, "alpha": alpha, "confidence": confidence, "values": values, "epsilon": epsilon}
    return _solved("refine", inputs, trimap, solver=solver)


def propagate(
    affinities: tuple[Array, Array],
    trimap: Any,
    *,
    values: Array | None = None,
    confidence: Any = None,
    solver: Any = None,
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

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import propmat.jax
    >>> edges = jnp.array([[1.0, 3.0]]), jnp.ones((0, 3))
    >>> propmat.jax.propagate(edges, jnp.array([[0, 0.5, 1]]))
    Array([[0.  , 0.75, 1.  ]], dtype=float32)
    """
    horizontal, vertical = affinities
    inputs = {"horizontal": horizontal, "vertical": vertical, "values": values, "confidence": confidence}
    return _solved("propagate", inputs, trimap, solver=solver)


def _solved(verb: str, inputs: Mapping[str, Any], trimap: Any, **options: Any) -> Array:
    named = {name: jnp.asarray(value, dtype=float) for name, value in inputs.items() if value is not None}
    if trimap is not None:
        named["trimap"] = _trimap(trimap)
    axes = tuple((name, array.ndim) for name, array in named.items())
    return _operation(verb, axes, tuple(options.items()))(named)


def _trimap(trimap: Any) -> Array:
    """As floating grey values: JAX wants a gradient of it, 0."""
    given = jnp.asarray(trimap.labels if isinstance(trimap, Trimap) else trimap)
    if jnp.issubdtype(given.dtype, jnp.unsignedinteger):
        given = given / jnp.iinfo(given.dtype).max
    return given.astype(float)


@cache
def _operation(
    verb: str, axes: tuple[tuple[str, int], ...], options: tuple[tuple[str, Any], ...]
) -> Callable[[Arrays], Array]:
    """Arrays of one image → alpha, with its own derivative."""

    def run(arrays: Arrays) -> tuple[Any, _batches.Pullbacks]:
        given = {name: np.asarray(array) for name, array in arrays.items()}
        return _batches.run(verb, given, dict(axes), dict(options))

    def forward_on_host(arrays: Arrays) -> Any:
        alpha = run(arrays)[0]
        return alpha.astype(_first(arrays).dtype)

    def back_on_host(arrays: Arrays, gradient: Array) -> Any:
        _, pullback = run(arrays)
        found = pullback(np.asarray(gradient), [name for name in arrays if name != "trimap"])
        return {name: value.astype(arrays[name].dtype) for name, value in found.items()}

    @jax.custom_vjp
    def operation(arrays: Arrays) -> Array:
        first = _first(arrays)
        height, width = first.shape[:2]
        shape = (height, width + ("image" not in arrays))  # of the first array, weights to the right, one is missing
        result = jax.ShapeDtypeStruct(shape, first.dtype)
        return jax.pure_callback(forward_on_host, result, arrays, vmap_method="broadcast_all")

    def forward(arrays: Arrays) -> tuple[Array, Arrays]:
        return operation(arrays), arrays

    def backward(arrays: Arrays, gradient: Array) -> tuple[Arrays]:
        results = {
            name: jax.ShapeDtypeStruct(array.shape, array.dtype) for name, array in arrays.items() if name != "trimap"
        }
        found = jax.pure_callback(back_on_host, results, arrays, gradient, vmap_method="broadcast_all")
        return ({name: found[name] if name in found else jnp.zeros_like(array) for name, array in arrays.items()},)

    operation.defvjp(forward, backward)
    return operation


def _first(arrays: Arrays) -> Array:
    """What has the height and width of the image, and the dtype of alpha. JAX sorts the keys of a dictionary."""
    return arrays["image"] if "image" in arrays else arrays["horizontal"]
