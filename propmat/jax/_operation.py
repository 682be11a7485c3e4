"""A verb as one operation of JAX, with its own derivative, on the host."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from propmat._batching._arguments import ARGUMENTS
from propmat._batching._batch import BatchPullback
from propmat._batching._run import run
from propmat._batching._verb import Options, Verb
from propmat._trimap import Trimap
from propmat.solvers._base import Solver

Array = jax.Array
Arrays = dict[str, Array]


def widened(value: object) -> object:
    """Half precision becomes single; NumPy does not know all of JAX's."""
    if not isinstance(value, jax.Array | np.ndarray):
        return value
    short = jnp.issubdtype(value.dtype, jnp.floating) and value.dtype.itemsize < 4
    return value.astype(np.float32) if short else value


def known(value: object) -> object:
    """What is known of a value that may be traced: of an array of JAX shape and dtype, for which white stands."""
    if not isinstance(value, jax.Array):
        return value
    white = np.iinfo(value.dtype).max if value.dtype.kind == "u" else 1
    return np.broadcast_to(np.array(white, value.dtype), value.shape)


def as_taken(value: object, name: str) -> Array:
    """As the solver takes it: grey values may be integers, which are scaled there, and weights are floating."""
    given = value.labels if isinstance(value, Trimap) else value if isinstance(value, jax.Array) else np.asarray(value)
    scaled = ARGUMENTS[name].grey and given.dtype.kind in "ub"
    if scaled or (isinstance(given, jax.Array) and given.dtype.kind == "f"):
        return jnp.asarray(given)
    # As precise as they come; integers and half precision are single, whatever JAX's own precision is.
    precision = float if given.dtype.kind == "f" and given.dtype.itemsize > 4 else jnp.float32
    with np.errstate(over="ignore"):  # what becomes infinite is refused by name
        return jnp.asarray(given, dtype=precision)


def operation_of(verb: Verb, options: Options, solver: Solver | None) -> Callable[[Arrays], Array]:
    """Arrays of one image → alpha, with its own derivative."""

    def run_on_host(arrays: Arrays, axes: Mapping[str, int]) -> tuple[NDArray[Any], BatchPullback]:
        on_host = {name: np.asarray(array) for name, array in arrays.items()}
        return run(verb, on_host, axes, options, solver)

    @jax.custom_vjp
    def operation(arrays: Arrays) -> Array:
        axes = {name: array.ndim for name, array in arrays.items()}
        result = _alpha(verb, arrays)

        def forward_on_host(arrays: Arrays) -> Any:
            return run_on_host(arrays, axes)[0].astype(result.dtype)

        return _on_host(forward_on_host, result, arrays)

    def forward(arrays: Arrays) -> tuple[Array, Arrays]:
        return operation(arrays), arrays

    def backward(arrays: Arrays, gradient: Array) -> tuple[Any]:
        axes = {name: array.ndim for name, array in arrays.items()}
        wanted = [name for name, array in arrays.items() if name not in verb.constant and array.dtype.kind == "f"]
        results = {name: jax.ShapeDtypeStruct(arrays[name].shape, arrays[name].dtype) for name in wanted}

        def back_on_host(arrays: Arrays, gradient: Array) -> Any:
            found = run_on_host(arrays, axes)[1](np.asarray(gradient), wanted)
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
