"""Pictures of a lesser size: for previews, and for a page that shows a picture smaller than it is."""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from propmat._typing import Array, Mask
from propmat.studio._brush import Box
from propmat.studio._types import BACKGROUND, FOREGROUND, UNKNOWN, Bytes, Pixels

# Previews are made of about so many pixels: kernels do not share their work (`_cpu._threads.WORTH_SHARING`, 13
# entries a pixel), so that the browser, which draws meanwhile, does not hold them up.
SMALL = 25_000


def cell_of(shape: tuple[int, int], most: int = SMALL) -> int:
    """The side of square cells, in pixels, of which a picture has at most about `most`, and along each side three."""
    return max(1, min(math.ceil(math.sqrt(shape[0] * shape[1] / most)), min(shape) // 3))


def means(pixels: Pixels, side: int) -> Pixels:
    """Means over square cells, in the type of the pixels; cells at the right and lower border may be smaller."""
    if side == 1:
        return pixels
    height, width = pixels.shape[:2]
    lefts = np.arange(0, width, side)
    counts = np.diff(np.append(lefts, width)).reshape(-1, *[1] * (pixels.ndim - 2))
    rows = []
    for top in range(0, height, side):
        band = pixels[top : top + side]
        mean = np.add.reduceat(band.sum(axis=0, dtype=np.float64), lefts, axis=0) / (len(band) * counts)
        rows.append(np.rint(mean) if pixels.dtype.kind == "u" else mean)
    return np.stack(rows).astype(pixels.dtype)


class Cells:
    """The labels of square cells: that of any pixel in it, so that thin strokes count; unknown if there are both.

    Attributes
    ----------
    labels : (h, w) array of uint8
    both : bool
        Whether there are pixels of foreground and of background.
    """

    def __init__(self, labels: Bytes, side: int) -> None:
        self.side = side
        shape = -(-labels.shape[0] // side), -(-labels.shape[1] // side)
        self.labels: Bytes = np.full(shape, UNKNOWN, np.uint8)
        self._foreground, self._background = np.zeros(shape, bool), np.zeros(shape, bool)
        self.update(labels, Box(0, labels.shape[0], 0, labels.shape[1]))

    def update(self, labels: Bytes, box: Box) -> None:
        """Bring the cells up to date that touch a rectangle of pixels."""
        side = self.side
        top, left = box.top // side, box.left // side
        bottom, right = -(-box.bottom // side), -(-box.right // side)
        part = labels[top * side : bottom * side, left * side : right * side]
        foreground, background = (_any(part == label, side) for label in (FOREGROUND, BACKGROUND))
        here = np.full(foreground.shape, UNKNOWN, np.uint8)
        here[foreground & ~background] = FOREGROUND
        here[background & ~foreground] = BACKGROUND
        self.labels[top:bottom, left:right] = here
        self._foreground[top:bottom, left:right] = foreground
        self._background[top:bottom, left:right] = background

    @property
    def both(self) -> bool:
        return bool(self._foreground.any() and self._background.any())


def _any(mask: Mask, side: int) -> Mask:
    if side == 1:
        return mask
    rows = np.logical_or.reduceat(mask, np.arange(0, mask.shape[0], side), axis=0)
    found: Mask = np.logical_or.reduceat(rows, np.arange(0, mask.shape[1], side), axis=1)
    return found


def enlarged(plane: NDArray[np.float32], box: Box, step: float) -> NDArray[np.float32]:
    """A part of `plane`, interpolated linearly: pixel k of the result lies at (k + 1/2) `step` - 1/2 of the plane."""
    rows = _taps(box.top, box.bottom, step, plane.shape[0])
    columns = _taps(box.left, box.right, step, plane.shape[1])
    part = plane[rows.first] + (plane[rows.second] - plane[rows.first]) * rows.weight[:, np.newaxis]
    found: NDArray[np.float32] = part[:, columns.first]
    found = found + (part[:, columns.second] - found) * columns.weight
    return found


class _taps:
    """Two neighbours of each position of an axis, and the weight of the second."""

    def __init__(self, begin: int, end: int, step: float, length: int) -> None:
        place = np.clip((np.arange(begin, end) + 0.5) * step - 0.5, 0, length - 1)
        self.first = np.floor(place).astype(np.intp)
        self.second = np.minimum(self.first + 1, length - 1)
        self.weight = (place - self.first).astype(np.float32)


class Pyramid:
    """A plane of uint8, and means of 2, 4, 8, … pixels across, made when they are asked for."""

    def __init__(self, plane: Bytes) -> None:
        self._levels: list[NDArray[Any]] = [plane]
        self._lock = threading.Lock()

    def level(self, level: int) -> Bytes:
        """Means of 2**level pixels across."""
        with self._lock:
            while len(self._levels) <= level:
                self._levels.append(_halved(self._levels[-1]))
            return self._levels[level]


def _halved(plane: Bytes) -> Bytes:
    even = np.pad(plane, [(0, length % 2) for length in plane.shape], mode="edge")
    total = even[::2, ::2].astype(np.uint16)
    for part in (even[1::2, ::2], even[::2, 1::2], even[1::2, 1::2]):
        total += part
    return ((total + 2) >> 2).astype(np.uint8)


def as_bytes(alpha: Array) -> Bytes:
    """Alpha in 8 bits, rounded as files are."""
    return np.rint(255 * alpha).astype(np.uint8)
