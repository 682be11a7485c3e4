"""Several images of one size as one tall image: one system, one hierarchy, one run of conjugate gradients.

No edge and no window reaches over a border between two images, so that their matrices stand on the diagonal of the tall
one. Blocks of pixels may: what is eliminated in a block follows its edges, and no function spans two images.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from propmat import _inputs, adjoint
from propmat._arithmetic import usual_arithmetic
from propmat.errors import InputError
from propmat.laplacian._affinity import Affinity
from propmat.laplacian._closed_form import ClosedForm
from propmat.solvers import CG
from propmat.solvers._stack import Stack
from propmat.trimap import Trimap

Array = NDArray[Any]
Shape = tuple[int, ...]
Made = tuple[Array, adjoint.Pullback]


def fits(verb: str, leading: Mapping[str, Shape], shape: Shape, options: Mapping[str, Any]) -> bool:
    """Whether a batch can be solved at once: several images, one epsilon, windows of radius 1, conjugate gradients."""
    one_epsilon = not leading.get("epsilon")
    by_cg = isinstance(_solver(options), CG)
    return verb in VERBS and math.prod(shape) > 1 and one_epsilon and by_cg and options.get("radius", 1) == 1


@usual_arithmetic
def run(
    verb: str, arrays: Mapping[str, Array], leading: Mapping[str, Shape], shape: Shape, options: Mapping[str, Any]
) -> tuple[Array, Stacked]:
    """Alpha for every image of a batch, and the way back.

    Raises
    ------
    InputError
        If an argument is not as the verb takes it; of which image is not said.
    """
    rows, columns = arrays["trimap" if "trimap" in arrays else "alpha"].shape[-2:]
    tall = {name: _tall(array, leading[name], shape, (rows, columns)) for name, array in arrays.items()}
    alpha, pullback = VERBS[verb](math.prod(shape), **tall, solver=Stack(_solver(options)))
    return alpha.reshape(*shape, rows, columns), Stacked(arrays, leading, shape, pullback)


def _solver(options: Mapping[str, Any]) -> Any:
    """The solver that is asked for, or conjugate gradients."""
    solver = options.get("solver")
    return CG() if solver is None else solver


def _tall(array: Array, leading: Shape, shape: Shape, size: Shape) -> Any:
    """The images of an argument one above the other, as high as all of them; a single number as it is."""
    one = array.shape[len(leading) :]
    if not array.ndim:
        return float(array)
    if not one:
        array, one = np.broadcast_to(array[..., None, None], (*leading, *size)), size
    every = np.broadcast_to(array, (*shape, *one)).reshape(math.prod(shape), *one)
    if one[0] == size[0]:
        return every.reshape(len(every) * size[0], *one[1:])
    with_borders = np.zeros((len(every), *size), every.dtype, like=array)  # edges downwards, none from the last row
    with_borders[:, :-1] = every
    return with_borders.reshape(-1, size[1])[:-1]


def _closed_form(images: int, image: Array, trimap: Any, epsilon: float = 1e-7, **rest: Any) -> Made:
    graph = _windows(images, image, epsilon)
    return adjoint.solve(graph, trimap, **rest)


def _refine(
    images: int,
    image: Array,
    alpha: Array,
    confidence: Any,
    trimap: Any = None,
    epsilon: float = 1e-7,
    **rest: Any,
) -> Made:
    graph = _windows(images, image, epsilon)
    given = _inputs.plane(alpha, "alpha", graph.shape, beside=graph.beside)
    labels = Trimap.unlabelled(graph.shape, like=graph.image) if trimap is None else trimap
    refined, pullback = adjoint.solve(graph, labels, prior=(given, confidence), **rest)
    return refined, pullback.renamed(prior="alpha", prior_confidence="confidence")


def _propagate(images: int, horizontal: Array, vertical: Array, trimap: Any, **rest: Any) -> Made:
    return adjoint.solve(Affinity(*_inputs.edge_weights(horizontal, vertical, beside={}), images), trimap, **rest)


def _windows(images: int, image: Array, epsilon: float) -> ClosedForm:
    one = ClosedForm.of(_inputs.image(image, beside={}), epsilon, 1)
    graph = ClosedForm(one.image, one.epsilon, one.radius, images)
    if graph.shape[0] // images < 3:
        raise InputError("image: is smaller than one window")
    return graph


VERBS: dict[str, Callable[..., Made]] = {"closed_form": _closed_form, "propagate": _propagate, "refine": _refine}


@dataclass(frozen=True, eq=False)
class Stacked:
    """The pullback of a batch that was solved at once; a gradient of what images share is summed over them."""

    arrays: Mapping[str, Array] = field(repr=False)
    leading: Mapping[str, Shape]
    shape: Shape
    pullback: adjoint.Pullback = field(repr=False)

    def __call__(self, gradient: Array, wanted: Iterable[str]) -> dict[str, Array]:
        """dℓ/dα of the batch → gradients of ℓ, in float64 and the shapes of the arrays."""
        height, width = self.pullback.trimap.shape
        found = vars(self.pullback(gradient.reshape(height, width), wanted=list(wanted)))
        return {name: self._summed(name, value) for name, value in found.items()}

    def _summed(self, name: str, value: Any) -> Array:
        array, leading, images = self.arrays[name], self.leading[name], math.prod(self.shape)
        if np.ndim(value) == 0:
            return np.full(array.shape, float(value), like=array)
        one, rows = array.shape[len(leading) :], self.pullback.trimap.shape[0] // images
        if len(value) < images * rows:
            value = np.concatenate([value, np.zeros((1, value.shape[1]), like=value)])
        by_image = value.reshape(images, rows, *value.shape[1:])
        by_image = by_image[:, : one[0]].reshape(images, *one) if one else by_image.sum(axis=(1, 2))
        return by_image.reshape(array.shape) if leading else by_image.sum(axis=0)
