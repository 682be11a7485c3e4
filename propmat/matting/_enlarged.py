"""A small matte on the pixels of a larger image, and what of it is left open."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from propmat import _inputs
from propmat._typing import Array, ArrayLike, Mask
from propmat.errors import InputError

T = TypeVar("T", bound=np.generic)

# A cell whose value is closer to 0 or 1 than this, about two 8-bit steps, has that value on all its pixels.
CERTAIN = 0.01
# Unless its neighbour differs by more than this: an edge between them need not lie on their border.
JUMP = 0.9


def checked_matte(alpha: ArrayLike, shape: tuple[int, int], name: str = "alpha") -> Array:
    """A matte (h, w) of an image of `shape`: of its aspect ratio or square, and no larger; overshoot is clipped."""
    matte = _inputs.plane(alpha, name).clip(0.0, 1.0)
    height, width = matte.shape
    if height > shape[0] or width > shape[1]:
        raise InputError(f"{name}: shape {matte.shape} is larger than the image of {shape}; takes at most its size")
    if height != width and not _inputs.same_aspect(matte.shape, shape):
        raise InputError(
            f"{name}: shape {matte.shape} has another aspect ratio than the image of {shape}; takes the matte of the "
            f"whole image, or a square one that the image was squeezed for. Cut off what was padded"
        )
    return matte


def open_cells(matte: Array) -> Mask:
    """The cells whose pixels are solved for: soft ones, and those beside a jump from 0 to 1."""
    certain = (matte <= CERTAIN) | (matte >= 1 - CERTAIN)
    found: Mask = ~certain
    for axis in range(2):
        jumps = np.abs(np.diff(matte, axis=axis)) > JUMP
        for side in (slice(1, None), slice(None, -1)):
            found[(slice(None),) * axis + (side,)] |= jumps
    return found


def nearest(fine: int, coarse: int) -> NDArray[np.int64]:
    """For each of `fine` pixels the one of `coarse` cells in which its centre lies."""
    return (2 * np.arange(fine) + 1) * coarse // (2 * fine)


def enlarged(cells: NDArray[T], shape: tuple[int, int]) -> NDArray[T]:
    """For each pixel the value of the cell in which its centre lies."""
    rows, columns = (nearest(fine, coarse) for fine, coarse in zip(shape, cells.shape, strict=True))
    pixels: NDArray[T] = np.take(np.take(cells, columns, axis=1), rows, axis=0)
    return pixels


def gathered(plane: Array, cells: tuple[int, int]) -> Array:
    """The transpose of `enlarged`: the sums of a map over the pixels whose centres lie in each cell."""
    rows, columns = (
        np.searchsorted(nearest(fine, coarse), np.arange(coarse))
        for fine, coarse in zip(plane.shape, cells, strict=True)
    )
    sums: Array = np.add.reduceat(np.add.reduceat(plane, rows, axis=0), columns, axis=1)
    return sums


def interpolated(matte: Array, shape: tuple[int, int], wanted: Mask) -> Array:
    """On the n wanted pixels the matte, bilinear between the centres of its cells."""
    top, bottom, down = between(shape[0], matte.shape[0])
    left, right, across = between(shape[1], matte.shape[1])
    rows = matte[top] + down[:, np.newaxis] * (matte[bottom] - matte[top])
    y, x = np.nonzero(wanted)
    first, second = rows[y, left[x]], rows[y, right[x]]
    return first + across[x] * (second - first)


def between(fine: int, coarse: int) -> tuple[NDArray[np.int64], NDArray[np.int64], Array]:
    """For each of `fine` centres the two of `coarse` ones around it, and its place between them from 0 to 1."""
    place = np.clip((np.arange(fine) + 0.5) * coarse / fine - 0.5, 0, coarse - 1)
    first = np.minimum(place.astype(np.int64), max(coarse - 2, 0))
    return first, np.minimum(first + 1, coarse - 1), place - first
