"""Files that OpenImageIO reads: formats of film, and those that Pillow would reduce to 8 bits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from propmat.errors import InputError
from propmat.io import _png, _tiff
from propmat.io._kinds import kind_of, suffix_of, unknown
from propmat.io._limits import check_samples, check_size, check_tiles
from propmat.io._openimageio import check_openimageio, complaint
from propmat.io._picture import SEVERAL, Decoded, Metadata, Pixels, sensible
from propmat.io._source import Source
from propmat.io._tiff import Tags

if TYPE_CHECKING:
    from OpenImageIO import ImageInput, ImageSpec

# Names of channels in lower case, and what they hold.
_MEANINGS = {"r": "R", "red": "R", "g": "G", "green": "G", "b": "B", "blue": "B", "a": "A", "alpha": "A"}

_DEPTHS = {"uint8": 8, "uint16": 16, "half": 16}

# Formats whose colours are multiplied by alpha whenever there is one, as those write that film tools make.
_ASSOCIATED = ("EXR", "DPX", "Radiance HDR")


def decode(source: Source, tags: Tags | None) -> Decoded:
    """Read with OpenImageIO; `tags` are those of TIFF, else None."""
    check_openimageio(f"{source.name}: a file of this format or depth")
    import OpenImageIO as oiio

    as_stored = oiio.ImageSpec()
    as_stored.attribute("oiio:UnassociatedAlpha", 1)  # do not multiply colours by alpha
    with source.on_disk(suffix_of(kind_of(source.head))) as path:
        file = oiio.ImageInput.open(path, as_stored)
        if file is None:
            told = complaint(oiio)
            raise ValueError(unknown(source.head) if "could not find a format reader" in told else told)
        try:
            return _decoded(source, file, tags)
        finally:
            file.close()


def _decoded(source: Source, file: ImageInput, tags: Tags | None) -> Decoded:
    spec = file.spec()
    _check(source.name, spec)
    colours, alpha, remarks = _channels(source.name, spec)
    first, last = min(*colours, *alpha, spec.nchannels - 1), max(*colours, *alpha, 0)
    pixels = file.read_image(0, 0, first, last + 1, "unknown" if _is_kept(spec) else "float")
    if pixels is None:
        raise ValueError(complaint(file))
    shown = _displayed(pixels.reshape(spec.height, spec.width, -1), spec)
    depth = _DEPTHS.get(str(spec.format), 32)
    remarks += (SEVERAL,) if file.seek_subimage(1, 0) else ()
    is_png = kind_of(source.head) == "PNG"  # of which OpenImageIO finds the orientation only before the pixels
    orientation = _png.orientation_of(source.file) if is_png else spec.get_int_attribute("Orientation", 1)
    associated, metadata = _is_associated(source, tags), _metadata(source, spec, tags)
    picked = [_picked(shown, [channel - first for channel in wanted]) for wanted in (colours, alpha) if wanted]
    return Decoded(picked[0], picked[1] if alpha else None, depth, remarks, orientation, associated, metadata)


def _is_kept(spec: ImageSpec) -> bool:
    """Whether samples stay integers."""
    return str(spec.format) in ("uint8", "uint16")


def _check(name: str, spec: ImageSpec) -> None:
    sample = 2 if str(spec.format) in ("uint16", "uint8") else 4
    for width, height in ((spec.width, spec.height), (spec.full_width, spec.full_height)):
        check_size(name, width, height)
        check_samples(name, width, height, spec.nchannels, sample)
    check_tiles(name, spec.width, spec.height, spec.tile_width, spec.tile_height)
    if spec.deep:
        raise InputError(f"{name}: has depth samples (deep EXR); takes flat images")


def _channels(name: str, spec: ImageSpec) -> tuple[list[int], list[int], tuple[str, ...]]:
    """Channels of colours, one or three, and of alpha, one or none, and remarks on what is not read.

    They are those of one layer: that without a name, else the first that has colours. A lone channel is grey, whatever
    its name.
    """
    names, alpha = list(spec.channelnames), spec.alpha_channel
    others = [i for i in range(spec.nchannels) if i not in (alpha, spec.z_channel)]
    if spec.nchannels == 1 or (alpha >= 0 and not others):
        return [max(alpha, 0)], [], ()
    layers = _layers(names)
    coloured = [layer for layer, found in layers.items() if found.keys() >= set("RGB")]
    layer = "" if not coloured or "" in coloured else coloured[0]
    remarks = (f"holds layers {', '.join(coloured)}; {layer} was read",) if layer and len(coloured) > 1 else ()
    if alpha >= 0 and names[alpha].rpartition(".")[0] != layer:
        alpha = layers[layer].get("A", -1)
    colours = [layers[layer][colour] for colour in "RGB"] if coloured else _greys(name, names, others)
    return colours, [alpha] if alpha >= 0 else [], remarks


def _layers(names: Sequence[str]) -> dict[str, dict[str, int]]:
    """Channels by layer and meaning: "diffuse.red" is R of the layer "diffuse"."""
    layers: dict[str, dict[str, int]] = {"": {}}
    for index, name in enumerate(names):
        layer, _, channel = name.rpartition(".")
        meaning = _MEANINGS.get(channel.lower(), channel)
        layers.setdefault(layer, {}).setdefault(meaning, index)
    return layers


def _greys(name: str, names: Sequence[str], others: Sequence[int]) -> list[int]:
    """The channels of a file without R, G and B in any layer."""
    if {"RY", "BY"} <= set(names):
        raise InputError(f"{name}: has luminance and chroma, channels {tuple(names)}; takes R, G, B")
    if "Y" in names:
        return [names.index("Y")]
    if len(others) not in (1, 3):
        raise InputError(f"{name}: has channels {tuple(names)}; takes one (grey) or R, G, B")
    return list(others)


def _picked(pixels: Pixels, channels: Sequence[int]) -> Pixels:
    if len(channels) == 1:
        return pixels[..., channels[0]]
    neighbours = list(channels) == list(range(channels[0], channels[0] + len(channels)))
    return pixels[..., channels[0] : channels[0] + len(channels)] if neighbours else pixels[..., channels]


def _displayed(pixels: Pixels, spec: ImageSpec) -> Pixels:
    """Place the window that is stored (data window) in the one that is shown (display window)."""
    top, left = spec.y - spec.full_y, spec.x - spec.full_x
    if (top, left, spec.width, spec.height) == (0, 0, spec.full_width, spec.full_height):
        return pixels
    shown = np.zeros((spec.full_height, spec.full_width, pixels.shape[2]), pixels.dtype)
    below, right = max(top + spec.height, 0), max(left + spec.width, 0)
    window = shown[max(top, 0) : below, max(left, 0) : right]
    stored = pixels[max(-top, 0) :, max(-left, 0) :]
    window[...] = stored[: window.shape[0], : window.shape[1]]
    return shown


def _is_associated(source: Source, tags: Tags | None) -> bool:
    kind = kind_of(source.head)
    if tags is not None:
        return _tiff.is_associated(tags)
    return kind in _ASSOCIATED or (kind == "JPEG 2000" and _jpeg2000_is_associated(source))


def _jpeg2000_is_associated(source: Source) -> bool:
    """Channel definition box (ISO/IEC 15444-1, I.5.3.6): a channel of type 2 is premultiplied opacity."""
    source.file.seek(0)
    found = re.search(rb"cdef(..)((?:.{6})*)", source.file.read(2**16), re.DOTALL)
    if found is None:
        return False
    count = int.from_bytes(found[1], "big")
    return any(found[2][6 * i + 2 : 6 * i + 4] == b"\0\2" for i in range(min(count, len(found[2]) // 6)))


def _metadata(source: Source, spec: ImageSpec, tags: Tags | None) -> Metadata:
    if tags is not None:
        return _tiff.metadata_of(tags)
    if kind_of(source.head) == "PNG":
        return _png.metadata_of(source.file)
    claims = {}
    for field, name, parse in (("icc_profile", "ICCProfile", bytes), ("chromaticities", "chromaticities", tuple)):
        value = spec.getattribute(name)
        if value is not None:
            claims[field] = (parse, value)
    return sensible(claims)
