"""The images of a batch at once, as one tall image: one system, one hierarchy, one run of conjugate gradients.

No edge and no window reaches over a seam between two images, so that their matrices stand on the diagonal of the tall
one. Blocks of pixels may: what is eliminated in a block follows its edges, and no function spans two images.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from propmat._arithmetic import usual_arithmetic
from propmat._batching._arguments import Array
from propmat._batching._batch import Batch
from propmat._batching._tolerances import CGByParts
from propmat._batching._verb import Options, Pose, Verb
from propmat._operators._parts import Parts
from propmat.adjoint._pullback import Pullback
from propmat.solvers._cg import CG


def pose_of(verb: Verb, batch: Batch, options: Options) -> Pose | None:
    """How the verb poses a batch as one tall image, where it is several images that `Verb.tall` allows."""
    tall = verb.tall
    if tall is None or math.prod(batch.shape) < 2 or any(batch.leading.get(name) for name in tall.alike):
        return None
    fits = all(options.get(name, value) == value for name, value in tall.options.items())
    return tall.pose if fits else None


@usual_arithmetic
def run(verb: Verb, pose: Pose, batch: Batch, options: Options, solver: CG) -> tuple[Array, TallPullback]:
    """Alpha for every image, and the way back.

    Raises
    ------
    InputError
        If an argument is not as the verb takes it; of which image is not said.
    """
    size, images = batch.size(verb.arguments[0]), math.prod(batch.shape)
    if verb.windows:
        verb.check_window(size, options)
    parts = Parts(tuple(range(size[0], images * size[0], size[0])))
    arrays = {name: _stacked(batch, name, size) for name in batch.arrays}
    alpha, pullback = pose(parts, **arrays, solver=CGByParts(solver, parts))
    return alpha.reshape(*batch.shape, *size), TallPullback(batch, pullback)


def _stacked(batch: Batch, name: str, size: tuple[int, int]) -> Array | float:
    """The images of an argument one above the other, as high as all of them; a single number as it is."""
    array, leading = batch.arrays[name], batch.leading[name]
    own = array.shape[len(leading) :]
    if not array.ndim:
        return float(array)
    if not own:
        array, own = np.broadcast_to(array[..., None, None], (*leading, *size)), size
    every = np.broadcast_to(array, (*batch.shape, *own)).reshape(math.prod(batch.shape), *own)
    if own[0] == size[0]:
        return every.reshape(len(every) * size[0], *own[1:])
    with_seams = np.zeros((len(every), *size), every.dtype, like=array)  # edges downwards, none from the last row
    with_seams[:, :-1] = every
    return with_seams.reshape(-1, size[1])[:-1]


@dataclass(frozen=True, eq=False)
class TallPullback:
    """The pullback of a batch that was solved at once; see `BatchPullback`."""

    batch: Batch
    pullback: Pullback = field(repr=False)

    def __call__(self, gradient: Array, wanted: Iterable[str]) -> dict[str, Array]:
        found = vars(self.pullback(gradient.reshape(self.pullback.trimap.shape), wanted=list(wanted)))
        return {name: self._unstacked(name, value) for name, value in found.items()}

    def _unstacked(self, name: str, value: Array | float) -> Array:
        """The gradient of an argument as it was given, of that of the tall one."""
        array, leading, images = self.batch.arrays[name], self.batch.leading[name], math.prod(self.batch.shape)
        if isinstance(value, float):
            return np.full(array.shape, float(value), like=array)
        own, rows = array.shape[len(leading) :], self.pullback.trimap.shape[0] // images
        if len(value) < images * rows:
            value = np.concatenate([value, np.zeros((1, value.shape[1]), like=value)])
        by_image = value.reshape(images, rows, *value.shape[1:])
        by_image = by_image[:, : own[0]].reshape(images, *own) if own else by_image.sum(axis=(1, 2))
        return by_image.reshape(array.shape) if leading else by_image.sum(axis=0)
