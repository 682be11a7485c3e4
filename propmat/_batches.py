"""The verbs of `propmat.adjoint` on arrays with leading axes, by name: what PyTorch and JAX call.

In host memory images are solved one after another, each on all cores: eight crops take as long as one image of as many
pixels (`python -m benchmarks.gradients`). On a GPU, which a small image does not fill, they are solved at once
(`_stacks`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from propmat import _stacks, adjoint
from propmat._backend import backend_of
from propmat.errors import InputError

Array = NDArray[Any]
Index = tuple[int, ...]


def _propagate(horizontal: Array, vertical: Array, **rest: Any) -> Any:
    return adjoint.propagate((horizontal, vertical), **rest)


def _propagate_directed(right: Array, left: Array, down: Array, up: Array, **rest: Any) -> Any:
    return adjoint.propagate_directed((right, left, down, up), **rest)


VERBS: dict[str, Callable[..., Any]] = {
    "closed_form": adjoint.closed_form,
    "knn": adjoint.knn,
    "propagate": _propagate,
    "propagate_directed": _propagate_directed,
    "refine": adjoint.refine,
}


def run(
    verb: str, arrays: Mapping[str, Array], axes: Mapping[str, int], options: Mapping[str, Any]
) -> tuple[Array, Pullbacks]:
    """Alpha for every image of a batch, and the way back.

    `axes` tells how many of the last axes of an array belong to one image; those before them are broadcast.
    """
    leading = {name: array.shape[: array.ndim - axes[name]] for name, array in arrays.items()}
    shape = broadcast(leading)
    if backend_of(next(iter(arrays.values()))).stacks and _stacks.fits(verb, leading, shape, options):
        try:
            return _stacks.run(verb, arrays, leading, shape, options)
        except InputError:  # solved one after another, the images will tell which of them it is
            pass
    return _one_by_one(verb, arrays, leading, shape, options)


def _one_by_one(
    verb: str,
    arrays: Mapping[str, Array],
    leading: Mapping[str, tuple[int, ...]],
    shape: tuple[int, ...],
    options: Mapping[str, Any],
) -> tuple[Array, Batch]:
    pullbacks, alphas = {}, {}
    for index in np.ndindex(shape):
        given = {name: array[_within(index, leading[name])] for name, array in arrays.items()}
        try:
            alphas[index], pullbacks[index] = VERBS[verb](**given, **options)
        except InputError as error:
            if shape:
                raise InputError(f"image {index if len(shape) > 1 else index[0]} of the batch: {error}") from None
            raise
    stacked = np.stack(list(alphas.values())) if alphas else np.empty((0, 0, 0), like=next(iter(arrays.values())))
    return stacked.reshape(*shape, *stacked.shape[1:]), Batch(arrays, leading, pullbacks)


def broadcast(leading: Mapping[str, tuple[int, ...]]) -> tuple[int, ...]:
    """The leading axes of a batch.

    Raises
    ------
    InputError
        If those of its arrays do not go together.
    """
    try:
        return np.broadcast_shapes(*leading.values())
    except ValueError:
        told = ", ".join(f"{name} {shape}" for name, shape in leading.items())
        raise InputError(f"batch: leading axes do not go together: {told}") from None


def _within(index: Index, leading: tuple[int, ...]) -> Index:
    """Where image `index` of the batch lies in an array that may be shared between images."""
    own = index[len(index) - len(leading) :]
    return tuple(0 if length == 1 else k for k, length in zip(own, leading, strict=True))


@dataclass(frozen=True, eq=False)
class Batch:
    """The pullbacks of a batch; a gradient of what images share is summed over them."""

    arrays: Mapping[str, Array] = field(repr=False)
    leading: Mapping[str, tuple[int, ...]]
    pullbacks: Mapping[Index, adjoint.Pullback] = field(repr=False)

    def __call__(self, gradient: Array, wanted: Iterable[str]) -> dict[str, Array]:
        """dℓ/dα of the batch → gradients of ℓ, in float64 and the shapes of the arrays."""
        found = {name: np.zeros(self.arrays[name].shape, like=self.arrays[name]) for name in wanted}
        for index, pullback in self.pullbacks.items():
            for name, value in vars(pullback(gradient[index], wanted=found)).items():
                found[name][_within(index, self.leading[name])] += value
        return found


Pullbacks = Batch | _stacks.Stacked
