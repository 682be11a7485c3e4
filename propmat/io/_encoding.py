"""An array to the bytes of a file: checked, rounded to the levels of the format, and encoded."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from propmat import _inputs
from propmat._typing import ArrayLike
from propmat.errors import InputError, PropmatError
from propmat.io import _png
from propmat.io._formats import Output, check_fit, check_metadata, needs_openimageio, storable
from propmat.io._openimageio import check_openimageio, complaint
from propmat.io._picture import Metadata, Pixels
from propmat.io._source import reason

if TYPE_CHECKING:
    from OpenImageIO import ImageSpec


@contextmanager
def failing_to_write(name: str) -> Iterator[None]:
    """Turn errors of encoders and the system into `InputError`."""
    try:
        yield
    except (PropmatError, BrokenPipeError):
        raise
    except MemoryError as error:
        raise InputError(f"{name}: cannot be written: there is too little memory for it") from error
    except Exception as error:  # encoders raise various exceptions for sizes beyond their format
        raise InputError(f"{name}: cannot be written: {reason(error)}") from error


def encoded_file(output: Output, array: ArrayLike, depth: int, metadata: Metadata | None) -> bytes:
    """The bytes of the file."""
    pixels = _checked(array)
    check_metadata(metadata)
    check_fit(output, depth, pixels.shape[2:] == (4,), pixels.shape[:2])
    _check_range(pixels, output)
    kept = storable(output, metadata, pixels)
    levels = _floats(pixels) if output.format.name == "EXR" else _levels(pixels, depth)
    encode = _with_openimageio if needs_openimageio(output.format, depth, levels.ndim == 3) else _with_pillow
    with failing_to_write(output.name):
        if output.format.name == "PNG":  # its chunks are put in afterwards
            return _png.with_metadata(encode(levels, output, Metadata()), kept)
        return encode(levels, output, kept)


def _checked(value: object) -> Pixels:
    """A picture's array of native byte order; bool becomes 0 and 255."""
    _inputs.in_memory(value, "array", None)
    array = _inputs.as_array(value, "array")
    if array.ndim not in (2, 3) or array.shape[2:] not in ((), (3,), (4,)) or not array.size:
        raise InputError(f"array: shape {array.shape}; takes (H, W), (H, W, 3) or (H, W, 4)")
    native = array.dtype.newbyteorder("=")
    if native.kind == "b":
        levels: Pixels = array * np.uint8(255)
        return levels
    if native.kind in "iu" and native not in (np.uint8, np.uint16):
        remedy = "if they go up to 255, pass array.astype(numpy.uint8); if they are 0 and 1, array.astype(bool)"
        raise InputError(f"array: dtype {array.dtype}; takes floating, uint8 or uint16, or bool: {remedy}")
    if native.kind != "f" and native not in (np.uint8, np.uint16):
        raise InputError(f"array: dtype {array.dtype}; takes floating, uint8 or uint16, or bool")
    return array.astype(native, copy=False)


def _check_range(pixels: Pixels, output: Output) -> None:
    """Refuse floating numbers that have no level, and those of another scale."""
    if pixels.dtype.kind != "f" or output.format.name == "EXR":
        return
    low, high = pixels.min(), pixels.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        what, bad = ("NaN", np.isnan(pixels)) if np.isnan(low) else ("infinite", np.isinf(pixels))
        raise InputError(f"array: {np.count_nonzero(bad)} values are {what}, which {output.format.name} cannot hold")
    if low < -_inputs.OVERSHOOT or high > 1 + _inputs.OVERSHOOT:
        raise InputError(
            f"array: floating values are in [0, 1], got {low:g} to {high:g}. Divide by the value of white (255 for "
            f"8 bits), or pass uint8 or uint16; light above white is for .exr"
        )


