"""Twin of `_cpu.foreground`: multilevel estimation of foreground and background colours."""

from __future__ import annotations

from typing import Any

import numpy as np

from propmat._gpu._launch import launch, over


def refine(
    image: Any,
    alpha: Any,
    rows: Any,
    columns: Any,
    smaller: Any,
    small_rows: Any,
    small_columns: Any,
    layers: Any,
    sweeps: int,
    weights: tuple[float, float],
) -> None:
    """Fill the layers of a grid: the layers of the next coarser grid, interpolated and then relaxed by sweeps."""
    shape, channels = (rows.size, columns.size), image.shape[2]
    groups = over(rows.size * columns.size)
    colours = np.empty((*shape, channels), np.float32, like=image)
    matte = np.empty(shape, np.float32, like=image)
    estimate = np.empty((2, *shape, channels), np.float32, like=image)
    picked = (image, alpha, image.shape[1], channels, rows, columns, *shape)
    enlarged = (smaller, *smaller.shape[1:3], small_rows, small_columns)
    launch("foreground", "load", groups, *picked, *enlarged, colours, matte, estimate)
    for stage in range(2 * sweeps):
        given = (colours, matte, *shape, channels, stage % 2, *map(np.float32, weights), estimate)
        launch("foreground", "relax", groups, *given)
    launch(
        "foreground", "store", groups, image, image.shape[1], channels, rows, columns, *shape, matte, estimate, layers
    )
