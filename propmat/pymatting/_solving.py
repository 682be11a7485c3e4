"""Alpha of a Laplacian, with PyMatting's arguments of its solver."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from propmat import _inputs
from propmat._solve._problem import Problem, checked
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike
from propmat.errors import InputError
from propmat.laplacian._contract import Laplacian
from propmat.pymatting._images import sanity_check_image
from propmat.pymatting._settings import Solving, check_names, without_meaning
from propmat.pymatting._trimaps import labels_of
from propmat.solvers._base import Status

# Of a solve that ended otherwise PyMatting's callers expect a ValueError. One that stagnated is as exact as rounding
# allows; of one that met its residual and is inaccurate all the same, or undetermined, a warning tells.
FINISHED = (Status.converged, Status.stopped, Status.stagnated, Status.inaccurate, Status.undetermined)
Settings = Mapping[str, Any]

REPEAT = "; of a grey picture, numpy.dstack([image] * 3)"


def alpha_of(
    image: ArrayLike,
    trimap: ArrayLike,
    laplacian: Callable[..., Laplacian],
    laplacian_kwargs: Settings,
    cg_kwargs: Settings,
    preconditioner: object = None,
) -> Array:
    """Alpha in the shape of the trimap, with a Laplacian that is made of the colours and its own arguments."""
    without_meaning("preconditioner", preconditioner, None, "propmat chooses its own")
    check_names(laplacian_kwargs, laplacian, "laplacian_kwargs", skipped=1)
    check_names(cg_kwargs, Solving.of, "cg_kwargs")
    solving = Solving.of(**cg_kwargs)
    pixels, labels, shape = checked_arguments(image, trimap)
    return solved(Problem.posed(laplacian(pixels, **laplacian_kwargs), labels), solving).reshape(shape)


def checked_arguments(image: ArrayLike, trimap: ArrayLike) -> tuple[Array, Trimap, tuple[int, ...]]:
    """Colours, labels, and the shape of the result.

    Pictures without three channels are refused as by PyMatting, and programs rely on it: rembg passes the numbers of a
    palette as a picture (H, W), and keeps the mask if that is an error.
    """
    shape = _inputs.shape_of(_inputs.as_array(image, "image"))
    if len(shape) != 3 or shape[2] != 3:
        raise InputError(f"image: takes shape (H, W, 3), got {shape}{REPEAT if len(shape) == 2 else ''}")
    sanity_check_image(image)
    labels = labels_of(trimap)
    pixels, labels = checked(image, labels, None, None)
    return pixels, labels, _inputs.shape_of(trimap)


def solved(problem: Problem, solving: Solving) -> Array:
    matte = problem.solve(solving.solver, x0=solving.start(problem.labels), callback=solving.callback)
    if matte.status not in FINISHED:
        raise ValueError(f"no solution. {matte.status.value}".replace("max_iterations", "maxiter"))
    return matte.alpha
