"""Backgrounds: a checkerboard, and one colour."""

from __future__ import annotations

import numpy as np

from propmat import _inputs
from propmat._typing import Array
from propmat.errors import InputError, shown


def checkerboard(shape: tuple[int, int], side: int = 16) -> Array:
    """A pattern of grey squares, as shown behind transparent pictures.

    Parameters
    ----------
    shape : (int, int)
        Height and width in pixels.
    side : int, default 16
        Side of a square in pixels, >= 1.

    Returns
    -------
    (H, W, 3) array of float64

    Raises
    ------
    InputError
        If a number is not whole or is below 1.

    Examples
    --------
    >>> from propmat.pictures import checkerboard
    >>> checkerboard((1, 4), side=2)[:, :, 0]
    array([[0.95, 0.95, 0.75, 0.75]])
    """
    height, width = _inputs.size(shape)
    y, x = np.mgrid[:height, :width] // _inputs.whole_number(side, "side")
    return np.repeat(np.where((y + x) % 2, 0.75, 0.95)[:, :, np.newaxis], 3, axis=2)


def flat(colour: str, shape: tuple[int, int]) -> Array:
    """A picture of one colour.

    Parameters
    ----------
    colour : str
        As in CSS: "white", "#20a0ff", "rgb(10, 20, 30)".
    shape : (int, int)
        Height and width in pixels.

    Returns
    -------
    (H, W, 3) array of float64
        In [0, 1].

    Raises
    ------
    InputError
        If there is no such colour, it is not opaque, or a number of `shape` is not whole or is below 1.

    Examples
    --------
    >>> from propmat.pictures import flat
    >>> flat("#ff0000", (1, 1))
    array([[[1., 0., 0.]]])
    """
    from PIL import ImageColor

    try:
        *rgb, opacity = (*ImageColor.getrgb(colour), 255)[:4]
    except (ValueError, AttributeError, TypeError):
        raise InputError(
            f"background: {shown(colour)} is neither a file nor a colour; takes a path, a name like 'white' or "
            f"'#rrggbb'"
        ) from None
    if opacity != 255 or max(rgb) > 255:
        raise InputError(f"background: takes opaque colours of 0 to 255, got {shown(colour)}")
    return np.tile(np.array(rgb) / 255, (*_inputs.size(shape), 1))
