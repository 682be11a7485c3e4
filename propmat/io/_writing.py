"""Arrays to files, whole or not at all. What a file is to be, its suffix tells."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from propmat.errors import InputError
from propmat.io._openimageio import PathLike, complaint, openimageio, reason
from propmat.io._picture import Metadata


class _Kind(NamedTuple):
    """A format that is written: its name, depths, and options for Pillow (None: OpenImageIO's)."""

    name: str
    depths: tuple[int, ...]
    transparent: bool
    options: dict[str, Any] | None


_TIFF = _Kind("TIFF", (8, 16), True, {"compression": "tiff_adobe_deflate"})
_JPEG = _Kind("JPEG", (8,), False, {"quality": 95, "subsampling": 0})
_KINDS = {
    ".png": _Kind("PNG", (8, 16), True, {}),
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".webp": _Kind("WEBP", (8,), True, {"lossless": True, "exact": True}),
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".bmp": _Kind("BMP", (8,), False, {}),
    ".exr": _Kind("EXR", (8, 16), True, None),
    ".dpx": _Kind("DPX", (8, 16), False, None),
}


def write_image(
    target: PathLike | BinaryIO,
    array: np.ndarray,
    *,
    depth: int = 8,
    metadata: Metadata | None = None,
    suffix: str | None = None,
) -> None:
    """Write an image whole or not at all: only a finished file takes the place of an existing one.

    Numbers are clipped to [0, 1] and rounded to the nearest level, so that what is read back is
    within 0.5 / (2**depth - 1), JPEG apart. EXR stores float32, unclipped, with colours multiplied
    by alpha, as its readers expect.

    Parameters
    ----------
    target : str or os.PathLike
        The suffix tells the format: .png, .tif, .tiff, .webp (lossless), .jpg, .jpeg (quality 95),
        .bmp, .exr or .dpx.
    array : array_like, (H, W), (H, W, 3) or (H, W, 4)
        Grey, RGB, or RGB and straight (not multiplied) alpha; floating in [0, 1], uint8 or uint16.
    depth : {8, 16}
        Bits per sample; without meaning for EXR. EXR, DPX and colour of 16 bits need
        ``propmat[vfx]``.

    Raises
    ------
    InputError
        If suffix, array and depth do not fit each other, or the file cannot be written.
    MissingDependencyError
        If OpenImageIO is needed and not installed.

    Examples
    --------
    See `read_image`.
    """
    write_images({target: array}, depth=depth, metadata=metadata)


def write_images(arrays: Mapping[PathLike, np.ndarray], *, depth: int = 8, metadata: Metadata | None = None) -> None:
    """Write several images, all of them or none: what `write_image` does for one.

    Parameters
    ----------
    arrays : mapping of str or os.PathLike to array_like
        For each file what `write_image` takes.
    depth : {8, 16}
        As in `write_image`.

    Raises
    ------
    InputError, MissingDependencyError
        As `write_image` does.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from propmat.io import read_image, write_images
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_images({f"{folder}/black.png": np.zeros((1, 2)), f"{folder}/white.png": np.ones((1, 2))})
    ...     read_image(f"{folder}/white.png")
    array([[255, 255]], dtype=uint8)
    """
    with ExitStack() as finished:
        for path, array in arrays.items():
            finished.enter_context(_written(path, array, depth))


def check_output(
    target: PathLike | BinaryIO,
    *,
    depth: int = 8,
    transparent: bool = False,
    coloured: bool = False,
    suffix: str | None = None,
) -> None:
    """Raise what `write_image` would raise, before there are pixels.

    Parameters
    ----------
    target, depth, suffix
        As for `write_image`.
    transparent : bool
        Whether there will be an alpha channel.
    coloured : bool
        Whether there will be colours: 16 bits of colour need OpenImageIO, grey ones do not.
    """
    target = Path(target)
    _check_fit(target, _kind_for(target, target.suffix), np.zeros((1, 1, 4 if transparent else 3), np.uint8), depth)
    _check_target(target, target)


@contextmanager
def _written(path: PathLike, array: np.ndarray, depth: int) -> Iterator[None]:
    """Write the image beside its place, and move it there at the end if nothing failed."""
    target = Path(os.path.realpath(path))
    kind = _kind_for(path, target.suffix)
    pixels = _checked(array)
    _check_fit(path, kind, pixels, depth)
    _check_target(path, target)
    levels = _floats(pixels) if kind.name == "EXR" else _levels(pixels, depth)
    deep_colour = levels.ndim == 3 and levels.dtype != np.uint8
    save = _save_with_openimageio if kind.options is None or deep_colour else _save_with_pillow
    try:
        with _replacing(target) as temporary:
            save(temporary, levels, kind)
            yield
    except InputError:  # another file's
        raise
    except (OSError, ValueError) as error:  # encoders refuse sizes beyond their format with either
        raise InputError(f"{path}: cannot be written: {reason(error)}") from error


def _kind_for(path: PathLike, suffix: str) -> _Kind:
    if suffix.lower() not in _KINDS:
        raise InputError(f"{path}: no format has suffix {suffix!r}; takes {', '.join(_KINDS)}")
    return _KINDS[suffix.lower()]


def _checked(array: np.ndarray) -> np.ndarray:
    array = np.asarray(array)
    if array.ndim not in (2, 3) or array.shape[2:] not in ((), (3,), (4,)) or not array.size:
        raise InputError(f"array: shape {array.shape}; takes (H, W), (H, W, 3) or (H, W, 4)")
    native = array.dtype.newbyteorder("=")
    if native.kind != "f" and native not in (np.uint8, np.uint16):
        raise InputError(f"array: dtype {array.dtype}; takes floating, uint8 or uint16")
    return array.astype(native, copy=False)


def _check_fit(path: PathLike, kind: _Kind, pixels: np.ndarray, depth: int) -> None:
    if depth not in (8, 16):
        raise InputError(f"depth: {depth!r}; takes 8 or 16")
    if depth not in kind.depths:
        fit = ", ".join(suffix for suffix, other in _KINDS.items() if depth in other.depths)
        raise InputError(f"{path}: {kind.name} holds no {depth} bits; formats that do: {fit}")
    if pixels.shape[2:] == (4,) and not kind.transparent:
        fit = ", ".join(suffix for suffix, other in _KINDS.items() if other.transparent)
        raise InputError(f"{path}: {kind.name} holds no transparency; formats that do: {fit}")
    if kind.name != "EXR" and pixels.dtype.kind == "f" and np.isnan(pixels).any():
        count = np.isnan(pixels).sum()
        raise InputError(f"array: {count} values are NaN, which {kind.name} cannot hold")


def _check_target(path: PathLike, target: Path) -> None:
    if not os.path.isdir(target.parent):
        raise InputError(f"{path}: there is no folder {target.parent} to write into")
    if os.path.exists(target) and not os.path.isfile(target):
        raise InputError(f"{path}: is a directory or a device, not a file to replace")


def _floats(pixels: np.ndarray) -> np.ndarray:
    if pixels.dtype.kind == "u":
        pixels = pixels / np.iinfo(pixels.dtype).max
    if pixels.shape[2:] == (4,):
        pixels = np.concatenate([pixels[..., :3] * pixels[..., 3:], pixels[..., 3:]], axis=2)
    return np.ascontiguousarray(pixels, np.float32)


def _levels(pixels: np.ndarray, depth: int) -> np.ndarray:
    """Round to integer levels; truncation would darken the picture by half a level."""
    dtype = np.dtype(f"uint{depth}")
    if pixels.dtype == dtype:
        return np.ascontiguousarray(pixels)
    if pixels.dtype.kind == "u":
        pixels = pixels / np.iinfo(pixels.dtype).max
    wide = pixels.astype(np.promote_types(pixels.dtype, np.float32), copy=False)
    return np.rint(np.clip(wide, 0, 1) * np.iinfo(dtype).max).astype(dtype, order="C")


@contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    """Lend a name beside `target` and move it there at the end; if that fails, nothing stays."""
    # Not from tempfile, whose files only their owner may read. OpenImageIO goes by the suffix.
    temporary = target.with_name(f".{secrets.token_hex(8)}{target.suffix}")
    try:
        yield temporary
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def _save_with_pillow(path: Path, levels: np.ndarray, kind: _Kind) -> None:
    from PIL import Image

    with open(path, "xb") as file:
        Image.fromarray(levels).save(file, format=kind.name, **kind.options or {})


def _save_with_openimageio(path: Path, levels: np.ndarray, kind: _Kind) -> None:
    oiio = openimageio(f"writing {kind.name}, or colour of 16 bits,")
    height, width = levels.shape[:2]
    pixels = levels.reshape(height, width, -1)
    number = "float" if kind.name == "EXR" else str(levels.dtype)
    spec = oiio.ImageSpec(width, height, pixels.shape[2], number)
    spec.attribute("oiio:UnassociatedAlpha", 1)  # the colours are what is to be stored
    output = oiio.ImageOutput.create(str(path))
    if output is None:
        raise OSError(complaint(oiio))
    if not (output.open(str(path), spec) and output.write_image(pixels) and output.close()):
        raise OSError(complaint(output))
