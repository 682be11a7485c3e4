"""What a file holds: pixels, and what the meaning of their numbers depends on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from propmat.errors import InputError

Pixels = NDArray[Any]


@dataclass(frozen=True)
class Metadata:
    """What the colours of a file depend on beside its numbers; None where the file does not say.

    Attributes
    ----------
    icc_profile : bytes or None
        The ICC profile, as stored.
    gamma : float or None
        The exponent of encoding, as PNG stores it (gAMA): 0.45455, 1 / 2.2, for most screens.
    chromaticities : tuple of 8 floats or None
        CIE x and y of red, green, blue and white, in this order (PNG cHRM, EXR chromaticities).
    srgb_intent : int or None
        Rendering intent, 0 to 3, of a file that declares its numbers to be sRGB (PNG sRGB).
    code_points : tuple of 4 ints or None
        Primaries, transfer function, matrix and full range as of ITU-T H.273 (PNG cICP).
    resolution : tuple of 2 floats or None
        Pixels per inch, across and down.

    Raises
    ------
    InputError
        If a value is not of its kind or out of range.

    Examples
    --------
    >>> from propmat.io import Metadata
    >>> Metadata(resolution=(300, 300)).icc_profile is None
    True
    """

    icc_profile: bytes | None = None
    gamma: float | None = None
    chromaticities: tuple[float, ...] | None = None
    srgb_intent: int | None = None
    code_points: tuple[int, ...] | None = None
    resolution: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.icc_profile is not None and not (isinstance(self.icc_profile, bytes) and self.icc_profile):
            raise InputError(f"icc_profile: takes bytes, or None, got {type(self.icc_profile).__name__}")
        if self.srgb_intent is not None and self.srgb_intent not in (0, 1, 2, 3):
            raise InputError(f"srgb_intent: takes 0 to 3, or None, got {self.srgb_intent!r}")
        if self.gamma is not None:
            _check_numbers("gamma", (self.gamma,), 1, least=1e-5)
        if self.chromaticities is not None:
            _check_numbers("chromaticities", self.chromaticities, 8, least=-21474)
        if self.code_points is not None:
            _check_numbers("code_points", self.code_points, 4, least=0, most=255)
        if self.resolution is not None:
            _check_numbers("resolution", self.resolution, 2, least=0.01)


@dataclass(frozen=True, eq=False)
class Picture:
    """What `read` returns.

    Attributes
    ----------
    pixels : numpy.ndarray, (H, W) or (H, W, 3)
        Grey or colours, straight: not multiplied by `alpha`, whatever the file stores. uint8 or uint16 of full scale
        255 or 65535; float32 for floating point files.
    alpha : numpy.ndarray, (H, W), or None
        Alpha of the same dtype; None where the file has none, or it is opaque everywhere.
    depth : {8, 16, 32}
        Bits per sample in the file.
    linear : bool
        Whether the numbers are proportional to light (EXR, Radiance HDR), and not encoded for a screen.
    metadata : Metadata
        What the colours depend on beside the numbers.
    """

    pixels: Pixels
    alpha: Pixels | None = None
    depth: int = 8
    linear: bool = False
    metadata: Metadata = field(default_factory=Metadata)


def opaque(alpha: Pixels) -> bool:
    full = np.iinfo(alpha.dtype).max if alpha.dtype.kind == "u" else 1
    return bool((alpha == full).all())


def _check_numbers(name: str, values: Sequence[float], count: int, *, least: float, most: float = 21474) -> None:
    try:
        numbers = [float(value) for value in values]
    except (TypeError, ValueError):
        numbers = []
    if len(numbers) != count or not all(math.isfinite(number) and least <= number <= most for number in numbers):
        raise InputError(f"{name}: takes {count} numbers from {least:g} to {most:g}, or None, got {values!r}")
