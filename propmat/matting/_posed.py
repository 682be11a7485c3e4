"""The definition of a method: the Laplacian, and perhaps a prior, for a given image and trimap."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from propmat._solve._matte import Matte
from propmat._solve._problem import Prior, Problem, checked
from propmat._trimap import Trimap
from propmat._typing import ArrayLike
from propmat.laplacian._contract import Laplacian
from propmat.solvers._base import Callback, Solver


class Posed(NamedTuple):
    """The arguments of `propmat.solve` that define a method.

    Attributes
    ----------
    graph : Laplacian
    prior : (matte, confidence) or None
        As in `propmat.solve`.
    """

    graph: Laplacian
    prior: Prior | None = None


# (pixels, labels, **settings) → Posed, for an (H, W, d) image and a Trimap that have been checked, and unchecked
# settings.
Pose: TypeAlias = Callable[..., Posed]


def solved(
    pose: Pose,
    image: ArrayLike,
    trimap: ArrayLike | Trimap | None,
    solver: Solver | None,
    callback: Callback | None,
    **settings: Any,
) -> Matte:
    """The matte of a method; image and trimap are checked here only, once."""
    pixels, labels = checked(image, trimap, solver, callback)
    graph, prior = pose(pixels, labels, **settings)
    return Problem.posed(graph, labels, prior=prior).solve(solver, callback=callback)
