"""Pictures and mattes in another size."""

from __future__ import annotations

import numpy as np

from propmat import _inputs
from propmat._arithmetic import usual_arithmetic
from propmat._typing import Array, ArrayLike
from propmat.errors import InputError, shown
from propmat.pictures._colours import colours


@usual_arithmetic
def fitted(pixels: ArrayLike, shape: tuple[int, int], place: tuple[float, float] = (0.5, 0.5)) -> Array:
    """A picture scaled to cover a size, and cropped to it.

    Parameters
    ----------
    pixels : (h, w), (h, w, 1) or (h, w, 3) array
        Floating, uint8 or uint16.
    shape : (int, int)
        Height and width of the result in pixels.
    place : (float, float), default (0.5, 0.5)
        x and y of the part that is kept, from 0 (left, top) to 1 (right, bottom).

    Returns
    -------
    (H, W, 3) array of float64
        Between the smallest and the largest value of the picture.

    Raises
    ------
    InputError
        If an argument is not as above.

    Examples
    --------
    >>> import numpy as np
    >>> from propmat.pictures import fitted
    >>> fitted(np.full((2, 3), 0.5), (4, 4)).shape
    (4, 4, 3)
    """
    from PIL import Image, ImageOps

    picture, (height, width) = colours(pixels), _inputs.size(shape)
    x, y = (_inputs.tolerance(part, "place") for part in _inputs.pair(place, "place", "(x, y)"))
    if max(x, y) > 1:
        raise InputError(f"place: takes numbers from 0 to 1, got {shown(place)}")
    channels = (Image.fromarray(np.ascontiguousarray(channel, np.float32)) for channel in np.moveaxis(picture, 2, 0))
    scaled = [ImageOps.fit(channel, (width, height), Image.Resampling.LANCZOS, 0, (x, y)) for channel in channels]
    return np.clip(np.stack([np.asarray(one, np.float64) for one in scaled], axis=2), picture.min(), picture.max())


def scaled(plane: ArrayLike, shape: tuple[int, int]) -> Array:
    """A matte or mask resampled to another size: bilinear upwards, weighted means of areas downwards, no threshold.

    Parameters
    ----------
    plane : (h, w) array
        Floating in [0, 1], uint8, uint16 or bool.
    shape : (int, int)
        Height and width of the result in pixels.

    Returns
    -------
    (H, W) array of float64

    Raises
    ------
    InputError
        If an argument is not as above.

    Examples
    --------
    >>> import numpy as np
    >>> from propmat.pictures import scaled
    >>> scaled(np.array([[0.0, 1.0]]), (1, 4))
    array([[0.  , 0.25, 0.75, 1.  ]])
    """
    from PIL import Image

    height, width = _inputs.size(shape)
    picture = Image.fromarray(np.ascontiguousarray(_inputs.plane(plane, "plane"), np.float32))
    return np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR), np.float64)
