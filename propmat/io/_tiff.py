"""The first directory of a TIFF, interpreted in the same way for all decoders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from propmat.errors import InputError
from propmat.io._limits import check_samples, check_size, check_tiles
from propmat.io._picture import Metadata, sensible
from propmat.io._source import Source

# Values by the number of their tag.
Tags: TypeAlias = Mapping[int, Any]

_WIDTH, _HEIGHT, _BITS, _SAMPLES, _EXTRA_SAMPLES = 256, 257, 258, 277, 338
_TILE_WIDTH, _TILE_HEIGHT = 322, 323
_SUBFILE, _SUB_DIRECTORIES, _PHOTOMETRIC, _DNG_VERSION = 254, 330, 262, 50706
_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT, _PROFILE = 282, 283, 296, 34675
_INCHES = {2: 1.0, 3: 2.54}
_COLOUR_FILTER_ARRAY = 32803
_SAMPLE_FORMAT, _SIGNED, _FLOATING = 339, 2, 3
_ASSOCIATED, _STRAIGHT = 1, 2

# Photometric interpretations that decoders agree about.
_WHITE_IS_ZERO, _CMYK, _LAB = 0, 5, 8
_READ = (_WHITE_IS_ZERO, 1, 2, 3, _CMYK, 6, _LAB)


def tags_of(source: Source) -> Tags:
    """The tags of the first directory."""
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    big = source.head[2:4] in (b"+\0", b"\0+")
    tags = ImageFileDirectory_v2(source.head[: 16 if big else 8])
    source.file.seek(tags.next)
    tags.load(source.file)
    source.file.seek(0)
    return tags


def check_tags(name: str, tags: Tags) -> None:
    """Refuse raw files of cameras, whose first picture is a preview, and tiles much larger than the picture."""
    preview = tags.get(_SUBFILE, 0) & 1 and _SUB_DIRECTORIES in tags
    if _DNG_VERSION in tags or preview or tags.get(_PHOTOMETRIC) == _COLOUR_FILTER_ARRAY:
        raise InputError(f"{name}: looks like a camera's raw file (DNG, NEF, ARW), which is not read; develop it first")
    samples, sample = tags.get(_SAMPLES, 1), max(1, max(_several(tags.get(_BITS, 1))) // 8)
    width, height = tags.get(_WIDTH, 0), tags.get(_HEIGHT, 0)
    check_size(name, width, height)
    check_samples(name, width, height, samples, sample)
    check_tiles(name, width, height, tags.get(_TILE_WIDTH, 0), tags.get(_TILE_HEIGHT, 0))
    if unread := _unread(tags, samples):
        raise InputError(f"{name}: cannot be read: it is a TIFF {unread}; save it as grey or RGB, unsigned or floating")


def _unread(tags: Tags, samples: int) -> str:
    """A property that decoders interpret in different ways; empty if there is none."""
    photometric, bits = tags.get(_PHOTOMETRIC, 1), bits_of(tags)
    formats = _several(tags.get(_SAMPLE_FORMAT, 1))
    if photometric not in _READ or (photometric == _LAB and bits > 8):
        return f"of {bits} bits with photometric interpretation {photometric}"
    if photometric == _CMYK and samples != 4:
        return f"of CMYK with {samples} channels instead of 4"
    if photometric == _WHITE_IS_ZERO and (samples > 1 or _FLOATING in formats):
        return "whose white is 0, with alpha or floating numbers"
    if _SIGNED in formats and (bits <= 16 or samples > 1):  # Pillow writes its 16-bit grey as int32
        return "of signed integers"
    return ""


def bits_of(tags: Tags) -> int:
    """Most bits per sample."""
    return max(_several(tags.get(_BITS, 1)))


def is_associated(tags: Tags) -> bool:
    """Whether colours are multiplied by alpha, the last sample that is said to be one."""
    alphas = [kind for kind in _several(tags.get(_EXTRA_SAMPLES, 0)) if kind in (_ASSOCIATED, _STRAIGHT)]
    return alphas[-1:] == [_ASSOCIATED]


def white_is_zero(tags: Tags) -> bool:
    return bool(tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO)


def metadata_of(tags: Tags) -> Metadata:
    unit = _INCHES.get(tags.get(_RESOLUTION_UNIT, 2))
    claims: dict[str, Any] = {}
    if _PROFILE in tags:
        claims["icc_profile"] = (bytes, tags[_PROFILE])
    if unit and _X_RESOLUTION in tags and _Y_RESOLUTION in tags:
        dots = tags[_X_RESOLUTION], tags[_Y_RESOLUTION]
        claims["resolution"] = (lambda pair: tuple(float(number) * unit for number in pair), dots)
    return sensible(claims)


def _several(values: int | tuple[int, ...]) -> tuple[int, ...]:
    return values or (0,) if isinstance(values, tuple) else (values or 0,)
