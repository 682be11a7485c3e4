"""The one entry: a verb on a batch."""

from __future__ import annotations

from collections.abc import Mapping

from propmat._arithmetic import usual_arithmetic
from propmat._backend import backend_of
from propmat._batching import _loop, _tall
from propmat._batching._arguments import Array
from propmat._batching._batch import Batch, BatchPullback
from propmat._batching._verb import Options, Verb
from propmat.errors import InputError
from propmat.solvers._base import Solver
from propmat.solvers._cg import CG


@usual_arithmetic
def run(
    verb: Verb, arrays: Mapping[str, Array], axes: Mapping[str, int], options: Options, solver: Solver | None = None
) -> tuple[Array, BatchPullback]:
    """Alpha for every image of a batch, and the way back.

    `axes` tells how many of the last axes of an array belong to one image. Those before them are the batch's, or there
    are none and the images share the array.
    """
    batch = Batch(arrays, axes)
    pose = _tall.pose_of(verb, batch, options) if backend_of(batch.like).stacks else None
    by_cg = CG() if solver is None else solver
    if pose is not None and isinstance(by_cg, CG):
        try:
            return _tall.run(verb, pose, batch, options, by_cg)
        except InputError:  # solved one after another, the images will tell which of them it is
            pass
    return _loop.run(verb, batch, options, solver)


def check(verb: Verb, arrays: Mapping[str, Array], axes: Mapping[str, int], options: Options) -> None:
    """`Verb.check` for every image of a batch; `axes` as for `run`."""
    _loop.check(verb, Batch(arrays, axes), options)