def _floats(pixels: Pixels) -> Pixels:
    """float32, multiplied by alpha; values beyond its range are refused unless they are infinite already."""
    if pixels.dtype.kind == "u":
        pixels = np.divide(pixels, np.iinfo(pixels.dtype).max, dtype=np.float32)
    with np.errstate(all="ignore"):
        if pixels.shape[2:] == (4,):
            pixels = np.concatenate([pixels[..., :3] * pixels[..., 3:], pixels[..., 3:]], axis=2)
        single = np.ascontiguousarray(pixels, np.float32)
    if pixels.dtype.itemsize > 4 and (np.isinf(single) & ~np.isinf(pixels)).any():
        raise InputError(f"array: EXR holds values up to {np.finfo(np.float32).max:g}, got {np.nanmax(abs(pixels)):g}")
    return single


def _levels(pixels: Pixels, depth: int) -> Pixels:
    """Round to integer levels; truncation would darken the picture by half a level."""
    dtype = np.dtype(f"uint{depth}")
    if pixels.dtype == dtype:
        return np.ascontiguousarray(pixels)
    if pixels.dtype.kind == "u":
        pixels = pixels / np.iinfo(pixels.dtype).max
    wide = pixels.astype(np.promote_types(pixels.dtype, np.float32), copy=False)
    with np.errstate(all="ignore"):
        levels: Pixels = np.rint(np.clip(wide, 0, 1) * np.iinfo(dtype).max)
        return levels.astype(dtype, order="C")


def _with_pillow(levels: Pixels, output: Output, metadata: Metadata) -> bytes:
    from PIL import Image

    options = dict(output.format.options or {})
    options |= {"icc_profile": metadata.icc_profile} if metadata.icc_profile else {}
    options |= {"dpi": metadata.resolution} if metadata.resolution else {}
    file = io.BytesIO()
    Image.fromarray(levels).save(file, format=output.format.name, **options)
    return file.getvalue()


def _with_openimageio(levels: Pixels, output: Output, metadata: Metadata) -> bytes:
    check_openimageio(f"writing {output.format.name}, or colour of 16 bits,")
    import OpenImageIO as oiio

    height, width = levels.shape[:2]
    pixels = levels.reshape(height, width, -1)
    spec = oiio.ImageSpec(width, height, pixels.shape[2], str(levels.dtype).replace("float32", "float"))
    spec.attribute("oiio:UnassociatedAlpha", 1)  # the colours are what is to be stored
    spec.attribute("DateTime", "")  # no time, so that the same picture makes the same file
    _describe(spec, metadata)
    with tempfile.TemporaryDirectory(prefix="propmat-") as folder:
        path = Path(folder, f"picture{output.suffix}")
        writer = oiio.ImageOutput.create(str(path))
        if writer is None:
            raise OSError(complaint(oiio))
        if not (writer.open(str(path), spec) and writer.write_image(pixels) and writer.close()):
            raise OSError(complaint(writer))
        encoded = path.read_bytes()
    return _without_name(encoded) if output.format.name == "DPX" else encoded


def _without_name(dpx: bytes) -> bytes:
    """DPX without the name of the temporary file in its header (SMPTE 268M, field 5, 100 bytes from 36)."""
    return dpx[:36] + bytes(100) + dpx[136:]


def _describe(spec: ImageSpec, metadata: Metadata) -> None:
    """Metadata as OpenImageIO names it."""
    import OpenImageIO as oiio

    if metadata.icc_profile is not None:
        profile = np.frombuffer(metadata.icc_profile, np.uint8)
        spec.attribute("ICCProfile", oiio.TypeDesc(f"uint8[{profile.size}]"), profile)
    if metadata.resolution is not None:
        across, down = metadata.resolution
        spec.attribute("ResolutionUnit", "in")
        spec.attribute("XResolution", float(across))
        spec.attribute("YResolution", float(down))
        spec.attribute("PixelAspectRatio", down / across)  # else both would be as across
    if metadata.chromaticities is not None:
        spec.attribute("chromaticities", oiio.TypeDesc("float[8]"), tuple(metadata.chromaticities))
