"""The formats that are written, and checks of a target before there are pixels. The suffix decides the format."""

from __future__ import annotations

import io
import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from propmat import _inputs
from propmat._typing import PathLike
from propmat.errors import InputError, shown, warn
from propmat.io._openimageio import check_openimageio
from propmat.io._picture import Metadata, Pixels, is_usual, profile_fits
from propmat.io._remote import is_url, suffix_of_url
from propmat.io._replacing import check_place
from propmat.io._source import path_name, reason, stream_name


@dataclass(frozen=True)
class Format:
    """A format that is written.

    `holds` names fields of `Metadata`. Where not `grey`, all is RGB. `options` are Pillow's; None: OpenImageIO writes.
    `longest_side` is in pixels.
    """

    name: str
    depths: tuple[int, ...]
    transparent: bool
    holds: tuple[str, ...] = ()
    grey: bool = True
    options: dict[str, Any] | None = field(default_factory=dict)
    longest_side: float = math.inf


_ALL = ("icc_profile", "gamma", "chromaticities", "srgb_intent", "code_points", "resolution")
_TIFF = Format("TIFF", (8, 16), True, ("icc_profile", "resolution"), options={"compression": "tiff_adobe_deflate"})
_JPEG = Format(
    "JPEG", (8,), False, ("icc_profile", "resolution"), options={"quality": 95, "subsampling": 0}, longest_side=65500
)
_FORMATS = {
    ".png": Format("PNG", (8, 16), True, _ALL),
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".webp": Format("WEBP", (8,), True, ("icc_profile",), False, {"lossless": True, "exact": True}, 16383),
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".bmp": Format("BMP", (8,), False, ("resolution",)),
    ".exr": Format("EXR", (8, 16), True, ("chromaticities",), options=None),
    ".dpx": Format("DPX", (8, 16), False, options=None),
}


@dataclass(frozen=True)
class Output:
    """Where and how a picture will be written: a path with links resolved, a stream, or the URL `name`."""

    name: str
    suffix: str
    format: Format
    path: Path | None
    stream: BinaryIO | None = None


def check_output(
    target: PathLike | BinaryIO,
    *,
    depth: int = 8,
    transparent: bool = False,
    coloured: bool = False,
    suffix: str | None = None,
    shape: tuple[int, int] = (1, 1),
) -> None:
    """Raise the errors that `write_image` would raise for this target, before there are pixels.

    Parameters
    ----------
    target, depth, suffix
        As for `write_image`.
    transparent : bool, default False
        Whether there will be an alpha channel.
    coloured : bool, default False
        Whether there will be colours: at 16 bits these need OpenImageIO, grey does not.
    shape : (int, int), default (1, 1)
        Height and width of the picture, if they are known: WebP and JPEG have limits.

    Raises
    ------
    InputError
        If no format has the suffix, the format does not support the depth, transparency or size, the folder does not
        exist, or the target is a directory, a device or not writeable.
    MissingDependencyError
        If OpenImageIO is needed and not installed.

    Examples
    --------
    >>> from propmat.io import check_output
    >>> check_output("cutout.png", depth=8, transparent=True)
    >>> check_output("cutout.jpg", transparent=True)
    Traceback (most recent call last):
    propmat.errors.InputError: cutout.jpg: JPEG holds no transparency; formats that do: .png, .tif, .tiff, .webp, .exr
    """
    output = output_for(target, suffix)
    height, width = _inputs.pair(shape, "shape", "(height, width)")
    sides = _inputs.whole_number(height, "shape"), _inputs.whole_number(width, "shape")
    check_fit(output, depth, transparent, sides)
    if needs_openimageio(output.format, depth, coloured or transparent):
        check_openimageio(f"writing {output.format.name}, or colour of 16 bits,")


