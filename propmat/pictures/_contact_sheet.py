"""Several pictures on one sheet."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from propmat._arithmetic import usual_arithmetic
from propmat._typing import ArrayLike
from propmat.errors import InputError, shown
from propmat.pictures._colours import colours


@usual_arithmetic
def contact_sheet(panels: Mapping[str, ArrayLike]) -> NDArray[np.uint8]:
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
