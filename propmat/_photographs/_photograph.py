"""A photograph and what its output files keep: range, linear light or sRGB, bits per sample, colour profile."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from propmat import _inputs, _srgb, io, pictures
from propmat._foreground._estimate import foreground
from propmat._photographs._places import Place, check_output, name_of, suffix_of
from propmat._typing import Array
from propmat.errors import PropmatError, warn
from propmat.io._picture import Pixels, is_usual
from propmat.io._remote import is_url

# The code point of the sRGB transfer function in ITU-T H.273, and the exponent that PNG gives for it.
SRGB_CODE_POINT, SRGB_EXPONENT = 13, 1 / 2.2


class Encoding(NamedTuple):
    """The exponent of encoding and the primaries, as in PNG's gAMA and cHRM; None where the file does not say."""

    gamma: float | None
    chromaticities: tuple[float, ...] | None


class CodePoints(NamedTuple):
    """Code points of ITU-T H.273, as in PNG's cICP."""

    codes: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Photograph:
    """Straight colours as stored, integers divided by their maximum, (H, W) or (H, W, 3), of any range."""

    image: Array
    depth: int
    linear: bool
    metadata: io.Metadata

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.image.shape[:2]
        return height, width


def read(place: Place, name: str = "image") -> Photograph:
    """The picture in a file; `name` is that of the argument."""
    found = io.read(place)
    if found.alpha is not None:
        warn(f"{name_of(place)}: the file has its own transparency, which was ignored")
    image = _inputs.image(found.pixels, name, bounded=False).reshape(found.pixels.shape)
    return Photograph(image, found.depth, found.linear, found.metadata)


def bounded(photograph: Photograph) -> Array:
    """The colours that a matte is made from: in [0, 1].

    Where more than half of the picture is brighter than 1, clipping would make foreground and background equal; then
    the picture is divided by its 99th percentile first.
    """
    image = photograph.image
    low, high = image.min(), image.max()
    if low >= 0 and high <= 1:
        return image
    white = np.quantile(image, 0.99) if np.mean(image > 1) > 0.5 else 1.0
    share = np.mean((image < 0) | (image > 1))
    divided = f"divided by {white:.4g} and " if white > 1 else ""
    warn(
        f"image: {share:.2%} of its values are outside 0 to 1, from {low:.4g} to {high:.4g}; "
        f"the matte is made from a copy {divided}clipped to that"
    )
    return np.clip(image / white, 0, 1)


def layers(photograph: Photograph, matte: Array, *, linear: bool = False) -> tuple[Array, Array]:
    """Colours of foreground and background, in linear light if that is asked for and the photograph is not yet.

    Beside highlights, which the matte was not made from, estimates leave the range of the photograph, and are clipped.
    """
    image = photograph.image
    estimated = foreground(image, matte, linear=linear and not photograph.linear)
    low, high = min(0, image.min()), max(1, image.max())
    return estimated[0].clip(low, high), estimated[1].clip(low, high)


def check_background(given: Place | None) -> None:
    """Refuse what is neither a colour nor a file."""
    if isinstance(given, str) and not _names_file(given):
        pictures.flat(given, (1, 1))


def background(given: Place | None, photograph: Photograph) -> Array | None:
    """The new background, (H, W, 3), encoded as the photograph is: none, a picture, or one colour of CSS."""
    if given is None:
        return None
    if isinstance(given, str) and not _names_file(given):
        return _flat(given, photograph)
    other = read(given, "background")
    if other.linear != photograph.linear:
        change = "from sRGB to linear light" if photograph.linear else "from linear light to sRGB"
        warn(f"{name_of(given)}: the background was converted {change}, as the photograph is")
    elif _encoding(other.metadata) != _encoding(photograph.metadata):
        warn(f"{name_of(given)}: the background has another colour profile; it was not converted")
    return _to_light(pictures.fitted(other.image, photograph.shape), other, photograph.linear)


def converted(layers: dict[Place, Array], photograph: Photograph) -> dict[Place, Pixels]:
    """Pictures, encoded as the photograph is, as files hold them: linear light in EXR, else sRGB or as they are."""
    return {place: _converted(layer, photograph, place) for place, layer in layers.items()}


