"""Pictures to look at: composites, checkerboards and labelled contact sheets."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from propmat.errors import InputError

Array = NDArray[np.float64]


def over(foreground: Array, alpha: Array, background: Array) -> Array:
    """Composite: alpha F + (1 - alpha) B, for (H, W, 3) colours and an (H, W) matte."""
    return alpha[:, :, np.newaxis] * foreground + (1 - alpha[:, :, np.newaxis]) * background


def checkerboard(shape: tuple[int, int], side: int = 16) -> Array:
    """Grey squares, (H, W, 3), the sign of transparency."""
    y, x = np.mgrid[: shape[0], : shape[1]] // side
    return np.repeat(np.where((y + x) % 2, 0.75, 0.95)[:, :, np.newaxis], 3, axis=2)


def colours(pixels: Array) -> Array:
    """`pixels`, (H, W) or (H, W, 1 or 3), as (H, W, 3)."""
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels


def flat(colour: str, shape: tuple[int, int]) -> Array:
    """An (H, W, 3) picture of one colour, named as in CSS ("white", "#20a0ff", "rgb(10, 20, 30)").

    Raises
    ------
    InputError
        If there is no such colour.
    """
    from PIL import ImageColor

    try:
        red, green, blue = ImageColor.getrgb(colour)[:3]
    except ValueError:
        raise InputError(
            f"background: {colour!r} is neither a file nor a colour; takes a path, a name like 'white' or '#rrggbb'"
        ) from None
    return np.broadcast_to(np.array([red, green, blue]) / 255, (*shape, 3))


def fitted(pixels: Array, shape: tuple[int, int], place: tuple[float, float] = (0.5, 0.5)) -> Array:
    """`pixels` (H, W, 3) scaled to cover `shape` and cut to it, at `place` (x, y) from 0 to 1; centred by default."""
    from PIL import Image, ImageOps

    height, width = shape
    picture = Image.fromarray(_bytes(pixels))
    return np.asarray(ImageOps.fit(picture, (width, height), Image.Resampling.LANCZOS, 0, place)) / 255


def contact_sheet(panels: dict[str, Array]) -> NDArray[np.uint8]:
    """Pictures of equal size side by side, two a row, each under its name: (h, w, 3) of uint8."""
    from PIL import Image, ImageDraw, ImageFont

    height, width = next(iter(panels.values())).shape[:2]
    size = max(14, height // 24)
    font, margin, head = ImageFont.load_default(size), size // 2, 2 * size
    rows = -(-len(panels) // 2)
    sheet = Image.new("RGB", (2 * width + 3 * margin, rows * (height + head) + margin), "white")
    draw = ImageDraw.Draw(sheet)
    for place, (name, pixels) in enumerate(panels.items()):
        left = margin + (place % 2) * (width + margin)
        top = (place // 2) * (height + head)
        draw.text((left, top + head / 2), name, "black", font, anchor="lm")
        sheet.paste(Image.fromarray(_bytes(colours(pixels))), (left, top + head))
    return np.asarray(sheet)


def _bytes(pixels: Any) -> NDArray[np.uint8]:
    return np.rint(255 * np.clip(pixels, 0, 1)).astype(np.uint8)
