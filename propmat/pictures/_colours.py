"""Pictures with channels, grey or colours."""

from __future__ import annotations

import numpy as np

from propmat import _inputs
from propmat._arithmetic import usual_arithmetic
from propmat._typing import Array, ArrayLike
from propmat.errors import InputError


@usual_arithmetic
def colours(pixels: ArrayLike, name: str = "pixels") -> Array:
    """A picture as (H, W, 3), grey as equal channels.

    Parameters
    ----------
    pixels : (H, W), (H, W, 1) or (H, W, 3) array
        Floating, uint8 or uint16.
    name : str, default "pixels"
        The name of the argument in error messages.

    Returns
    -------
    (H, W, 3) array of float64

    Raises
    ------
    InputError
        If it is not as above.

    Examples
    --------
    >>> import numpy as np
    >>> from propmat.pictures import colours
    >>> colours(np.full((1, 1), 255, np.uint8))
    array([[[1., 1., 1.]]])
    """
    return coloured(_inputs.image(pixels, name, bounded=False), name)


def coloured(picture: Array, name: str) -> Array:
    """`colours` of an array (H, W, channels) that is checked but for its channels."""
    few = _few_channels(picture, name)
    return np.repeat(few, 3, axis=2) if few.shape[2] == 1 else few


def channels(pixels: ArrayLike, name: str) -> Array:
    """A picture as (H, W, 1) or (H, W, 3)."""
    return _few_channels(_inputs.image(pixels, name, bounded=False), name)


def _few_channels(picture: Array, name: str) -> Array:
    if picture.shape[2] not in (1, 3):
        raise InputError(f"{name}: takes grey or 3 channels, got shape {picture.shape}")
    return picture
