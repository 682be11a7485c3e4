"""The result of sampling, and trimming, the first step of both methods."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from propmat import _inputs
from propmat._arithmetic import usual_arithmetic
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike
from propmat.errors import InputError

Labels = NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class SampledMatte:
    """A matte from samples of known colours, with a confidence.

    Attributes
    ----------
    alpha : (H, W) array
        In [0, 1], exactly 0 or 1 where the trimap is known.
    confidence : (H, W) array
        In [0, 1]; 1 where the trimap is known.
    foreground, background : (H, W, d) array
        The colours that alpha mixes. A known pixel has its own colour in both.
    """

    alpha: Array
    confidence: Array
    foreground: Array
    background: Array


# Shahrian et al. 2013, section 3.1: nine levels of 8 bits, one less for every pixel of distance.
TRIMMING_RADIUS = 9.0
TRIMMING_COLOUR = 9 / 255


def read(image: ArrayLike, trimap: ArrayLike | Trimap) -> tuple[Array, Labels]:
    """Image and trimap as (H, W, d) colours and (H, W) labels: 1, 0, and -1 for unknown.

    Raises
    ------
    InputError
        If one is invalid, or the trimap has no foreground or no background.
    """
    pixels = _inputs.image(image)
    known = Trimap.parse(trimap, pixels.shape)
    for name in ("foreground", "background"):
        if not getattr(known, name).any():
            raise InputError(f"trimap: has no known {name} pixel to take samples of")
    return pixels, numbers_of(known)


def numbers_of(trimap: Trimap) -> Labels:
    """1 on foreground, 0 on background, -1 on unknown pixels, (H, W)."""
    return np.where(trimap.unknown, -1, trimap.foreground).astype(np.int8)


@usual_arithmetic
def trimmed(image: ArrayLike, trimap: ArrayLike | Trimap) -> Trimap:
    """The trimap in which unknown pixels near known ones of similar colour have their labels.

    A pixel gets the label of the nearest known pixel within 9 pixels whose colour differs by at most 9/255 minus 1/255
    for every pixel of distance.

    Parameters
    ----------
    image : (H, W), (H, W, 3) or (H, W, d) array
    trimap : (H, W) array or Trimap
        With at least one foreground and one background pixel.

    Returns
    -------
    Trimap

    Raises
    ------
    InputError
        If an argument is not as above.

    References
    ----------
    E. Shahrian, D. Rajan, B. Price, S. Cohen, "Improving Image Matting using Comprehensive Sampling Sets", CVPR 2013,
    section 3.1. https://doi.org/10.1109/CVPR.2013.88

    Examples
    --------
    >>> import numpy as np
    >>> import propmat
    >>> image = np.array([[0.1, 0.11, 0.5, 0.9]])
    >>> propmat.sampling.trimmed(image, [[0.0, 0.5, 0.5, 1.0]]).labels
    array([[0. , 0. , 0.5, 1. ]])
    """
    labels = trimmed_numbers(*read(image, trimap))
    return Trimap(labels == 1, labels == 0)


def trimmed_numbers(pixels: Array, labels: Labels) -> Labels:
    """`trimmed` for labels as of `numbers_of`, for arguments that have been checked."""
    from propmat._cpu import sampling as kernels

    slope = TRIMMING_COLOUR / TRIMMING_RADIUS
    return kernels.expand(pixels, labels, TRIMMING_RADIUS, TRIMMING_COLOUR, slope)
