"""A file to a picture: its format detected and its claims checked, decoded, upright and with straight colours."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import BinaryIO

from propmat._typing import PathLike
from propmat.errors import warn
from propmat.io import _film, _pillow, _tiff
from propmat.io._kinds import check_kind, is_film, is_linear, kind_of
from propmat.io._limits import check_claims
from propmat.io._picture import Decoded, Metadata, Picture, Pixels, opaque, profile_fits, straight, upright
from propmat.io._source import Source, failing_as_input, opened


def picture_of(source: PathLike | BinaryIO) -> tuple[str, Picture]:
    """The picture, and the name of the file in messages."""
    with opened(source) as file:
        decoded = _decode(file)
        linear = is_linear(kind_of(file.head))
    for remark in decoded.remarks:
        message = f"{file.name}: {remark}"
        warn(message)
    return file.name, _picture(file.name, decoded, linear)


def _decode(source: Source) -> Decoded:
    check_kind(source)
    check_claims(source)
    with failing_as_input(source.name), warnings.catch_warnings():
        # Pillow warns of odd metadata, and of sizes from 89 megapixels up, which photographs have.
        warnings.simplefilter("ignore")
        tags = None
        if kind_of(source.head) == "TIFF":
            tags = _tiff.tags_of(source)
            _tiff.check_tags(source.name, tags)
        shallow = None if is_film(kind_of(source.head)) else _pillow.decode(source, tags)
        return shallow or _film.decode(source, tags)


def _picture(name: str, decoded: Decoded, linear: bool) -> Picture:
    colours, alpha = decoded.colours, decoded.alpha
    if alpha is not None and opaque(alpha):
        alpha = None
    if alpha is not None and decoded.associated:
        colours = straight(colours, alpha)
    pixels = upright(colours, decoded.orientation)
    alpha = None if alpha is None else upright(alpha, decoded.orientation)
    metadata = _fitting(name, decoded.metadata, pixels, decoded.orientation)
    return Picture(pixels, alpha, decoded.depth, linear, metadata)


def _fitting(name: str, metadata: Metadata, pixels: Pixels, orientation: int) -> Metadata:
    """Metadata of pixels that were turned, and converted from inks or a palette."""
    if metadata.resolution is not None and orientation in (5, 6, 7, 8):
        metadata = replace(metadata, resolution=metadata.resolution[::-1])
    if metadata.icc_profile is not None and not profile_fits(metadata.icc_profile, grey=pixels.ndim == 2):
        space = metadata.icc_profile[16:20].decode("latin-1").strip()
        described = space if space.isalnum() else "no known space"
        message = f"{name}: its colour profile describes {described}; the colours were converted without it"
        warn(message)
        metadata = replace(metadata, icc_profile=None)
    return metadata
