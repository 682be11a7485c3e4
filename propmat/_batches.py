"""The verbs of `propmat.adjoint` on arrays with leading axes, by name: what PyTorch and JAX call.

In host memory images are solved one after another, each on all cores: eight crops take as long as one image of as many
pixels (`python -m benchmarks.gradients`). On a GPU, which a small image does not fill, they are solved at once
(`_stacks`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from propmat import _inputs, _stacks, adjoint
from propmat._arithmetic import usual_arithmetic
from propmat._backend import backend_of
from propmat.errors import InputError
from propmat.laplacian._closed_form import check_window
from propmat.laplacian._knn import known_preset
from propmat.trimap import Trimap

Array = NDArray[Any]
Shape = tuple[int, ...]
Index = tuple[int, ...]

OPTIONS: dict[str, Callable[[Any], Any]] = {
    "radius": partial(_inputs.whole_number, name="radius"),
    "preset": known_preset,
}
PAIR = ("horizontal", "vertical")
FOUR = ("right", "left", "down", "up")


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


def named(affinities: Any, names: Sequence[str]) -> dict[str, Any]:
    """The arrays of `affinities` by name.

    Raises
    ------
    InputError
        If they are not a tuple or list of as many.
    """
    if not isinstance(affinities, (tuple, list)) or len(affinities) != len(names):
        got = f"{len(affinities)} things" if isinstance(affinities, (tuple, list)) else type(affinities).__name__
        raise InputError(f"affinities: takes {len(names)} arrays ({', '.join(names)}) in a tuple, got {got}")
    return dict(zip(names, affinities, strict=True))


def given(verb: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments without those that are None and may be."""
    optional = ("values", "trimap" if verb == "refine" else "confidence")
    return {name: value for name, value in arguments.items() if value is not None or name not in optional}


def checked(*, solver: Any = None, **options: Any) -> dict[str, Any]:
    """Radius and preset.

    Raises
    ------
    InputError
        If one of them or the solver is not as the verbs of NumPy take it.
    """
    _inputs.solving(solver)
    return {name: OPTIONS[name](value) for name, value in options.items()}


def check(arguments: Mapping[str, Any], radius: int | None = None) -> None:
    """Refuse the arguments of one image that are not as the verbs of NumPy take them; windows have a radius.

    Raises
    ------
    InputError
        It names the argument.
    """
    shape = _shape(arguments)
    if radius is not None:
        check_window(shape, radius)
    for name in arguments:
        if name == "trimap":
            Trimap.parse(arguments[name], shape, beside={})
        elif name in ("values", "alpha"):
            _inputs.plane(arguments[name], name, shape, beside={})
        elif name == "confidence":
            _inputs.weights(arguments[name], name, shape, beside={})
        elif name == "epsilon":
            _inputs.positive(arguments[name], name)


def _shape(arguments: Mapping[str, Any]) -> Shape:
    """Height and width of an image or of affinities."""
    if "image" in arguments:
        return _inputs.image(arguments["image"], beside={}).shape[:2]
    if "horizontal" in arguments:
        across, _ = _inputs.edge_weights(*(arguments[name] for name in PAIR), beside={})
        return across.shape[0], across.shape[1] + 1
    right, left, down, up = (arguments[name] for name in FOUR)
    across, _ = _inputs.edge_weights(right, down)
    if _inputs.edge_weights(left, up)[0].shape != across.shape:
        raise InputError(f"left: shape {np.shape(left)} does not fit right of shape {np.shape(right)}")
    return across.shape[0], across.shape[1] + 1


@usual_arithmetic
def run(
    verb: str, arrays: Mapping[str, Array], axes: Mapping[str, int], options: Mapping[str, Any]
) -> tuple[Array, Pullbacks]:
    """Alpha for every image of a batch, and the way back.

    `axes` tells how many of the last axes of an array belong to one image. Those before them are the batch's, or there
    are none and the images share the array.
    """
    leading = {name: array.shape[: array.ndim - axes[name]] for name, array in arrays.items()}
    shape = batch_of(leading)
    if backend_of(next(iter(arrays.values()))).stacks and _stacks.fits(verb, leading, shape, options):
        try:
            return _stacks.run(verb, arrays, leading, shape, options)
        except InputError:  # solved one after another, the images will tell which of them it is
            pass
    return _one_by_one(verb, arrays, leading, shape, options)


def batch_of(leading: Mapping[str, Shape]) -> Shape:
    """The leading axes of a batch: those of the first argument that has any."""
    shapes = [shape for shape in leading.values() if shape]  # PyTorch 2.6 compiles no `next` with a default
    return shapes[0] if shapes else ()


def _one_by_one(
    verb: str, arrays: Mapping[str, Array], leading: Mapping[str, Shape], shape: Shape, options: Mapping[str, Any]
) -> tuple[Array, Batch]:
    images = _images(arrays, leading, shape)
    if len(images) > 1:
        _check_all(images)  # before the first of them is solved
    pullbacks, alphas = {}, {}
    for index, arguments in images.items():
        with _telling(index):
            alphas[index], pullbacks[index] = VERBS[verb](**arguments, **options)
    size = arrays["trimap" if "trimap" in arrays else "alpha"].shape[-2:]
    none = np.empty((0, *size), like=next(iter(arrays.values())))
    stacked = np.stack(list(alphas.values())) if alphas else none
    return stacked.reshape(*shape, *size), Batch(arrays, leading, pullbacks)


def check_batch(arrays: Mapping[str, Array], axes: Mapping[str, int]) -> None:
    """`check` for every image of a batch; `axes` as for `run`."""
    leading = {name: array.shape[: array.ndim - axes[name]] for name, array in arrays.items()}
    _check_all(_images(arrays, leading, batch_of(leading)))


def _images(arrays: Mapping[str, Array], leading: Mapping[str, Shape], shape: Shape) -> dict[Index, dict[str, Array]]:
    return {
        index: {name: array[index if leading[name] else ()] for name, array in arrays.items()}
        for index in np.ndindex(shape)
    }


def _check_all(images: Mapping[Index, Mapping[str, Array]]) -> None:
    for index, arguments in images.items():
        with _telling(index):
            check(arguments)


@contextmanager
def _telling(index: Index) -> Iterator[None]:
    """Say of which image of a batch an error is."""
    try:
        yield
    except InputError as error:
        if not index:
            raise
        raise InputError(f"image {index if len(index) > 1 else index[0]} of the batch: {error}") from None


@dataclass(frozen=True, eq=False)
class Batch:
    """The pullbacks of a batch; a gradient of what images share is summed over them."""

    arrays: Mapping[str, Array] = field(repr=False)
    leading: Mapping[str, Shape]
    pullbacks: Mapping[Index, adjoint.Pullback] = field(repr=False)

    def __call__(self, gradient: Array, wanted: Iterable[str]) -> dict[str, Array]:
        """dℓ/dα of the batch → gradients of ℓ, in float64 and the shapes of the arrays."""
        found = {name: np.zeros(self.arrays[name].shape, like=self.arrays[name]) for name in wanted}
        for index, pullback in self.pullbacks.items():
            for name, value in vars(pullback(gradient[index], wanted=found)).items():
                found[name][index if self.leading[name] else ()] += value
        return found


Pullbacks = Batch | _stacks.Stacked
