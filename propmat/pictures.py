"""Pictures for display: composites, checkerboards and labelled contact sheets.

Colours are floating, of any size (values above 1 are brighter than white), or uint8 or uint16, scaled by their maximum.
All functions return floating pictures, except `contact_sheet`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from propmat import _inputs
from propmat._arithmetic import usual_arithmetic
from propmat.errors import InputError, shown

Array = NDArray[np.float64]


@usual_arithmetic
def over(foreground: Any, alpha: Any, background: Any) -> Array:
    """Composite α F + (1 - α) B.

    Parameters
    ----------
    foreground, background : (H, W), (H, W, 1) or (H, W, 3) array
        Floating, uint8 or uint16; if only one of them is grey, its channels are taken as equal.
    alpha : (H, W) array
        Floating in [0, 1], uint8, uint16 or bool.

    Returns
    -------
    (H, W, 3) array of float64; (H, W, 1) if both pictures are grey

    Raises
    ------
    InputError
        If an argument is not as above, or sizes differ.

    Examples
    --------
    >>> import numpy as np
    >>> from propmat.pictures import over
    >>> over(np.ones((1, 2)), np.array([[1.0, 0.25]]), np.zeros((1, 2), np.uint8))[:, :, 0]
    array([[1.  , 0.25]])
    """
    front, back = _channels(foreground, "foreground"), _channels(background, "background")
    share = _inputs.plane(alpha, "alpha", front.shape[:2])[:, :, np.newaxis]
    if back.shape[:2] != front.shape[:2]:
        raise InputError(
            f"background: shape {back.shape[:2]} does not fit foreground of shape {front.shape[:2]}; "
            f"propmat.pictures.fitted scales and cuts it"
        )
    return share * front + (1 - share) * back


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


@usual_arithmetic
def colours(pixels: Any, name: str = "pixels") -> Array:
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
    picture = _channels(pixels, name)
    return np.repeat(picture, 3, axis=2) if picture.shape[2] == 1 else picture


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


@usual_arithmetic
def fitted(pixels: Any, shape: tuple[int, int], place: tuple[float, float] = (0.5, 0.5)) -> Array:
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


def scaled(plane: Any, shape: tuple[int, int]) -> Array:
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


@usual_arithmetic
def contact_sheet(panels: Mapping[str, Any]) -> NDArray[np.uint8]:
    """Pictures of equal size, two in a row, each below its name.

    Parameters
    ----------
    panels : mapping of str to (H, W), (H, W, 1) or (H, W, 3) array
        Floating (shown from 0 to 1), uint8, uint16 or bool.

    Returns
    -------
    (h, w, 3) array of uint8

    Raises
    ------
    InputError
        If there is no picture, one is not as above, or sizes differ.

    Examples
    --------
    >>> import numpy as np
    >>> from propmat.pictures import contact_sheet
    >>> contact_sheet({"black": np.zeros((40, 60)), "white": np.ones((40, 60))}).dtype
    dtype('uint8')
    """
    from PIL import Image, ImageDraw, ImageFont

    if not isinstance(panels, Mapping):
        raise InputError(f"panels: takes a mapping of names to pictures, got {shown(panels)}")
    pictures = {str(name): colours(pixels, str(name)) for name, pixels in panels.items()}
    sizes = {picture.shape[:2] for picture in pictures.values()}
    if len(sizes) != 1:
        raise InputError(f"panels: takes pictures of one size, got {', '.join(map(str, sizes)) or 'none'}")
    height, width = sizes.pop()
    size = max(14, height // 24)
    font, margin, head = ImageFont.load_default(size), size // 2, 2 * size
    rows = -(-len(pictures) // 2)
    sheet = Image.new("RGB", (2 * width + 3 * margin, rows * (height + head) + margin), "white")
    draw = ImageDraw.Draw(sheet)
    for place, (name, picture) in enumerate(pictures.items()):
        left = margin + (place % 2) * (width + margin)
        top = (place // 2) * (height + head)
        draw.text((left, top + head / 2), name, "black", font, anchor="lm")
        levels = np.rint(255 * np.clip(picture, 0, 1)).astype(np.uint8)
        sheet.paste(Image.fromarray(levels), (left, top + head))
    return np.asarray(sheet)


def _channels(pixels: Any, name: str) -> Array:
    """A picture as (H, W, 1) or (H, W, 3)."""
    picture = _inputs.image(pixels, name, bounded=False)
    if picture.shape[2] not in (1, 3):
        raise InputError(f"{name}: takes grey or 3 channels, got shape {picture.shape}")
    return picture
