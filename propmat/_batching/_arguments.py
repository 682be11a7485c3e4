"""The arrays that differentiable verbs take, in the layout of NumPy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from numpy.typing import NDArray

from propmat import _inputs
from propmat._trimap import Trimap
from propmat._typing import ArrayLike
from propmat.errors import InputError
from propmat.matting._enlarged import checked_matte

Array = NDArray[Any]
Shape = tuple[int, ...]
Check = Callable[[object, str, Shape], object]  # (value, name, (H, W)): refuse what is wrong


@dataclass(frozen=True, eq=False)
class Argument:
    """An array that verbs take.

    Attributes
    ----------
    name : str
    axes : int
        How many axes belong to one image: 3 of an image, (H, W, d), 2 of a map, 0 of a number.
    lacks : tuple of int
        How many rows and columns a map has fewer than the image: edges to the right are (H, W - 1), windows of 3 x 3
        pixels (H - 2, W - 2).
    grey : bool
        Whether it holds grey values: integers are then uint8, uint16 or bool, scaled by their maximum.
    number : bool
        Whether it may be one number, for all images or for each of them.
    check : callable, optional
        Refuses what one image may not have here; `Verb.size` checks those that have none.
    """

    name: str
    axes: int = 2
    lacks: tuple[int, int] = (0, 0)
    grey: bool = False
    number: bool = False
    check: Check | None = None

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the image that an array of so many rows and columns belongs to."""
        return height + self.lacks[0], width + self.lacks[1]


def _trimap(value: object, name: str, shape: Shape) -> None:
    Trimap.parse(cast(ArrayLike, value), shape, memory=_inputs.ANYWHERE)


def _plane(value: object, name: str, shape: Shape) -> None:
    _inputs.plane(value, name, shape, memory=_inputs.ANYWHERE)


def _small_matte(value: object, name: str, shape: Shape) -> None:
    checked_matte(cast(ArrayLike, value), (shape[0], shape[1]))


def _weights(value: object, name: str, shape: Shape) -> None:
    _inputs.weights(value, name, shape, memory=_inputs.ANYWHERE)


def _weights_of_windows(value: object, name: str, shape: Shape) -> None:
    _inputs.weights(value, name, (shape[0] - 2, shape[1] - 2), memory=_inputs.ANYWHERE)


def _positive(value: object, name: str, shape: Shape) -> None:
    _inputs.positive(value, name)


IMAGE = Argument("image", axes=3, grey=True)
TRIMAP = Argument("trimap", grey=True, check=_trimap)
VALUES = Argument("values", grey=True, check=_plane)
ALPHA = Argument("alpha", grey=True, check=_plane)
SMALL_ALPHA = Argument("alpha", grey=True, check=_small_matte)
CONFIDENCE = Argument("confidence", number=True, check=_weights)
ONE_CONFIDENCE = Argument("confidence", axes=0, number=True, check=_positive)
EPSILON = Argument("epsilon", axes=0, number=True, check=_positive)
WINDOWS = Argument("windows", lacks=(2, 2), check=_weights_of_windows)
PRIOR = (
    Argument("prior", grey=True, check=_plane),
    Argument("prior_confidence", number=True, check=_weights),
)
PAIR = Argument("horizontal", lacks=(0, 1)), Argument("vertical", lacks=(1, 0))
FOUR = (
    Argument("right", lacks=(0, 1)),
    Argument("left", lacks=(0, 1)),
    Argument("down", lacks=(1, 0)),
    Argument("up", lacks=(1, 0)),
)
ARGUMENTS = {
    argument.name: argument
    for argument in (IMAGE, TRIMAP, VALUES, ALPHA, CONFIDENCE, EPSILON, WINDOWS, *PRIOR, *PAIR, *FOUR)
}


def named(affinities: object, arguments: tuple[Argument, ...], name: str = "affinities") -> dict[str, object]:
    """The arrays of `affinities`, an argument called `name`, by their own names.

    Raises
    ------
    InputError
        If they are not a tuple or list of as many.
    """
    if not isinstance(affinities, (tuple, list)) or len(affinities) != len(arguments):
        got = f"{len(affinities)} things" if isinstance(affinities, (tuple, list)) else type(affinities).__name__
        names = ", ".join([argument.name for argument in arguments])
        raise InputError(f"{name}: takes {len(arguments)} arrays ({names}) in a tuple, got {got}")
    return {argument.name: array for argument, array in zip(arguments, affinities, strict=True)}


def size_of_image(arguments: Mapping[str, object]) -> Shape:
    """Height and width of an image, which is checked."""
    return _inputs.image(arguments["image"], memory=_inputs.ANYWHERE).shape[:2]


def size_of_windows(arguments: Mapping[str, object]) -> Shape:
    """Height and width of an image, which is checked, as are edges `PAIR` where they are given."""
    if "horizontal" in arguments:
        size_of_edges(arguments)
    return size_of_image(arguments)


def size_of_edges(arguments: Mapping[str, object]) -> Shape:
    """Height and width of what has edges `PAIR`, which are checked."""
    across, down = _inputs.edge_weights(arguments["horizontal"], arguments["vertical"], memory=_inputs.ANYWHERE)
    return across.shape[0], down.shape[1]


def size_of_directed_edges(arguments: Mapping[str, object]) -> Shape:
    """Height and width of what has edges `FOUR`, which are checked."""
    right, left, down, up = (arguments[argument.name] for argument in FOUR)
    across, below = _inputs.edge_weights(right, down)
    back, _ = _inputs.edge_weights(left, up)
    if back.shape != across.shape:
        raise InputError(f"left: shape {back.shape} does not fit right of shape {across.shape}")
    return across.shape[0], below.shape[1]
