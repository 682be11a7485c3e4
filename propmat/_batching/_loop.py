"""The images of a batch one after another, each on all cores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from propmat._batching._arguments import Array
from propmat._batching._batch import Batch, Index
from propmat._batching._verb import Options, Pullback, Verb
from propmat.errors import InputError
from propmat.solvers._base import Solver


@dataclass(frozen=True, eq=False)
class LoopPullback:
    """The pullbacks of images that were solved one after another; see `BatchPullback`."""

    batch: Batch
    pullbacks: Mapping[Index, Pullback] = field(repr=False)

    def __call__(self, gradient: Array, wanted: Iterable[str]) -> dict[str, Array]:
        arrays = self.batch.arrays
        found = {name: np.zeros(arrays[name].shape, like=arrays[name]) for name in wanted}
        for index, pullback in self.pullbacks.items():
            for name, value in vars(pullback(gradient[index], wanted=found)).items():
                found[name][self.batch.within(name, index)] += value
        return found


def run(verb: Verb, batch: Batch, options: Options, solver: Solver | None) -> tuple[Array, LoopPullback]:
    """Alpha for every image, and the way back.

    Raises
    ------
    InputError
        If an argument is not as the verb takes it, before the first of several images is solved; it names the image.
    """
    images = batch.images()
    if len(images) > 1:
        check(verb, batch, options)
    further = {} if solver is None else {"solver": solver}
    pullbacks, alphas = {}, []
    for index, arguments in images.items():
        with _telling(index):
            alpha, pullbacks[index] = verb.function(**arguments, **options, **further)
            alphas.append(alpha)
    size = batch.size(verb.arguments[0])
    stacked = np.stack(alphas) if alphas else np.empty((0, *size), like=batch.like)
    return stacked.reshape(*batch.shape, *size), LoopPullback(batch, pullbacks)


def check(verb: Verb, batch: Batch, options: Options) -> None:
    """`Verb.check` for every image of a batch; errors name the image."""
    for index, arguments in batch.images().items():
        with _telling(index):
            verb.check(arguments, options)


@contextmanager
def _telling(index: Index) -> Iterator[None]:
    """Say of which image of a batch an error is."""
    try:
        yield
    except InputError as error:
        if not index:
            raise
        raise InputError(f"image {index if len(index) > 1 else index[0]} of the batch: {error}") from None
