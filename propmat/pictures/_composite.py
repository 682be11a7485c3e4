"""A foreground over a background."""

from __future__ import annotations

import numpy as np

from propmat import _inputs
from propmat._arithmetic import usual_arithmetic
from propmat._inputs._numbers import shape_of
from propmat._typing import Array, ArrayLike
from propmat.errors import InputError
from propmat.pictures._colours import channels


@usual_arithmetic
def over(foreground: ArrayLike, alpha: ArrayLike, background: ArrayLike) -> Array:
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
    _not_one_colour(background)
    front, back = channels(foreground, "foreground"), channels(background, "background")
    share = _inputs.plane(alpha, "alpha", front.shape[:2])[:, :, np.newaxis]
    if back.shape[:2] != front.shape[:2]:
        raise InputError(
            f"background: shape {back.shape[:2]} does not fit foreground of shape {front.shape[:2]}; "
            f"propmat.pictures.fitted scales and cuts it"
        )
    return share * front + (1 - share) * back


def _not_one_colour(background: ArrayLike) -> None:
    if len(shape_of(background)) == 1:
        raise InputError(
            "background: takes a picture, got one row of numbers; propmat.pictures.flat makes a picture of a colour, "
            "'white' or 'rgb(76, 76, 76)' say"
        )
