"""The verbs of `propmat.adjoint` on arrays with leading axes: what PyTorch and JAX call.

In host memory images are solved one after another (`_loop`), each on all cores: eight crops take as long as one image
of as many pixels (`python -m benchmarks.gradients`). On a GPU, which a small image does not fill, they are solved at
once (`_tall`).
"""

from collections.abc import Mapping

from propmat._arithmetic import usual_arithmetic
from propmat._backend import backend_of
from propmat._batching import _loop, _tall
from propmat._batching._arguments import FOUR, PAIR, Argument, Array, named
from propmat._batching._batch import Batch, BatchPullback, shape_of
from propmat._batching._verbs import (
    ARGUMENTS,
    CLOSED_FORM,
    KNN,
    PROPAGATE,
    PROPAGATE_DIRECTED,
    REFINE,
    VERBS,
    Options,
    Verb,
)
from propmat.errors import InputError
from propmat.solvers import CG, Solver

__all__ = [
    "ARGUMENTS",
    "CLOSED_FORM",
    "FOUR",
    "KNN",
    "PAIR",
    "PROPAGATE",
    "PROPAGATE_DIRECTED",
    "REFINE",
    "VERBS",
    "Argument",
    "BatchPullback",
    "Options",
    "Verb",
    "check",
    "named",
    "run",
    "shape_of",
]


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
