"""The chunks of PNG with metadata of colours: reading and inserting them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Container, Iterator
from typing import Any, BinaryIO

from propmat.io._picture import Metadata, sensible

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_METRES_TO_THE_INCH = 0.0254
_LONGEST_CHUNK = 2**24
_ORIENTATION = 274  # the tag of EXIF


def metadata_of(file: BinaryIO) -> Metadata:
    """Metadata from the chunks before the pixels; invalid chunks are ignored."""
    chunks = dict(_chunks(file, _PARSERS, until=(b"IDAT", b"IEND")))
    return sensible({field: (parse, chunks[name]) for name, (field, parse) in _PARSERS.items() if name in chunks})


def orientation_of(file: BinaryIO) -> int:
    """The orientation from EXIF, which may follow the pixels; 1, upright, if it is invalid."""
    from PIL import Image

    exif = Image.Exif()
    try:
        exif.load(dict(_chunks(file, (b"eXIf",), until=(b"IEND",))).get(b"eXIf", b""))
        orientation: int = exif.get(_ORIENTATION, 1)
        return orientation
    except Exception:  # a parser of damaged data may raise anything
        return 1


def with_metadata(encoded: bytes, metadata: Metadata) -> bytes:
    """An encoded PNG with these chunks, and without those that its encoder added: a name, the time."""
    wanted = [_chunk(name, data) for name, data in _formatted(metadata)]
    pieces, place = [_SIGNATURE], len(_SIGNATURE)
    while place < len(encoded):
        (length,) = struct.unpack(">I", encoded[place : place + 4])
        name, end = encoded[place + 4 : place + 8], place + 12 + length
        if name[:1].isupper():  # critical, all that pixels need
            pieces.append(encoded[place:end])
        if name == b"IHDR":
            pieces += wanted
        place = end
    return b"".join(pieces)


def _chunks(file: BinaryIO, wanted: Container[bytes], until: Container[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Names and contents; the file is at its start again in the end."""
    file.seek(len(_SIGNATURE))
    while len(start := file.read(8)) == 8:
        length, name = struct.unpack(">I4s", start)
        if name in until:
            break
        if name in wanted and length <= _LONGEST_CHUNK:
            yield name, file.read(length)
            file.seek(4, 1)  # the check sum
        else:
            file.seek(length + 4, 1)
    file.seek(0)


def _formatted(metadata: Metadata) -> Iterator[tuple[bytes, bytes]]:
    """Names and contents of chunks, in an order that PNG allows."""
    if metadata.code_points is not None:
        yield b"cICP", bytes(int(code) for code in metadata.code_points)
    if metadata.icc_profile is not None:
        yield b"iCCP", b"ICC profile\0\0" + zlib.compress(metadata.icc_profile)
    elif metadata.srgb_intent is not None:
        yield b"sRGB", bytes([metadata.srgb_intent])
    if metadata.gamma is not None:
        yield b"gAMA", struct.pack(">I", round(metadata.gamma * 1e5))
    if metadata.chromaticities is not None:
        red_to_blue, white = metadata.chromaticities[:6], metadata.chromaticities[6:]
        yield b"cHRM", struct.pack(">8i", *(round(number * 1e5) for number in (*white, *red_to_blue)))
    if metadata.resolution is not None:
        yield b"pHYs", struct.pack(">2IB", *(round(dots / _METRES_TO_THE_INCH) for dots in metadata.resolution), 1)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _profile(data: bytes) -> bytes:
    compressed = data[data.index(b"\0") + 2 :]
    unpacking = zlib.decompressobj()
    profile = unpacking.decompress(compressed, _LONGEST_CHUNK)
    if not unpacking.eof:
        raise ValueError("no profile is as long")
    return profile


def _chromaticities(data: bytes) -> tuple[float, ...]:
    white_first = [number / 1e5 for number in struct.unpack(">8i", data)]
    return (*white_first[2:], *white_first[:2])


def _resolution(data: bytes) -> tuple[float, float] | None:
    across, down, unit = struct.unpack(">2IB", data)
    return (across * _METRES_TO_THE_INCH, down * _METRES_TO_THE_INCH) if unit == 1 else None


_PARSERS: dict[bytes, tuple[str, Callable[[bytes], Any]]] = {
    b"iCCP": ("icc_profile", _profile),
    b"gAMA": ("gamma", lambda data: struct.unpack(">I", data)[0] / 1e5),
    b"cHRM": ("chromaticities", _chromaticities),
    b"sRGB": ("srgb_intent", lambda data: struct.unpack(">B", data)[0]),
    b"cICP": ("code_points", lambda data: struct.unpack(">4B", data)),
    b"pHYs": ("resolution", _resolution),
}