def depth(
    given: int | None,
    photograph: Photograph,
    outputs: list[Place],
    *,
    transparent: bool = False,
    coloured: bool = False,
) -> int:
    """Bits per sample of the outputs: `given`, or those of the photograph where all outputs hold them."""

    def check(bits: int) -> None:
        for place in outputs:
            check_output(place, bits, transparent, coloured, photograph.shape)

    wanted = given or (8 if photograph.depth == 8 else 16)
    try:
        check(wanted)
    except PropmatError as error:
        if given or wanted == 8:
            raise
        check(8)
        warn(f"{error}; written with 8 bits, though the photograph has {photograph.depth}")
        return 8
    return wanted


def _flat(colour: str, photograph: Photograph) -> Array:
    flat = pictures.flat(colour, photograph.shape)
    black_or_white = flat[0, 0].tolist() in ([0, 0, 0], [1, 1, 1])
    if not black_or_white and _encoding(photograph.metadata) is not None:
        warn(f"background: {colour} was taken by the photograph's colour profile, which is another one than sRGB")
    return _srgb.to_linear(flat) if photograph.linear else flat


def _names_file(background: str) -> bool:
    return is_url(background) or os.path.exists(background)


def _converted(layer: Array, photograph: Photograph, place: Place) -> Array:
    linear = suffix_of(place) == ".exr"
    said = []
    if linear and not photograph.linear:
        gamma, encoding = _gamma(photograph.metadata), _encoding(photograph.metadata)
        curve = f"gamma {gamma:.4g}, as the photograph says" if gamma else "sRGB"
        said = [f"EXR holds linear light: colours were converted to it from {curve}"]
        if isinstance(encoding, (bytes, CodePoints)):
            said.append("the photograph's colour profile is another one, and was neither applied nor kept")
    elif photograph.linear and not linear:
        said = ["colours were converted from linear light to sRGB"]
    if not linear and layer.max() > 1:
        said.append(f"those above 1 (up to {layer.max():.4g}) were cut to 1; EXR keeps them")
    if said:
        warn(f"{name_of(place)}: {'; '.join(said)}")
    colours = _to_light(layer, photograph, linear)
    return colours if linear else colours.clip(0, 1)


def _to_light(colours: Array, photograph: Photograph, linear: bool) -> Array:
    """Colours, encoded as `photograph` is, converted to linear light, or from it to sRGB."""
    if linear == photograph.linear:
        return colours
    if not linear:
        return _srgb.from_linear(colours)
    if gamma := _gamma(photograph.metadata):
        return np.copysign(np.abs(colours) ** (1 / gamma), colours)
    return _srgb.to_linear(colours)


def _gamma(metadata: io.Metadata) -> float | None:
    """The exponent of encoding, where the file gives one that is not the sRGB curve's."""
    encoding = _encoding(metadata)
    return encoding.gamma if isinstance(encoding, Encoding) else None


def _encoding(metadata: io.Metadata) -> CodePoints | bytes | Encoding | None:
    """The encoding that the file declares, None for sRGB; in PNG's order of precedence.

    An ICC profile is sRGB if its description says so. The exponent of sRGB stands for the curve of sRGB where
    the primaries are those of sRGB too, as every screen has them.
    """
    if metadata.code_points is not None:
        return None if metadata.code_points[1] == SRGB_CODE_POINT else CodePoints(metadata.code_points)
    if metadata.icc_profile is not None:
        is_srgb = any("sRGB".encode(encoding) in metadata.icc_profile for encoding in ("ascii", "utf-16-be"))
        return None if is_srgb else metadata.icc_profile
    if metadata.srgb_intent is not None:
        return None
    usual = metadata.gamma is None or abs(metadata.gamma - SRGB_EXPONENT) < 0.01
    primaries = metadata.chromaticities
    if primaries is None or is_usual("chromaticities", primaries):
        return None if usual else Encoding(metadata.gamma, None)
    return Encoding(metadata.gamma, primaries)
