"""Where a picture is read from or written to: a path, a URL, or a binary stream, which is written as PNG."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from propmat import io
from propmat.io._formats import suffix_of_path
from propmat.io._source import path_name, stream_name

Place = str | Path | BinaryIO

STREAM_SUFFIX = ".png"


def name_of(place: Place) -> str:
    """The name of the place in messages."""
    return path_name(place) if isinstance(place, (str, Path)) else stream_name(place)


def suffix_of(place: Place) -> str:
    """The suffix of the file in lower case, which decides the format."""
    return suffix_of_path(place) if isinstance(place, (str, Path)) else STREAM_SUFFIX


def check_output(
    place: Place, depth: int, transparent: bool = False, coloured: bool = False, shape: tuple[int, int] = (1, 1)
) -> None:
    """`propmat.io.check_output`, streams included."""
    suffix = None if isinstance(place, (str, Path)) else STREAM_SUFFIX
    io.check_output(place, depth=depth, transparent=transparent, coloured=coloured, suffix=suffix, shape=shape)
