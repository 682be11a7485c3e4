"""Trimaps by PyMatting's names."""

from __future__ import annotations

import numpy as np

from propmat import _inputs
from propmat._arithmetic import usual_arithmetic
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike, Mask
from propmat.errors import InputError

LABELS = {"background": "<= {:g}", "foreground": ">= {:g}"}


@usual_arithmetic
def trimap_split(
    trimap: ArrayLike, flatten: bool = True, bg_threshold: float = 0.1, fg_threshold: float = 0.9
) -> tuple[Mask, Mask, Mask, Mask]:
    """Masks of the foreground, background, known and unknown pixels of a trimap.

    Parameters
    ----------
    trimap : (H, W) or (H, W, 1) array
        Floating in [0, 1], or uint8 or uint16, which are divided by their maximum.
    flatten : bool, default True
        Whether the masks are flat, (H * W,), or of the trimap's shape.
    bg_threshold, fg_threshold : float, default 0.1 and 0.9
        Background is at most the one, foreground at least the other.

    Returns
    -------
    is_fg, is_bg, is_known, is_unknown : (H * W,) or (H, W) arrays of bool

    Raises
    ------
    InputError
        If the trimap is not as above, or no pixel is background, or none is foreground. It is a ValueError.

    Examples
    --------
    >>> import numpy as np
    >>> is_fg, is_bg, is_known, is_unknown = trimap_split(np.array([[1.0, 0.0], [0.5, 0.2]]))
    >>> is_fg, is_unknown
    (array([ True, False, False, False]), array([False, False,  True,  True]))
    """
    values = greys_of(trimap)
    values = values.ravel() if flatten else values
    is_fg, is_bg = values >= fg_threshold, values <= bg_threshold
    has_both(is_fg, is_bg, bg_threshold, fg_threshold)
    return is_fg, is_bg, is_fg | is_bg, ~(is_fg | is_bg)


@usual_arithmetic
def fix_trimap(trimap: ArrayLike, lower_threshold: float = 0.1, upper_threshold: float = 0.9) -> Array:
    """A trimap of 0, 0.5 and 1.

    Parameters
    ----------
    trimap : array of any shape
        Floating in [0, 1], or uint8 or uint16, which are divided by their maximum.
    lower_threshold, upper_threshold : float, default 0.1 and 0.9
        From 0 to 1. Less than the one is background, more than the other foreground.

    Returns
    -------
    array of float64, of the trimap's shape (H, W)

    Raises
    ------
    InputError
        If the trimap is not as above, a threshold is outside [0, 1], or the lower one is above the other. It is a
        ValueError.

    Examples
    --------
    >>> import numpy as np
    >>> fix_trimap(np.array([0, 0.1, 0.4, 0.9, 1]), 0.2, 0.8)
    array([0. , 0. , 0.5, 1. , 1. ])
    """
    lower = _inputs.within(lower_threshold, "lower_threshold", 0, 1)
    upper = _inputs.within(upper_threshold, "upper_threshold", 0, 1)
    if lower > upper:
        raise InputError(f"lower_threshold: takes at most upper_threshold, got {lower:g} above {upper:g}")
    values = greys_of(trimap)
    return np.where(values > upper, 1.0, np.where(values < lower, 0.0, 0.5))


def greys_of(trimap: ArrayLike) -> Array:
    """The values of a trimap in [0, 1], in the shape that it has."""
    values = _inputs.as_array(trimap, "trimap")
    return _inputs.greys(values.reshape(1, -1), "trimap").reshape(values.shape)


def labels_of(trimap: ArrayLike) -> Trimap:
    """The labels of a trimap (H, W) or (H, W, 1), of which each has a pixel."""
    values = greys_of(trimap)
    labels = Trimap.parse(values[:, :, 0] if values.shape[2:] == (1,) else values)
    has_both(labels.foreground, labels.background)
    return labels


def has_both(is_fg: Mask, is_bg: Mask, bg_threshold: float = 0.1, fg_threshold: float = 0.9) -> None:
    """Refuse a trimap in which no pixel has one of the labels."""
    for name, mask, bound in (("background", is_bg, bg_threshold), ("foreground", is_fg, fg_threshold)):
        if not mask.any():
            raise InputError(f"trimap: has no {name}; takes at least one pixel {LABELS[name].format(bound)}")
