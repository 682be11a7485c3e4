"""Limits on the claims of a file. Sizes are checked before memory is allocated, most of them in the first bytes."""

from __future__ import annotations

import struct

from propmat.errors import InputError
from propmat.io._kinds import kind_of
from propmat.io._source import Source

# Files of film have dozens of layers; thousands are an attack.
_CHANNELS = 128

# As much as float32 of RGB for every pixel that is allowed.
_BYTES_PER_PIXEL = 12

# libwebp and libavif keep several copies, some 16 bytes a pixel.
_SHARE = {"WEBP": 0.5, "AVIF": 0.5}

# OpenJPEG decodes every sample into an int32.
_BYTES_PER_JPEG2000_SAMPLE = 4

_LARGE_TILE = 4096**2

# In JPEG 2000 the pixels begin within as many bytes.
_BOXES = 2**24


def check_size(name: str, width: int, height: int, kind: str = "") -> None:
    """Refuse more pixels than Pillow's limit against decompression bombs, a setting of the user's."""
    limit = _pixels()
    if limit is None:
        return
    limit = int(limit * _SHARE.get(kind, 1))
    if width * height > limit:
        of_kind = f" for {kind}" if kind in _SHARE else ""
        message = f"{width * height} pixels exceed the limit of {limit}{of_kind}"
        raise InputError(f"{name}: {message}; PIL.Image.MAX_IMAGE_PIXELS sets the limit")


def check_samples(name: str, width: int, height: int, channels: int, width_of_sample: int) -> None:
    """Refuse more channels or bytes than any picture has."""
    if channels > _CHANNELS:
        raise InputError(f"{name}: claims {channels} channels; takes files of up to {_CHANNELS}")
    limit, claimed = _pixels(), width * height * channels * width_of_sample
    if limit is not None and claimed > _BYTES_PER_PIXEL * limit:
        message = f"claims {claimed} bytes of pixels; takes up to {_BYTES_PER_PIXEL * limit}"
        raise InputError(f"{name}: {message}; PIL.Image.MAX_IMAGE_PIXELS sets the limit")


def check_tiles(name: str, width: int, height: int, tile_width: int, tile_height: int) -> None:
    """Refuse tiles that are large and larger than the picture: decoders take memory for a whole one."""
    if tile_width * tile_height > max(width * height, _LARGE_TILE):
        raise InputError(
            f"{name}: claims tiles of {tile_width} x {tile_height} for a picture of {width} x {height} pixels"
        )


def check_claims(source: Source) -> None:
    """Check files of formats whose decoders allocate memory for all pixels as soon as they open a file."""
    kind = kind_of(source.head)
    if kind == "WEBP":
        check_size(source.name, *_webp_size(source.head), kind)
    elif kind == "JPEG 2000":
        width, height, channels = _jpeg2000_size(source)
        check_size(source.name, width, height)
        check_samples(source.name, width, height, channels, _BYTES_PER_JPEG2000_SAMPLE)


def _pixels() -> int | None:
    from PIL import Image

    # Twice the figure, as in Pillow's own check: there the figure itself only warns.
    return None if Image.MAX_IMAGE_PIXELS is None else 2 * Image.MAX_IMAGE_PIXELS


def _webp_size(head: bytes) -> tuple[int, int]:
    """Width and height of the canvas (extended format); the two others hold 14 bits a side and are opened safely."""
    if head[12:16] != b"VP8X" or len(head) < 30:
        return 0, 0
    return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")


def _jpeg2000_size(source: Source) -> tuple[int, int, int]:
    """Width, height and components of the reference grid (marker SIZ, ISO/IEC 15444-1, A.5.1)."""
    start = source.file.read(_BOXES)  # boxes before the code stream may hold a profile of colours
    source.file.seek(0)
    place = start.find(b"\xff\x4f\xff\x51")
    if place < 0 and len(start) < _BOXES:
        return 0, 0, 0  # there are no pixels; the decoder will say so
    marker = start[place + 8 : place + 42]
    if place < 0 or len(marker) < 34:
        raise InputError(f"{source.name}: cannot be read: it is a damaged JPEG 2000 file")
    right, bottom, left, top = struct.unpack(">4I", marker[:16])
    (components,) = struct.unpack(">H", marker[32:34])
    return max(right - left, right, 0), max(bottom - top, bottom, 0), components
