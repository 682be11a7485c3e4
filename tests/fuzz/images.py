"""Image files, damaged and lying, through the readers of `propmat.io`."""

from __future__ import annotations

import struct
import tempfile
import zlib
from functools import cache
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from PIL import Image, ImageCms, features

from propmat import io
from tests.fuzz import mutation
from tests.fuzz.laws import attempt, require_equal
from tests.fuzz.target import Target, require

# The first byte of an input chooses the name that the file gets: what a file is, its bytes tell, but names lie too.
SUFFIXES = (
    "",
    ".png",
    ".jpg",
    ".tif",
    ".webp",
    ".bmp",
    ".gif",
    ".ppm",
    ".tga",
    ".exr",
    ".dpx",
    ".hdr",
    ".jp2",
    ".jpeg",
)
READERS = ("read_image", "read_trimap", "read_matte", "read")  # the first byte tells which


def run(data: bytes) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"picture{SUFFIXES[data[0] % len(SUFFIXES)] if data else ''}"
        path.write_bytes(data[1:])
        taken = _read(READERS[data[0] // len(SUFFIXES) % len(READERS)] if data else READERS[0], path)
        require(path.read_bytes() == data[1:], "a file that is read stays as it is")
        require([name.name for name in Path(folder).iterdir()] == [path.name], "reading leaves nothing behind")
    return taken


def _read(reader: str, path: Path) -> bool:
    found = attempt(lambda: getattr(io, reader)(path))
    if found.refusal is not None:
        return False
    if reader == "read":
        return True
    if reader == "read_image" and found.value.dtype == np.uint8:  # OpenImageIO leaves memory as it is behind damage
        again = attempt(lambda: io.read_image(path))
        require_equal(found, again, f"{reader}: the same file gives the same pixels")
    pixels = found.value
    require(isinstance(pixels, np.ndarray), f"{reader}: an array comes out", type(pixels))
    require(pixels.dtype in (np.uint8, np.uint16, np.float32), f"{reader}: dtype", pixels.dtype)
    require(pixels.size and pixels.flags.c_contiguous, f"{reader}: not empty, contiguous", pixels.shape)
    shapes = ((), (3,)) if reader == "read_image" else ((),)
    require(pixels.ndim in (2, 3) and pixels.shape[2:] in shapes, f"{reader}: shape", pixels.shape)
    return True


def draw(random: Random) -> bytes:
    suffix = random.randrange(256) if random.random() < 0.5 else None
    kept, file = _parts(mutation.mutated(random, small()))
    if file.startswith(b"\x89PNG") and random.random() < 0.7:
        file = with_checksums(file)
    return bytes([kept if suffix is None else suffix]) + file


def _parts(data: bytes) -> tuple[int, bytes]:
    return (data[0], data[1:]) if data else (0, b"")


def with_checksums(png: bytes) -> bytes:
    """The chunks of a PNG with checksums that fit: without, nearly every change would be found at once."""
    whole, place = png[:8], 8
    while place + 12 <= len(png):
        length = int.from_bytes(png[place : place + 4], "big")
        body = png[place + 4 : place + 8 + length]
        whole += png[place : place + 4] + body + struct.pack(">I", zlib.crc32(body))
        place += 12 + length
    return whole + png[place:]


# Seeds


@cache
def seeds() -> list[bytes]:
    """One file of every kind; then such as failed once."""
    files = [*_pillow(), *_plain(), *_film(), *failed_once()]
    return [
        bytes([SUFFIXES.index(suffix) + len(SUFFIXES) * (k % len(READERS))]) + data
        for k, (suffix, data) in enumerate(files)
    ]


@cache
def small() -> list[bytes]:
    """The seeds that are worth changing: a change to a large file is lost in it."""
    return [data for data in seeds() if len(data) < 5000]


def _picture(mode: str = "RGB", seed: int = 5) -> Image.Image:
    rng, size = np.random.default_rng(seed), (9, 7)
    colours = Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))
    if mode in ("RGBA", "LA"):
        colours.putalpha(Image.fromarray(rng.integers(0, 256, size[::-1], dtype=np.uint8)))
    if mode == "I;16":
        return Image.fromarray(rng.integers(0, 65536, size[::-1], dtype=np.uint16))
    return colours.convert(mode)


