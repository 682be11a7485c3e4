"""Files that Pillow reads without loss of depth."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from propmat.io import _avif, _png, _tiff
from propmat.io._kinds import in_pillow, unknown
from propmat.io._limits import check_size
from propmat.io._picture import SEVERAL, Decoded, Metadata, Pixels, sensible
from propmat.io._source import Source
from propmat.io._tiff import Tags

if TYPE_CHECKING:
    from PIL.Image import Exif
    from PIL.ImageFile import ImageFile, _Tile

# Bits per sample that Pillow keeps in each of its modes; up to 8 in all others.
_BITS_KEPT = {"I;16": (16,), "I;16B": (16,), "I": (16, 32), "F": (32,)}

# Adobe RGB (1998), 4.3: D65 and a gamma of 563/256.
_ADOBE_CHROMATICITIES = (0.64, 0.33, 0.21, 0.71, 0.15, 0.06, 0.3127, 0.329)
_ADOBE_GAMMA = 256 / 563

# Pixels that are converted at once: all of them would take the picture's size several times, and each conversion of
# Lab first builds a transform, for 10 ms.
_BAND = 1 << 20


def decode(source: Source, tags: Tags | None) -> Decoded | None:
    """Read with Pillow; None where it would lose depth, or does not know a variety of TIFF.

    `tags` are those of TIFF, else None.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(source.file, formats=in_pillow()) as image:
            check_size(source.name, *image.size, str(image.format))
            return _unpacked(source, image, tags) if _keeps_depth(image, tags) else None
    except UnidentifiedImageError as error:
        if tags is not None:
            return None
        raise ValueError(unknown(source.head)) from error
    except Image.DecompressionBombError as error:
        raise ValueError(f"{error}; PIL.Image.MAX_IMAGE_PIXELS sets the limit") from error


def _keeps_depth(image: ImageFile, tags: Tags | None) -> bool:
    """Whether Pillow will return all bits of the file; it reduces them without a warning."""
    if tags is not None:
        return _tiff.bits_of(tags) in _BITS_KEPT.get(image.mode, range(9))
    if image.format not in ("PNG", "PPM") or image.mode in _BITS_KEPT:
        return True
    decoder, _, _, arguments = image.tile[0]
    if image.format == "PNG":
        return not (isinstance(arguments, str) and ";16" in arguments)  # as in "RGB;16B"
    return not (decoder == "ppm" and isinstance(arguments, tuple) and arguments[1] > 255)  # the largest value


def _unpacked(source: Source, image: ImageFile, tags: Tags | None) -> Decoded:
    # The further pictures of an MPO, the JPEG of many cameras, are previews and maps for the first. Pillow answers
    # `is_animated` by a look at the second picture, where `n_frames` would count them all.
    remarks: tuple[str, ...] = (SEVERAL,) if image.format != "MPO" and getattr(image, "is_animated", False) else ()
    bits, codes = _avif.properties_of(source.file) if image.format == "AVIF" else (8, None)
    if bits > 8:
        remarks += (f"has {bits} bits per sample, of which 8 were read",)
    _keep_association(image)
    image.load()
    # Asked for after loading: that applies the orientation of TIFF, and finds the EXIF of PNG.
    orientation = image.getexif().get(274, 1)
    metadata = _metadata(source, image, tags)
    if codes is not None:
        metadata = replace(metadata, code_points=codes)
    if image.mode in _BITS_KEPT:
        grey = _deep_grey(image, tags)
        alpha = _transparent_grey(grey, image.info.get("transparency"))
        return Decoded(grey, alpha, 8 * grey.itemsize, remarks, orientation, metadata=metadata)
    mode = "L" if image.mode in ("1", "L", "LA", "La") else "RGB"
    if not image.has_transparency_data:
        return Decoded(_array(image, mode), None, 8, remarks, orientation, metadata=metadata)
    pixels = _array(image, mode + "A")
    colours = pixels[..., 0] if mode == "L" else pixels[..., :3]
    return Decoded(colours, pixels[..., -1], 8, remarks, orientation, _is_associated(source, image, tags), metadata)


