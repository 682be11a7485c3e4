"""Hue, saturation and value as coordinates in which similar colours are close."""

from __future__ import annotations

import numpy as np

from propmat._typing import Array

# The smallest number that can be inverted: colours that vary less are grey.
GREY = np.finfo(np.float64).tiny


def hue_saturation_value(image: Array) -> Array:
    """(cos h, sin h, s / 2, v / 2) of RGB; the hue of grey is 0, the saturation of black 0."""
    colours = np.clip(image, 0.0, 1.0)
    red, green, blue = np.moveaxis(colours, 2, 0)
    value, chroma = colours.max(axis=2), np.ptp(colours, axis=2)
    sixth = np.divide(1.0, chroma, out=np.zeros_like(chroma), where=chroma >= GREY)
    hue = np.select(
        [value == red, value == green], [(green - blue) * sixth, 2 + (blue - red) * sixth], 4 + (red - green) * sixth
    )
    angle = np.where(chroma >= GREY, hue, 0.0) * (np.pi / 3)
    saturation = np.divide(chroma, value, out=np.zeros_like(value), where=value >= GREY)
    return np.dstack([np.cos(angle), np.sin(angle), saturation / 2, value / 2])


def pull_back_hue(image: Array, gradient: Array) -> Array:
    """From a gradient with respect to (cos h, sin h, s / 2, v / 2) to one of RGB.

    The hue of grey has no derivative and contributes nothing there; neither do values clipped to [0, 1].
    """
    colours = np.clip(image, 0.0, 1.0)
    cosine, sine, _, _ = np.moveaxis(hue_saturation_value(image), 2, 0)
    top, bottom = colours.argmax(axis=2)[..., None], colours.argmin(axis=2)[..., None]
    value, chroma = colours.max(axis=2), np.ptp(colours, axis=2)
    coloured = chroma >= GREY
    by_chroma = np.divide(1.0, chroma, out=np.zeros_like(chroma), where=coloured)
    by_value = np.divide(1.0, value, out=np.zeros_like(value), where=value >= GREY)
    # hue = 2 k + (I_{k+1} - I_{k+2}) / chroma with k the channel on top, in sixths of a turn
    of_hue = np.where(coloured, cosine * gradient[..., 1] - sine * gradient[..., 0], 0.0) * (np.pi / 3) * by_chroma
    following, last = ((top + shift) % 3 for shift in (1, 2))
    ahead = (np.take_along_axis(colours, following, 2) - np.take_along_axis(colours, last, 2))[..., 0]
    of_chroma = gradient[..., 2] / 2 * by_value - of_hue * ahead * by_chroma
    of_value = gradient[..., 3] / 2 - gradient[..., 2] / 2 * chroma * by_value**2
    found = np.zeros_like(image)
    for place, share in ((following, of_hue), (last, -of_hue), (top, of_chroma + of_value), (bottom, -of_chroma)):
        np.put_along_axis(found, place, np.take_along_axis(found, place, 2) + share[..., None], 2)
    return np.where(colours == image, found, 0.0)