def _saved(kind: str, image: Image.Image, **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _pillow() -> list[tuple[str, bytes]]:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[274] = 6
    files = [(".png", _saved("PNG", _picture(mode))) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")]
    files += [
        (".png", _saved("PNG", _picture(), icc_profile=profile, exif=exif, dpi=(300, 300), gamma=0.45)),
        (".png", _saved("PNG", _picture("P"), transparency=3)),
        (".png", _saved("PNG", _picture(), **_pages())),
        (".jpg", _saved("JPEG", _picture(), exif=exif, icc_profile=profile)),
        (".jpg", _saved("JPEG", _picture("L"), progressive=True)),
        (".jpeg", _saved("JPEG", _picture("CMYK"))),
        (".jpeg", _saved("MPO", _picture(), **_pages())),
        (".webp", _saved("WEBP", _picture("RGBA"), lossless=True, exif=exif, icc_profile=profile)),
        (".webp", _saved("WEBP", _picture())),
        (".webp", _saved("WEBP", _picture(), **_pages())),
        (".gif", _saved("GIF", _picture("P"), **_pages())),
        (".gif", _saved("GIF", _picture("P"), transparency=1)),
        (".ppm", _saved("PPM", _picture("1"))),
        *((".bmp", _saved("BMP", _picture(mode))) for mode in ("1", "L", "P", "RGB", "RGBA")),
        *((".tga", _saved("TGA", _picture(mode), compression="tga_rle")) for mode in ("L", "P", "RGB", "RGBA")),
    ]
    files += [(".tif", _saved("TIFF", _picture("1"), compression="group4"))]
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        files += [(".tif", _saved("TIFF", _picture(), compression=compression))]
    files += [(".tif", _saved("TIFF", _picture(mode))) for mode in ("P", "LA", "RGBA", "CMYK", "I;16", "F", "I", "LAB")]
    files += [(".tif", _saved("TIFF", _picture(), big_tiff=True)), (".tif", _saved("TIFF", _picture(), **_pages()))]
    if features.check("avif"):
        files += [
            ("", _saved("AVIF", _picture())),
            ("", _saved("AVIF", _picture("RGBA"))),
            ("", _saved("AVIF", _picture(), **_pages())),
        ]
    return files


def _pages() -> dict[str, Any]:
    """Options for three pages; Pillow leaves settings of one format on pictures that it has written."""
    return {"save_all": True, "append_images": [_picture(seed=6), _picture(seed=7)]}


def _plain() -> list[tuple[str, bytes]]:
    """Formats of which the bytes are written here: text and floating point."""
    floats = np.linspace(0, 1, 18, dtype="<f4").tobytes()
    return [
        (".ppm", b"P2\n# grey in digits\n3 2 255\n0 1 2 3 4 255\n"),
        (".ppm", b"P3 2 1 65535 0 1 2 3 4 65535\n"),
        (".ppm", b"P5 3 2 65535\n" + bytes(12)),
        (".ppm", b"P6 3 2 255\n" + bytes(range(18))),
        (".ppm", b"P6 3 2 1023\n" + bytes(36)),
        (".ppm", b"P7\nWIDTH 2\nHEIGHT 1\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n" + bytes(8)),
        (".ppm", b"Pf\n3 2\n-1.0\n" + floats[:24]),
        (".ppm", b"PF\n3 2\n-1.0\n" + floats),
        (".hdr", b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 2 +X 3\n" + bytes(range(100, 124))),
        (".png", png(9, 7, 8, 2, interlaced=True)),
        (".png", png(9, 7, 16, 2, more=b"\0\0\0\x04gAMA\0\0\xb1\x8f" + struct.pack(">I", 0x0BFC6105))),
        (".png", png(9, 7, 16, 6)),
        (".png", png(9, 7, 16, 4)),
        (".png", png(9, 7, 4, 0)),
    ]


def png(width: int, height: int, depth: int, colour: int, *, interlaced: bool = False, more: bytes = b"") -> bytes:
    """A black PNG of any kind, its chunks `more` before the pixels."""
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    rows = bytes((1 + (width * samples * depth + 7) // 8) * height * (2 if interlaced else 1))
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    chunks = [header, b"IDAT" + zlib.compress(rows), b"IEND"]
    first, *rest = (struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks)
    return b"\x89PNG\r\n\x1a\n" + first + more + b"".join(rest)


def _film() -> list[tuple[str, bytes]]:
    """What OpenImageIO writes, where it is installed."""
    rng = np.random.default_rng(6)
    files = []
    for suffix, dtype, channels, attributes in (
        (".exr", "float", 3, {}),
        (".exr", "half", 4, {"compression": "zip"}),
        (".exr", "float", 1, {"compression": "piz"}),
        (".exr", "half", 3, {"compression": "dwaa"}),
        (".exr", "float", 40, {}),
        (".dpx", "uint16", 3, {"oiio:BitsPerSample": 10}),
        (".dpx", "uint8", 3, {}),
        (".hdr", "float", 3, {}),
        (".jp2", "uint8", 3, {}),
        (".jp2", "uint16", 1, {}),
        (".tif", "uint16", 4, {"compression": "lzw"}),
        (".tif", "uint16", 3, {"tiff:bigtiff": 1, "planarconfig": "separate"}),
        (".tif", "float", 4, {"oiio:UnassociatedAlpha": 0}),
        (".tif", "uint8", 3, {"tiff:half": 1, "tile": 1}),
        (".tif", "double", 1, {}),
        (".tif", "uint16", 12, {"compression": "none"}),
    ):
        files += (
            [(suffix, data)]
            if (data := by_openimageio(suffix, rng.random((7, 9, channels)), dtype, attributes))
            else []
        )
    return files


def by_openimageio(suffix: str, pixels: np.ndarray, dtype: str, attributes: dict[str, Any]) -> bytes:
    """The file, or nothing where OpenImageIO cannot write it."""
    try:
        import OpenImageIO as oiio
    except ImportError:
        return b""
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], pixels.shape[2], dtype)
    if attributes.pop("tile", None):
        spec.tile_width = spec.tile_height = 16
    for name, value in attributes.items():
        spec.attribute(name, value)
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/picture{suffix}"
        output = oiio.ImageOutput.create(path)
        if output is None or not output.open(path, spec):
            return b""
        done = output.write_image(np.ascontiguousarray(pixels, np.float32)) and output.close()
        return Path(path).read_bytes() if done else b""


def failed_once() -> list[tuple[str, bytes]]:
    """Small files that once came out as tracebacks, or took memory and time without measure."""
    files = [
        ("", b""),
        (".png", png(9, 7, 8, 3)),  # a palette PNG without its palette
        (".png", png(30_000, 30_000, 16, 2)[:200]),
        (".tif", tiff(9, 1, {262: [3], 320: [0] * 3})),  # a palette that is too short
        (".tif", tiff(2000, 256)),
        (".tif", tiff(4000, 40)),
        (".tif", many_directories(60_000)),
        (".webp", webp_canvas(16_384, 16_384)),
        (".webp", webp_canvas(16_383, 8_000)),
        (".ppm", b"P6 40000 40000 65535\n" + bytes(600)),
        (".ppm", b"P5 99999999999999999999 1 255\n\0"),
        (".hdr", b"#?RADIANCE\n\n-Y 2000000000 +X 3\n" + bytes(20)),
        (".exr", by_openimageio(".exr", np.zeros((4, 4, 1000)), "half", {})),
    ]
    return [(suffix, data) for suffix, data in files if data or not suffix]


def tiff(size: int, channels: int, more: dict[int, list[int]] | None = None) -> bytes:
    """A black TIFF of `size` pixels a side and 8 bits; all of its rows lie in the same place of the file."""
    row = zlib.compress(bytes(size * channels))
    entries = {256: [size], 257: [size], 258: [8] * channels, 259: [8], 262: [2 if channels >= 3 else 1]}
    entries |= {273: [8] * size, 277: [channels], 278: [1], 279: [len(row)] * size} | (more or {})
    place = 8 + len(row) + 2 + 12 * len(entries) + 4
    directory, values = struct.pack("<H", len(entries)), b""
    for tag, numbers in sorted(entries.items()):
        kind = 3 if tag in (258, 259, 262, 277, 320) else 4  # of 2 or of 4 bytes
        packed = struct.pack(f"<{len(numbers)}{'HI'[kind - 3]}", *numbers).ljust(4, b"\0")
        where = packed if len(packed) == 4 else struct.pack("<I", place + len(values))
        values += packed if len(packed) != 4 else b""
        directory += struct.pack("<HHI", tag, kind, len(numbers)) + where
    return b"II*\0" + struct.pack("<I", 8 + len(row)) + row + directory + bytes(4) + values


def many_directories(count: int) -> bytes:
    """A TIFF of so many pages, each of one entry."""
    pages = [struct.pack("<HHHII", 1, 256, 3, 1, 9) + struct.pack("<I", 8 + 18 * (n + 1)) for n in range(count)]
    return b"II*\0\x08\0\0\0" + b"".join(pages)[:-4] + bytes(4)


def webp_canvas(width: int, height: int) -> bytes:
    """An animated WebP of a large canvas and a small frame."""
    small = _saved("WEBP", _picture(), **_pages())
    place = small.index(b"VP8X") + 12
    sizes = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return small[:place] + sizes + small[place + 6 :]


def describe(data: bytes) -> str:
    suffix, file = _parts(data)
    return f"a file named picture{SUFFIXES[suffix % len(SUFFIXES)]} of {len(file)} bytes: {file[:200]!r}"


TARGETS = {"images": Target("images", run, seeds, draw, describe)}
