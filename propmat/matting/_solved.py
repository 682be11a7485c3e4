"""The matte of a method."""

from __future__ import annotations

from typing import Any

from propmat._solve._matte import Matte
from propmat._solve._problem import Problem, checked
from propmat._trimap import Trimap
from propmat._typing import ArrayLike
from propmat.matting._posed import Pose
from propmat.solvers._base import Callback, Solver


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
