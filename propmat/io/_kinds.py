"""Formats detected from the first bytes of a file: those that are read, and the names of others for messages."""

from __future__ import annotations

import re
import warnings

from propmat.errors import InputError
from propmat.io._source import Source

# Named one by one: left to itself, Pillow would also run Ghostscript on what looks like PostScript.
_ALWAYS_IN_PILLOW = ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF", "PPM", "TGA")

# Read by OpenImageIO alone, each with the suffix by which it knows them.
_EXR, _JPEG2000, _RADIANCE = "EXR", "JPEG 2000", "Radiance HDR"
_FILM = {_EXR: ".exr", "DPX": ".dpx", _RADIANCE: ".hdr", _JPEG2000: ".jp2"}

# The first bytes of what is read; TGA has no signature.
_READ = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",  # BigTIFF
    b"MM\0+": "TIFF",
    b"BM": "BMP",
    b"GIF8": "GIF",
    b"v/1\x01": _EXR,
    b"SDPX": "DPX",
    b"XPDS": "DPX",
    b"#?RA": _RADIANCE,
    b"#?RG": _RADIANCE,
    b"\0\0\0\x0cjP  ": _JPEG2000,
    b"\xff\x4f\xff\x51": _JPEG2000,  # a code stream without a container
}

# Formats that people try and that are not read. Regular expressions, matched at the start of the file.
_NOT_READ = {
    rb"8BPS": "PSD (Photoshop)",
    rb"%PDF": "PDF",
    rb"%!PS|\xc5\xd0\xd3\xc6": "PostScript",
    rb"(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?(<!DOCTYPE svg[^>]*>\s*)?<svg": "SVG",
    rb"(\xef\xbb\xbf)?\s*<(!doctype )?html": "HTML, a web page",
    rb"version https://git-lfs": "a pointer of Git LFS; fetch the file with git lfs pull",
    rb"....ftyp(hei[cxms]|hev[cmsx])": "HEIC",
    rb"....ftypcrx ": "a camera's raw file (CR3)",
    rb"....ftyp(isom|iso\d|mp4|avc1|qt  |M4V |3gp)": "a video",
    rb"(II\*\0|MM\0\*)....CR\x02": "a camera's raw file (CR2)",
    rb"FUJIFILMCCD-RAW|II(RO|RS)|MMOR|IIU\0|FOVb|\0MRM": "a camera's raw file",
    rb"(\0\0\0\x0cJXL |\xff\x0a)": "JPEG XL",
    rb"II\xbc": "JPEG XR",
    rb"\0\0[\x01\x02]\0[\x01-\x40]\0": "an icon (ICO)",
    rb"gimp xcf": "XCF (GIMP)",
    rb"DDS ": "DDS",
    rb"qoif": "QOI",
    rb"SIMPLE  =": "FITS",
    rb"\x80\x2a\x5f\xd7|\xd7\x5f\x2a\x80": "Cineon",
    rb"(?s:.{128})DICM": "DICOM",
    rb"\x93NUMPY": "an array of NumPy; load it with numpy.load",
    rb"PK\x03\x04": "a ZIP archive or an office document",
    rb"\x1f\x8b|BZh|\xfd7zXZ|7z\xbc\xaf|Rar!": "a compressed archive",
    rb"\x1a\x45\xdf\xa3|RIFF....AVI ": "a video",
}

# Brands of ISO media files that hold AVIF; the last two hold HEIC as well.
_AVIF = rb"....ftyp(avif|avis|mif1|msf1)"


def kind_of(head: bytes) -> str:
    """The format of a file, by Pillow's name where Pillow knows it; empty if the first bytes do not tell."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if re.match(_AVIF, head, re.DOTALL):
        return "AVIF"
    return next((kind for start, kind in _READ.items() if head.startswith(start)), "")


def is_film(kind: str) -> bool:
    return kind in _FILM


def is_linear(kind: str) -> bool:
    """Whether numbers of such files are proportional to light."""
    return kind in (_EXR, _RADIANCE)


def suffix_of(kind: str) -> str:
    """The suffix by which OpenImageIO recognises this format."""
    return _FILM.get(kind) or {"TIFF": ".tif", "PNG": ".png"}.get(kind, ".ppm")


def in_pillow() -> tuple[str, ...]:
    """The formats that Pillow reads for us."""
    from PIL import features

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow before 11.3 does not know the word
        avif = features.check("avif")
    return (*_ALWAYS_IN_PILLOW, "AVIF") if avif else _ALWAYS_IN_PILLOW


def readable() -> str:
    """The kinds that are read, for messages."""
    shown = ", ".join({"WEBP": "WebP"}.get(name, name) for name in in_pillow())
    return f"{shown}, and with OpenImageIO {', '.join(_FILM)}"


def check_kind(source: Source) -> None:
    """Refuse a file that is certainly of an unsupported format, with the name of that format."""
    for start, name in _NOT_READ.items():
        if re.match(start, source.head, re.DOTALL | re.IGNORECASE):
            raise InputError(
                f"{source.name}: cannot be read: it looks like {name}, not an image of a kind that is read here; takes "
                f"{readable()}"
            )
    if kind_of(source.head) == "AVIF" and "AVIF" not in in_pillow():
        raise InputError(f"{source.name}: looks like AVIF or HEIC; takes AVIF with Pillow 11.3 or above, and no HEIC")


def unknown(head: bytes) -> str:
    """Why a parser did not know a file that has passed `check_kind`."""
    kind = kind_of(head)
    if kind == "AVIF":
        return f"it is a damaged AVIF file, or HEIC, which is not read here; takes {readable()}"
    if kind:
        return f"it is a damaged {kind} file, or of a variety that is not read here"
    return f"it is not an image of a kind that is read here; takes {readable()}"
