"""Images by PyMatting's names: checks, composites, stacks and grids."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

from propmat import _inputs
from propmat._arithmetic import usual_arithmetic
from propmat._typing import Array, ArrayLike
from propmat.errors import InputError, shown, warn

Pixels = NDArray[Any]


@usual_arithmetic
def sanity_check_image(image: ArrayLike) -> None:
    """Warn of an image that is not (H, W, 3), floating, in [0, 1].

    Parameters
    ----------
    image : array of any shape

    Raises
    ------
    InputError
        If it is no array of numbers, or empty. It is a ValueError.

    Warns
    -----
    PropmatWarning
        One for each of the three that it is not. It is a UserWarning.

    Examples
    --------
    >>> import numpy as np
    >>> sanity_check_image(np.zeros((4, 5, 3)))
    """
    pixels = _inputs.as_array(image, "image")
    if not pixels.size or pixels.dtype.kind not in "buif":
        raise InputError(f"image: takes an (H, W, 3) array of numbers, got {shown(image)}")
    if pixels.ndim != 3 or pixels.shape[2] != 3:
        warn(f"image: shape {pixels.shape} is not (H, W, 3)")
    if pixels.dtype.kind != "f":
        warn(f"image: dtype {pixels.dtype} is not floating; integers are divided by their maximum")
    elif pixels.min() < 0 or pixels.max() > 1:
        warn(f"image: values from {pixels.min():g} to {pixels.max():g} are not in [0, 1]")


@usual_arithmetic
def blend(foreground: ArrayLike, background: ArrayLike, alpha: ArrayLike) -> Array:
    """The composite α F + (1 - α) B.

    Parameters
    ----------
    foreground, background : (H, W, d) array, or what broadcasts to it
    alpha : (H, W) or (H, W, 1) array

    Returns
    -------
    (H, W, d) array of float64

    Examples
    --------
    >>> import numpy as np
    >>> blend(np.full((1, 2, 1), 0.8), np.full((1, 2, 1), 0.2), np.array([[1.0, 0.5]])).ravel().round(3)
    array([0.8, 0.5])
    """
    share = np.asarray(alpha, np.float64)
    share = share[:, :, np.newaxis] if share.ndim == 2 else share
    composite: Array = share * np.asarray(foreground) + (1 - share) * np.asarray(background)
    return composite


@usual_arithmetic
def stack_images(*images: ArrayLike) -> Pixels:
    """Images and planes along their last axis: colours and alpha as one RGBA, say.

    Parameters
    ----------
    *images : (H, W) or (H, W, d) arrays

    Returns
    -------
    (H, W, D) array

    Raises
    ------
    InputError
        If there is none, or their heights and widths differ. It is a ValueError.

    Examples
    --------
    >>> import numpy as np
    >>> stack_images(np.ones((4, 5, 3)), np.ones((4, 5))).shape
    (4, 5, 4)
    """
    arrays = [np.asarray(image) for image in images]
    if not arrays or {array.ndim for array in arrays} - {2, 3} or len({array.shape[:2] for array in arrays}) > 1:
        told = ", ".join(str(array.shape) for array in arrays) or "none"
        raise InputError(f"images: takes (H, W) and (H, W, d) arrays of one size, got {told}")
    return np.concatenate([array if array.ndim == 3 else array[:, :, np.newaxis] for array in arrays], axis=2)


@usual_arithmetic
def make_grid(
    images: Sequence[ArrayLike | None], nx: int | None = None, ny: int | None = None, dtype: npt.DTypeLike | None = None
) -> Pixels | None:
    """Images in rows and columns, each in a cell of the size of the largest.

    Parameters
    ----------
    images : sequence of (H, W) or (H, W, d) arrays, or None
        Floating; None leaves a cell black.
    nx, ny : int, optional
        Columns and rows; by default about as many of each.
    dtype : dtype, optional
        Of the grid; that of the first image by default.

    Returns
    -------
    (h, w) or (h, w, d) array, or None
        None of no images; grey if all are.

    Raises
    ------
    InputError
        If there are cells and no image, or an image is not floating. It is a ValueError.

    Examples
    --------
    >>> import numpy as np
    >>> make_grid([np.ones((2, 3)), np.zeros((2, 3, 3)), np.ones((1, 1))]).shape
    (4, 6, 3)
    """
    if not len(images):
        return None
    across = nx or (-(-len(images) // ny) if ny else math.ceil(math.sqrt(len(images))))
    down = ny or -(-len(images) // across)
    cells = [None if image is None else np.atleast_3d(np.asarray(image)) for image in images[: across * down]]
    given = [cell for cell in cells if cell is not None]
    if not given:
        raise InputError("images: takes at least one array, got only None")
    others = [cell.dtype for cell in given if cell.dtype.kind != "f"]
    if others:
        raise InputError(f"images: takes floating arrays in [0, 1], got one of dtype {others[0]}")
    height, width, depth = (max(cell.shape[axis] for cell in given) for axis in range(3))
    grid = np.zeros((down * height, across * width, depth), dtype or given[0].dtype)
    for place, cell in enumerate(cells):
        if cell is not None:
            y, x = height * (place // across), width * (place % across)
            grid[y : y + cell.shape[0], x : x + cell.shape[1]] = _with_channels(cell, depth)
    return grid[:, :, 0] if depth == 1 else grid


def _with_channels(cell: Pixels, depth: int) -> Pixels:
    """A picture with as many channels: grey repeated, colours with an opaque alpha."""
    if cell.shape[2] == 3 and depth == 4:
        return stack_images(cell, np.ones(cell.shape[:2], cell.dtype))
    return np.broadcast_to(cell, (*cell.shape[:2], depth))
