"""Twin of `_cpu.grid`: operators on the pixel grid. A run is a single pixel here, and has a thread."""

from __future__ import annotations

from typing import Any

import numpy as np

from propmat._gpu._launch import launch, over

STRIPE = 32  # rows of one task on the CPU; here all are computed at once
CHUNKS = 2048  # partial sums of xᵀ A x


def number_support(unknown: Any) -> tuple[Any, Any, int]:
    """Support numbers (height + 4, width + 4), -1 outside; the centres of windows with an unknown pixel; the size."""
    height, width = unknown.shape
    near, inside = (np.empty((height + 4, width + 4), dtype, like=unknown) for dtype in (np.uint8, np.int32))
    launch("grid", "mark_near", over(near.size), unknown, height, width, near, inside)
    ends = np.cumsum(inside.ravel(), dtype=np.int32)
    number, centres = np.empty_like(inside), np.empty(unknown.shape, np.bool_, like=unknown)
    launch("grid", "number_support", over(near.size), near, ends, height, width, number, centres)
    return number, centres, int(ends[-1])


def find_runs(unknown: Any, number: Any) -> Any:
    """One row per unknown pixel, in column-major order: number, 1, and the offsets to rows -2, -1, 1 and 2."""
    pixels = np.flatnonzero(unknown)
    runs = np.empty((6, pixels.size), np.int32, like=number)
    launch("grid", "find_runs", over(pixels.size), number, unknown.shape[1], pixels, pixels.size, runs)
    return runs.T


def cut_runs(runs: Any) -> None:
    """None: a kernel is launched for all runs at once."""


def assemble_windows(
    low: int,
    high: int,
    image: Any,
    unknown: Any,
    centres: Any,
    number: Any,
    epsilon: float,
    squared: bool,
    block: int,
    values: Any,
) -> None:
    """Sum the closed-form window matrices B or B²; if block > 0, only windows with unknown pixels in several blocks."""
    height, width, depth = image.shape
    size = values.shape[1]
    fields = np.empty((depth + (1 + squared) * depth * (depth + 1) // 2, size), like=values)
    groups, shape = over(height * width), (height, width)
    picked = (image, unknown, centres, number, *shape, epsilon, squared, block, fields, size)
    launch("windows", "window_factors", groups, *picked, DEPTH=depth)
    gathered = (image, centres, number, *shape, squared, fields, values, size)
    launch("windows", "gather_windows", groups, *gathered, DEPTH=depth)


def assemble_edges(horizontal: Any, vertical: Any, unknown: Any, number: Any, block: int, values: Any) -> None:
    """Sum the matrices of 4-connected edges with an unknown pixel; `block` as for windows."""
    given = (horizontal, vertical, unknown, *unknown.shape, number, block, values, values.shape[1])
    launch("grid", "assemble_edges", over(unknown.size), *given)


def multiply_runs(values: Any, runs: Any, begin: int, end: int, x: Any, y: Any) -> None:
    """y = A x on the pixels of some runs."""
    given = (values, values.shape[1], runs, len(runs), begin, end, x, y)
    launch("grid", "multiply_runs", over(end - begin), *given)


def multiply(values: Any, runs: Any, chunks: Any, x: Any, y: Any, partial: Any) -> Any:
    """y = A x on the unknown pixels; returns partial sums of xᵀ A x."""
    count = partial.size
    launch("grid", "multiply", count, values, values.shape[1], runs, len(runs), x, y, partial, count)
    return partial
