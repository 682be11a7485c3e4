"""Trimaps from a mask, or from strokes painted on the picture."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from propmat import _inputs
from propmat._arithmetic import usual_arithmetic
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike, Mask
from propmat.errors import InputError, shown, warn

# As in the authors' code of closed-form matting; smaller differences are rounding of files.
PAINTED = 1e-3

# Pixels, or a share of the longer side like "2%"; or a pair of them, inside and outside.
Width: TypeAlias = float | str | tuple[float | str, float | str]


@usual_arithmetic
def trimap_from_mask(mask: ArrayLike, *, width: Width = "1%") -> Trimap:
    """Put an unknown band around the edge of a mask.

    The mask is read like a trimap: at least 0.9 is foreground, at most 0.1 background; values between, in a soft mask,
    are unknown. Then known pixels become unknown if the nearest pixel without their label is at most `width` away
    (exact Euclidean distance between centres). The border of the picture is not an edge.

    Parameters
    ----------
    mask : (H, W) array
        bool, floating in [0, 1], or uint8 or uint16 (scaled by their maximum).
    width : float or str, or a pair of them, default "1%"
        In pixels, >= 0, or as a share of the longer side of the mask, "2%", which is at least one pixel. A pair is for
        the inside (on the foreground) and the outside of the edge. 0 leaves that side unchanged.

    Returns
    -------
    Trimap

    Raises
    ------
    InputError
        If an argument is not as above, or no pixel of the mask is foreground, or none is background.

    Warns
    -----
    PropmatWarning
        If no pixel of a label would be left. Then its core is kept: the pixels more than half as far from the edge as
        the farthest of them, so that the band is narrower on that side.

    Examples
    --------
    >>> import numpy as np
    >>> import propmat
    >>> mask = np.array([[0, 0, 0, 1, 1, 1, 1, 1]], dtype=bool)
    >>> propmat.trimap_from_mask(mask, width=(2, 1)).labels
    array([[0. , 0. , 0.5, 0.5, 0.5, 1. , 1. , 1. ]])
    """
    labels = Trimap.parse(_inputs.greys(mask, "mask"))
    inside, outside = (_pixels(side, max(labels.shape)) for side in _sides(width))
    for name, known in (("foreground", labels.foreground), ("background", labels.background)):
        if not known.any():
            raise InputError(f"mask: has no {name}; takes at least one pixel {LEVELS[name]}")
    return Trimap(
        _core(labels.foreground, inside, "foreground"),
        _core(labels.background, outside, "background"),
    )


LEVELS = {"foreground": ">= 0.9 (230 of 255)", "background": "<= 0.1 (25 of 255)"}


def _sides(width: object) -> tuple[object, object]:
    if not isinstance(width, (tuple, list)):
        return width, width
    if len(width) != 2:
        raise InputError(f"width: takes one width or a pair (inside, outside), got {shown(width)}")
    return width[0], width[1]


def _pixels(width: object, longer_side: int) -> float:
    """A width in pixels, from a number or a share like "2%"."""
    share = isinstance(width, str) and width.endswith("%")
    try:
        given = float(width.removesuffix("%")) if isinstance(width, str) else width
        number = _inputs.tolerance(given, "width")
    except ValueError:  # InputError is one
        raise InputError(
            f"width: takes pixels >= 0, or a share of the longer side like '2%', got {shown(width)}"
        ) from None
    return max(1.0, number / 100 * longer_side) if share and number else number


def _core(known: Mask, width: float, name: str) -> Mask:
    """The pixels farther than `width` from those without their label; if there are none, farther than half the most."""
    from scipy.ndimage import distance_transform_edt

    depth: Array = distance_transform_edt(known)
    deepest = float(depth.max())
    if width >= deepest:
        message = (
            f"width: nothing of the mask's {name} is {width:g} pixels from its edge; "
            f"its core, {deepest / 2:g} to {deepest:g} pixels inside, is kept"
        )
        warn(message)
        width = deepest / 2
    return depth > width


@usual_arithmetic
def trimap_from_scribbles(image: ArrayLike, scribbled: ArrayLike) -> Trimap:
    """Read white and black strokes painted over a copy of the image, as in the data of closed-form matting.

    A pixel is painted if the two differ by more than 0.001 in some channel. White paint is foreground and black paint
    background, by the levels of a trimap. Paint of another colour, such as the soft edge of a stroke, is unknown, as
    are all pixels that are not painted.

    Parameters
    ----------
    image, scribbled : (H, W), (H, W, 3) or (H, W, d) array
        As in `propmat.closed_form`, of one shape. Save the copy without loss (PNG, not JPEG): every difference counts
        as paint.

    Returns
    -------
    Trimap

    Raises
    ------
    InputError
        If an argument is not as above, the shapes differ, or no pixel is painted white or black.

    Warns
    -----
    PropmatWarning
        If most of what differs is neither white nor black.

    References
    ----------
    A. Levin, D. Lischinski, Y. Weiss, "A Closed-Form Solution to Natural Image Matting", IEEE TPAMI 30(2), 2008.
    https://doi.org/10.1109/TPAMI.2007.1177

    Examples
    --------
    >>> import numpy as np
    >>> import propmat
    >>> image = np.full((1, 5), 0.4)
    >>> scribbled = np.array([[0.0, 0.4, 0.4, 0.4, 1.0]])
    >>> propmat.trimap_from_scribbles(image, scribbled).labels
    array([[0. , 0.5, 0.5, 0.5, 1. ]])
    """
    plain, paint = _inputs.image(image), _inputs.image(scribbled, "scribbled")
    if plain.shape != paint.shape:
        raise InputError(
            f"scribbled: shape {_inputs.shape_of(scribbled)} does not fit image of shape {_inputs.shape_of(image)}"
        )
    painted = (np.abs(paint - plain) > PAINTED).any(axis=2)
    white, black = (Trimap.parse(paint.min(axis=2)).foreground, Trimap.parse(paint.max(axis=2)).background)
    strokes = Trimap(painted & white, painted & black)
    other = np.count_nonzero(painted & strokes.unknown)
    if not strokes.known.any():
        raise InputError(f"scribbled: differs from the image at {other} pixels, of which none is white or black")
    if other > np.count_nonzero(strokes.known):
        message = f"scribbled: {other} pixels differ from the image and are neither white nor black; is it a JPEG?"
        warn(message)
    return strokes
