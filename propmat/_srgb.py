"""The sRGB transfer curve (IEC 61966-2-1), continued above 1 and, by symmetry, below 0."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def to_linear(encoded: Array) -> Array:
    """Linear light of sRGB-encoded numbers."""
    size = np.abs(encoded)
    return np.copysign(np.where(size <= 0.04045, size / 12.92, ((size + 0.055) / 1.055) ** 2.4), encoded)


def from_linear(light: Array) -> Array:
    """sRGB-encoded numbers of linear light."""
    size = np.abs(light)
    return np.copysign(np.where(size <= 0.0031308, 12.92 * size, 1.055 * size ** (1 / 2.4) - 0.055), light)