def _keep_association(image: ImageFile) -> None:
    """Make Pillow return premultiplied colours as they are stored: it would divide them without rounding."""
    if image.format == "TIFF" and image.mode == "RGBA":
        image.tile = [_as_stored(tile) for tile in image.tile]


def _as_stored(tile: _Tile) -> _Tile:
    codec, extents, offset, arguments = tile
    kept = arguments
    if isinstance(arguments, tuple):  # a band of its own is "a", which Pillow does not know itself
        kept = (arguments[0].replace("RGBa", "RGBA").replace("a", "A"), *arguments[1:])
    stored = codec, extents, offset, kept
    return type(tile)(*stored) if hasattr(tile, "_fields") else cast("_Tile", stored)  # a plain tuple in older versions


def _is_associated(source: Source, image: ImageFile, tags: Tags | None) -> bool:
    if tags is not None:
        return _tiff.is_associated(tags)
    return image.format == "TGA" and _tga_is_associated(source)


def _tga_is_associated(source: Source) -> bool:
    """Attributes type 4 in the extension area of TGA 2.0, which a footer of 26 bytes points to."""
    source.file.seek(0, 2)
    size = source.file.tell()
    source.file.seek(max(size - 26, 0))
    footer = source.file.read()
    if len(footer) < 26 or not footer.endswith(b"TRUEVISION-XFILE.\0"):
        return False
    (extension,) = struct.unpack("<I", footer[:4])
    source.file.seek(extension + 494)
    return extension > 0 and source.file.read(1) == b"\4"


def _metadata(source: Source, image: ImageFile, tags: Tags | None) -> Metadata:
    if tags is not None:
        return _tiff.metadata_of(tags)
    if image.format == "PNG":
        return _png.metadata_of(source.file)
    claims: dict[str, Any] = {}
    if image.info.get("icc_profile"):
        claims["icc_profile"] = (bytes, image.info["icc_profile"])
    elif _is_adobe_rgb(image.getexif()):
        claims["gamma"], claims["chromaticities"] = (float, _ADOBE_GAMMA), (tuple, _ADOBE_CHROMATICITIES)
    if image.info.get("dpi"):
        claims["resolution"] = (_pair, image.info["dpi"])
    return sensible(claims)


def _is_adobe_rgb(exif: Exif) -> bool:
    """Whether EXIF says so, as of cameras that embed no profile: interoperability index R03 (DCF 2.0)."""
    # The directory of interoperability lies in that of EXIF, without which Pillow before 11 fails.
    return str(exif.get_ifd(0xA005).get(1, "")).startswith("R03") if 0x8769 in exif else False


def _pair(numbers: Iterable[float]) -> tuple[float, ...]:
    return tuple(float(number) for number in numbers)


def _array(image: ImageFile, mode: str) -> Pixels:
    width, height = image.size
    pixels = np.empty((height, width) if mode == "L" else (height, width, len(mode)), np.uint8)
    count = max(1, _BAND // width)
    for top in range(0, height, count):
        rows = image.crop((0, top, width, min(top + count, height)))
        # "La" is grey multiplied by alpha; to convert it would divide, and not round.
        pixels[top : top + count] = np.asarray(rows if rows.mode in (mode, "La") else rows.convert(mode))
    return pixels


def _deep_grey(image: ImageFile, tags: Tags | None) -> Pixels:
    pixels = np.array(image)
    if image.mode == "F":
        return pixels
    if pixels.size and not 0 <= pixels.min() <= pixels.max() <= 65535:
        raise ValueError(f"32-bit integers from {pixels.min()} to {pixels.max()}, not 0 to 65535")
    pixels = pixels.astype(np.uint16)
    # Where white is 0, Pillow inverts 8 bits but not 16.
    return 65535 - pixels if tags is not None and _tiff.white_is_zero(tags) else pixels


def _transparent_grey(grey: Pixels, level: object) -> Pixels | None:
    """Alpha of a PNG that names one grey as transparent (tRNS); Pillow makes it of 8 bits only."""
    return np.where(grey == level, 0, 65535).astype(np.uint16) if isinstance(level, int) else None
