"""The packed checkerboard: pixels sorted by the colour of their square, so that all neighbours of one are of the other.

The last three axes of a packed array are the colour of the square, (y + x) mod 2, the row, and the place x // 2 + 1 in
the row, with an empty place at either end (`propmat._cpu.foreground` sweeps over it).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def pack(planes: Array) -> NDArray[np.float32]:
    """(..., H, W) → (..., 2, H, (W + 1) // 2 + 2), in single precision."""
    height, width = planes.shape[-2:]
    packed = np.zeros((*planes.shape[:-2], 2, height, (width + 1) // 2 + 2), np.float32)
    for square, y, x, places in _quarters(width):
        packed[..., square, y::2, places] = planes[..., y::2, x::2]
    return packed


def unpack(packed: Array, width: int) -> Array:
    """The inverse of `pack`, in double precision."""
    planes = np.empty((*packed.shape[:-3], packed.shape[-2], width))
    for square, y, x, places in _quarters(width):
        planes[..., y::2, x::2] = packed[..., square, y::2, places]
    return planes


def nearest(coarse: int, fine: int) -> NDArray[np.int64]:
    """For each of `fine` cells side by side, the one of `coarse` that holds its centre."""
    return (2 * np.arange(fine) + 1) * coarse // (2 * fine)


def _quarters(width: int) -> Iterator[tuple[int, int, int, slice]]:
    """Square, first row, first column and places of the pixels of equal parity in both directions."""
    for y in (0, 1):
        for x in (0, 1):
            yield (y + x) % 2, y, x, slice(1, 1 + (width - x + 1) // 2)
