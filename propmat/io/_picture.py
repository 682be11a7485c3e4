"""The contents of an image file: pixels, and metadata that the meaning of their values depends on."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

from propmat.errors import InputError, shown

Pixels = NDArray[Any]

_ROWS = 256

# The last are primaries and white.
_SRGB = {
    "gamma": (1 / 2.2,),
    "code_points": (1, 13, 0, 1),
    "chromaticities": (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290),
}


# Fields of several numbers: how many, the least and the greatest.
_TUPLES = {"chromaticities": (8, -21474, 21474), "code_points": (4, 0, 255), "resolution": (2, 0.02, 21474)}


@dataclass(frozen=True)
class Metadata:
    """Metadata that the colours of a file depend on; None where the file has none.

    Attributes
    ----------
    icc_profile : bytes or None
        The ICC profile, as stored.
    gamma : float or None
        The exponent of encoding, as PNG stores it (gAMA), > 0: 0.45455, which is 1 / 2.2, for most screens.
    chromaticities : tuple of 8 floats or None
        CIE x and y of red, green, blue and white, in this order (PNG cHRM, EXR chromaticities).
    srgb_intent : int or None
        Rendering intent, 0 to 3, of a file that declares its values to be sRGB (PNG sRGB).
    code_points : tuple of 4 ints or None
        Primaries, transfer function, matrix and full range as in ITU-T H.273 (PNG cICP), each 0 to 255.
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
        if self.srgb_intent is not None and not (isinstance(self.srgb_intent, int) and 0 <= self.srgb_intent <= 3):
            raise InputError(f"srgb_intent: takes 0 to 3, or None, got {self.srgb_intent!r}")
        if self.gamma is not None:
            _check_numbers("gamma", (self.gamma,), 1, least=1e-5)
        for name, (count, least, most) in _TUPLES.items():
            if (values := getattr(self, name)) is not None:
                _check_numbers(name, values, count, least=least, most=most)
                object.__setattr__(self, name, tuple(values))
        if self.code_points is not None and any(code % 1 for code in self.code_points):
            raise InputError(f"code_points: takes whole numbers, got {self.code_points}")


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
        Whether the values are proportional to light (EXR, Radiance HDR), and not encoded for a screen.
    metadata : Metadata
        Colour profile, resolution and the like.
    """

    pixels: Pixels
    alpha: Pixels | None = None
    depth: int = 8
    linear: bool = False
    metadata: Metadata = field(default_factory=Metadata)


SEVERAL = "holds several pictures (pages or frames); the first was read"


class Decoded(NamedTuple):
    """The result of a decoder: pixels as they are stored in the file."""

    colours: Pixels
    alpha: Pixels | None
    depth: int
    remarks: tuple[str, ...] = ()  # contents of the file that are not read
    orientation: int = 1  # of EXIF, 1 to 8
    associated: bool = False  # the colours are multiplied by alpha
    metadata: Metadata = Metadata()


def sensible(parsers: Mapping[str, tuple[Callable[[Any], Any], Any]]) -> Metadata:
    """Metadata from what a file claims: for each field its parser and its raw data; invalid values are left out."""
    found = {}
    for name, (parse, data) in parsers.items():
        with suppress(ValueError, TypeError, ArithmeticError, struct.error, zlib.error):
            found[name] = getattr(Metadata(**{name: parse(data)}), name)
    return Metadata(**found)


def is_usual(name: str, value: npt.ArrayLike) -> bool:
    """Whether a field of `Metadata` has the value for sRGB, which readers assume by default."""
    return name in _SRGB and np.allclose(value, _SRGB[name], rtol=0, atol=1e-3)


def opaque(alpha: Pixels) -> bool:
    return bool((alpha == full_scale(alpha)).all())


def full_scale(pixels: Pixels) -> int:
    """The value of white, or of full opacity."""
    return np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else 1


def profile_fits(profile: bytes, grey: bool) -> bool:
    """Whether an ICC profile is of grey, or else of RGB; what is no profile is not judged."""
    return profile[36:40] != b"acsp" or profile[16:20] == (b"GRAY" if grey else b"RGB ")


def upright(pixels: Pixels, orientation: int) -> Pixels:
    """Stored rows and columns turned into those shown (EXIF tag 274)."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def straight(colours: Pixels, alpha: Pixels) -> Pixels:
    """Colours divided by alpha; where alpha is 0 (light that covers nothing), as they are stored."""
    result = np.empty_like(colours)
    for top in range(0, len(colours), _ROWS):  # a picture at once would take several of its size
        block, cover = colours[top : top + _ROWS], alpha[top : top + _ROWS]
        cover = cover if colours.ndim == 2 else cover[:, :, np.newaxis]
        result[top : top + _ROWS] = _divided(block, cover)
    return result


def _divided(colours: Pixels, alpha: Pixels) -> Pixels:
    full = full_scale(alpha)
    with np.errstate(all="ignore"):
        quotient = colours / alpha if full == 1 else np.minimum(np.rint(np.float64(full) * colours / alpha), full)
        usable = (alpha > 0) & np.isfinite(quotient)
    return np.where(usable, quotient, colours).astype(colours.dtype)


def _check_numbers(name: str, values: Sequence[float], count: int, *, least: float, most: float = 21474) -> None:
    numbers = [value for value in values if isinstance(value, Real)] if np.iterable(values) else []
    if len(numbers) != count or not all(math.isfinite(number) and least <= number <= most for number in numbers):
        raise InputError(f"{name}: takes {count} numbers from {least:g} to {most:g}, or None, got {shown(values)}")
