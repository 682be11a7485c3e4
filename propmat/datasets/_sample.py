"""One sample of a data set, and trimaps around a known matte."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from propmat._typing import Array


@dataclass(frozen=True, eq=False)
class Sample:
    """One matting problem, with the true matte where it is known.

    Attributes
    ----------
    name : str
        Short name, fit for a file or a table.
    image : (H, W, 3) float64 array
        Colours in [0, 1].
    trimap : (H, W) float64 array
        0 background, 0.5 unknown, 1 foreground.
    alpha : (H, W) float64 array or None
        True opacity in [0, 1].
    foreground, background : (H, W, 3) float64 array or None
        True colours in [0, 1] of the two layers:
        ``image = alpha * foreground + (1 - alpha) * background``.

    Examples
    --------
    >>> from propmat.datasets import synthetic
    >>> sample = synthetic(shape=(48, 64))
    >>> sample.name, sample.image.shape, sample.trimap.shape
    ('synthetic-0', (48, 64, 3), (48, 64))
    """

    name: str
    image: Array
    trimap: Array
    alpha: Array | None = None
    foreground: Array | None = None
    background: Array | None = None


def trimap_around(alpha: Array, reach: int) -> Array:
    """1 and 0 where `alpha` is, 0.5 within a square of `reach` pixels about fractional alpha."""
    from scipy.ndimage import maximum_filter

    fractional = (alpha > 0) & (alpha < 1)
    unknown = maximum_filter(fractional, size=2 * reach + 1)
    return np.where(unknown, 0.5, alpha)