def output_for(target: PathLike | BinaryIO, suffix: str | None) -> Output:
    """The target, if it can be written to."""
    if hasattr(target, "write"):
        name = stream_name(target)
        if isinstance(target, io.TextIOBase):
            raise InputError(f"{name}: takes a binary file object, got one of text")
        suffix = suffix or ".png"
        return Output(name, suffix, _format_of(name, suffix), None, cast(BinaryIO, target))
    name = path_name(target)
    if suffix is not None:
        raise InputError(f"suffix: goes with a file object; {name} has its own")
    if is_url(target):
        return Output(name, suffix_of_url(name), _format_of(name, suffix_of_url(name)), None)
    try:
        path = Path(os.path.realpath(target))
        made = _format_of(name, path.suffix)
        check_place(name, path)
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{name}: cannot be written: {reason(error)}") from error
    return Output(name, path.suffix, made, path)


def suffix_of_path(path: PathLike) -> str:
    """The suffix, in lower case, of a file or of what a link leads to, or of a URL."""
    name = path_name(path)
    return suffix_of_url(name) if is_url(name) else Path(os.path.realpath(path)).suffix.lower()


def check_format(name: str, suffix: str, *, depth: int, transparent: bool, coloured: bool) -> None:
    """Refuse a suffix of no format, or of one that holds no such picture, before there is a place for it."""
    output = Output(name, suffix, _format_of(name, suffix), None)
    check_fit(output, depth, transparent)
    if needs_openimageio(output.format, depth, coloured or transparent):
        check_openimageio(f"writing {output.format.name}, or colour of 16 bits,")


def check_fit(output: Output, depth: object, transparent: bool, shape: tuple[int, ...] = (1, 1)) -> None:
    """Refuse a depth, transparency or size that the format does not support."""
    if not isinstance(depth, (int, np.integer)) or depth not in (8, 16):
        raise InputError(f"depth: takes 8 or 16, got {shown(depth)}")
    needed = int(depth), transparent, shape
    if lacks := _lacks(output.format, *needed):
        fit = ", ".join(suffix for suffix, other in _FORMATS.items() if not _lacks(other, *needed))
        raise InputError(f"{output.name}: {output.format.name} holds no {lacks}; formats that do: {fit}")


def _lacks(made: Format, depth: int, transparent: bool, shape: tuple[int, ...]) -> str:
    """What a format does not support; empty if it supports all."""
    if depth not in made.depths:
        return f"{depth} bits"
    if transparent and not made.transparent:
        return "transparency"
    return f"sides above {made.longest_side} pixels" if max(shape) > made.longest_side else ""


def check_metadata(metadata: object) -> None:
    if metadata is not None and not isinstance(metadata, Metadata):
        raise InputError(f"metadata: takes propmat.io.Metadata, or None, got {type(metadata).__name__}")


def needs_openimageio(made: Format, depth: int, coloured: bool) -> bool:
    return made.options is None or (depth == 16 and coloured)


def storable(output: Output, metadata: Metadata | None, pixels: Pixels) -> Metadata:
    """The part of the metadata that the format can store; a warning names lost fields that colours depend on."""
    if metadata is None:
        return Metadata()
    given = {name: value for name, value in vars(metadata).items() if value is not None}
    kept = {name: value for name, value in given.items() if name in output.format.holds}
    profile = given.get("icc_profile")
    if profile and not profile_fits(profile, grey=output.format.grey and pixels.ndim == 2):
        kept.pop("icc_profile", None)
        message = f"{output.name}: the colour profile is of another kind than the picture (grey, RGB) and was left out"
        warn(message)
    elif lost := [what for name, what in _MEANING.items() if _matters(name, given) and name not in kept]:
        message = (
            f"{output.name}: {output.format.name} does not hold the {' and the '.join(lost)} that came with the colours"
        )
        warn(message)
    return Metadata(**kept)


_MEANING = {
    "icc_profile": "ICC profile",
    "code_points": "code points (cICP)",
    "gamma": "gamma",
    "chromaticities": "chromaticities",
}


def _matters(name: str, given: dict[str, Any]) -> bool:
    """Whether readers that assume sRGB would be wrong without this field."""
    if name not in given or (name != "icc_profile" and "icc_profile" in given):
        return False
    return not is_usual(name, given[name])


def _format_of(name: str, suffix: object) -> Format:
    made = _FORMATS.get(suffix.lower()) if isinstance(suffix, str) else None
    if made is None:
        raise InputError(f"{name}: no format has suffix {suffix!r}; takes {', '.join(_FORMATS)}")
    return made
