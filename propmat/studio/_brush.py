"""Strokes and fills on arrays of labels. Positions are (x, y) in pixels from the upper left corner of the picture."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from propmat._typing import Array, Mask
from propmat.studio._types import Bytes, Point


class Box(NamedTuple):
    """A rectangle of pixels: rows from `top` to before `bottom`, columns from `left` to before `right`."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """The rectangle as an index of arrays (H, W)."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def joined(self, other: Box | None) -> Box:
        """The smallest rectangle around both."""
        if other is None:
            return self
        return Box(
            min(self.top, other.top),
            max(self.bottom, other.bottom),
            min(self.left, other.left),
            max(self.right, other.right),
        )


def whole(shape: tuple[int, int]) -> Box:
    """All pixels of a picture."""
    return Box(0, shape[0], 0, shape[1])


def paint(layer: Bytes, points: Sequence[Point], radius: float, value: int) -> Box | None:
    """Set all pixels of `layer` (H, W) whose centre is at most `radius` from the line through `points`.

    A radius of 0.5 or less sets lines one pixel wide: then points are moved to the centres of their pixels. Returns
    what was touched, None if all is outside.
    """
    if radius <= 0.5:
        points = [(math.floor(x) + 0.5, math.floor(y) + 0.5) for x, y in points]
        radius = 0.5
    touched: Box | None = None
    for segment in _segments(points):
        box = _reach(layer.shape, *segment, radius)
        touched = touched if box is None else box.joined(touched)
    if touched is not None:
        layer[touched.slices][_swept(touched, points, radius)] = value
    return touched


def fill(layer: Bytes, labels: Bytes, point: Point, value: int) -> Box | None:
    """Set the pixels of `layer` that are connected with one, through sides of pixels of its label in `labels`."""
    from scipy.ndimage import find_objects, label

    row, column = math.floor(point[1]), math.floor(point[0])
    if not (0 <= row < labels.shape[0] and 0 <= column < labels.shape[1]):
        return None
    areas, _ = label(labels == labels[row, column])
    number = areas[row, column]
    rows, columns = find_objects(areas, number)[number - 1]
    box = Box(rows.start, rows.stop, columns.start, columns.stop)
    layer[box.slices][areas[box.slices] == number] = value
    return box


def _segments(points: Sequence[Point]) -> Iterator[tuple[Point, Point]]:
    if len(points) == 1:
        yield points[0], points[0]
    yield from pairwise(points)


def _reach(shape: tuple[int, ...], start: Point, end: Point, radius: float) -> Box | None:
    """The pixels of a picture that may be within `radius` of a segment."""
    spans = []
    for axis, length in ((1, shape[0]), (0, shape[1])):
        low, high = min(start[axis], end[axis]) - radius, max(start[axis], end[axis]) + radius
        spans += [max(0, math.floor(low)), min(length, math.ceil(high) + 1)]
    box = Box(*spans)
    return box if box.top < box.bottom and box.left < box.right else None


def _swept(box: Box, points: Sequence[Point], radius: float) -> Mask:
    """Which pixel centres of a rectangle are within `radius` of a line: an interval in every row for each segment."""
    rows, first = np.arange(box.top + 0.5, box.bottom), box.left + 0.5
    each, width = np.arange(box.bottom - box.top), box.right - box.left
    steps = np.zeros((len(each), width + 1), np.int32)  # by which the number of intervals changes, from left to right
    for start, end in _segments(points):
        low, high = _intervals(rows, start, end, radius)
        # Rounding must not decide over centres exactly at the radius: they count.
        stop = np.clip(np.floor(high - first + 1e-9) + 1, 0, width).astype(np.intp)
        begin = np.clip(np.ceil(low - first - 1e-9), 0, stop).astype(np.intp)
        steps[each, begin] += 1
        steps[each, stop] -= 1
    inside: Mask = np.cumsum(steps[:, :-1], axis=1) > 0
    return inside


def _intervals(rows: Array, start: Point, end: Point, radius: float) -> tuple[Array, Array]:
    """The least and greatest x within `radius` of a segment, for each y; the first greater where there is none.

    The area is that of a disc that moves along the segment. The disc at parameter t of [0, 1] reaches to
    x(t) ± sqrt(r² - (y - y(t))²), which is convex or concave in t, with its extremum where y - y(t) = -+ r dx / |d|.
    """
    (x, y), dx, dy = start, end[0] - start[0], end[1] - start[1]
    if abs(dy) < 1e-9:
        half = np.sqrt(np.maximum(radius**2 - (rows - y) ** 2, 0.0))
        outside = np.abs(rows - y) > radius + 1e-9
        low, high = min(x, x + dx) - half, max(x, x + dx) + half
        return np.where(outside, np.inf, low), np.where(outside, -np.inf, high)
    crossings = np.sort([(rows - y - radius) / dy, (rows - y + radius) / dy], axis=0)
    first, last = np.maximum(crossings[0], 0.0), np.minimum(crossings[1], 1.0)
    outside, offset = first > last, radius * dx / math.hypot(dx, dy) * math.copysign(1.0, dy)

    def reached(side: float) -> Array:
        t = np.clip((rows - y + side * offset) / dy, first, np.maximum(first, last))
        half = np.sqrt(np.maximum(radius**2 - (rows - y - t * dy) ** 2, 0.0))
        return np.where(outside, -side * np.inf, x + t * dx + side * half)

    return reached(-1.0), reached(1.0)
