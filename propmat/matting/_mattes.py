"""The mattes of other methods that a network takes as inputs."""

from __future__ import annotations

from typing import Any

from propmat._solve._problem import Problem
from propmat._trimap import Trimap
from propmat._typing import Array
from propmat.errors import InputError, shown
from propmat.matting._methods import POSED

MOST_MATTES = 16

# Beside the methods with their defaults. Networks were trained on KNN of the preset "rgb"; DCNN's paper uses HSV.
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "knn": ("knn", {"preset": "rgb"}),
    "knn_hsv": ("knn", {"preset": "hsv"}),
}


def checked_mattes(names: object) -> tuple[str, ...]:
    """Names of mattes, at least one.

    Raises
    ------
    InputError
        If they are no list, too many, or one is not a method.
    """
    takes = list(dict.fromkeys([*POSED, *VARIANTS]))
    if not isinstance(names, list | tuple) or not 1 <= len(names) <= MOST_MATTES:
        raise InputError(f"mattes: takes a list of 1 to {MOST_MATTES} names, got {shown(names)}")
    for name in names:
        if name not in takes:
            raise InputError(f"mattes: takes names out of {', '.join(takes)}, got {shown(name)}")
    return tuple(names)


def matte(name: str, image: Array, labels: Trimap) -> Array:
    """One of the mattes, (H, W), of an image (H, W, 3) and labels that are checked."""
    method, settings = VARIANTS.get(name, (name, {}))
    graph, prior = POSED[method].pose(image, labels, **settings)
    return Problem.posed(graph, labels, prior=prior).solve().alpha
