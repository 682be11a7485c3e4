"""Pictures as bytes, of Pillow or as arrays, and cut-outs of the same kind."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from propmat import _inputs
from propmat._typing import Array, ArrayLike
from propmat.errors import InputError, shown, warn
from propmat.io._picture import Pixels, full_scale, opaque, profile_fits
from propmat.io._reading import read
from propmat.io._writing import write_image
from propmat.pictures._colours import coloured

if TYPE_CHECKING:
    import PIL.Image

Data: TypeAlias = "bytes | PIL.Image.Image | ArrayLike"
Cutout: TypeAlias = "bytes | PIL.Image.Image | Pixels"


@dataclass(frozen=True, eq=False)
class Photograph:
    """Upright colours without transparency, and how to return a cut-out of the kind that was given.

    Attributes
    ----------
    colours : (H, W, 3) array of float64
        In [0, 1], encoded as given.
    returned : callable
        A cut-out, straight colours and alpha (H, W, 4) in [0, 1], as what `remove` returns.
    """

    colours: Array
    returned: Callable[[Array], Cutout] = field(repr=False)

    @classmethod
    def of(cls, data: Data) -> Photograph:
        """Read what `remove` takes."""
        from PIL import Image

        if isinstance(data, (bytes, bytearray, memoryview)):
            return _of_file(bytes(data))
        if isinstance(data, (str, os.PathLike)) or hasattr(data, "read"):
            raise InputError(f"data: takes the content of a file, read as bytes, or a picture, got {shown(data)}")
        return _of_pillow(data) if isinstance(data, Image.Image) else _of_array(data)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        height, width = self.colours.shape[:2]
        return width, height

    def shown(self, size: tuple[int, int]) -> PIL.Image.Image:
        """The picture as a network takes it: RGB of 8 bits, resized as rembg does if it is of another size."""
        from PIL import Image

        picture = Image.fromarray(_levels(self.colours, np.uint8))
        return picture if picture.size == size else picture.resize(size, Image.Resampling.LANCZOS)


class _File(io.BytesIO):
    """The content of a file, named in messages by its argument."""

    name = "data"


def _of_file(content: bytes) -> Photograph:
    picture = read(_File(content))
    if picture.linear:
        raise InputError("data: holds linear light, which networks do not take; convert it to sRGB")
    if picture.alpha is not None:
        _tell_ignored()
    depth = 8 if picture.depth == 8 else 16

    def returned(cutout: Array) -> bytes:
        file = io.BytesIO()
        write_image(file, cutout, depth=depth, metadata=picture.metadata)
        return file.getvalue()

    return Photograph(_colours(picture.pixels), returned)


def _of_pillow(image: PIL.Image.Image) -> Photograph:
    from PIL import Image, ImageOps

    upright = ImageOps.exif_transpose(image)
    if upright.has_transparency_data and not opaque(np.asarray(upright.convert("RGBA"))[:, :, 3]):
        _tell_ignored()
    deep = upright.mode.startswith(("I", "F"))
    if deep:
        warn(
            f"data: is a picture of mode {upright.mode}, and the cut-out of 8 bits; pass the file's bytes to keep more"
        )
    profile = image.info.get("icc_profile") if upright.mode.startswith(("RGB", "P")) else None

    def returned(cutout: Array) -> PIL.Image.Image:
        made = Image.fromarray(_levels(cutout, np.uint8))
        if profile is not None and profile_fits(profile, grey=False):
            made.info["icc_profile"] = profile
        return made

    pixels = np.asarray(upright if deep else upright.convert("RGB"))
    return Photograph(_colours(_unsigned(pixels) if upright.mode == "I" else pixels), returned)


def _unsigned(pixels: Pixels) -> Pixels:
    """32 bits of mode I as the 16 that they usually hold: older Pillow reads grey files of 16 bits so."""
    fits = 0 <= pixels.min() <= pixels.max() <= np.iinfo(np.uint16).max
    return pixels.astype(np.uint16) if fits else pixels


def _of_array(data: ArrayLike) -> Photograph:
    pixels = _inputs.as_array(data, "data")
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        if not opaque(pixels[:, :, 3]):
            _tell_ignored()
        pixels = pixels[:, :, :3]
    colours = _colours(pixels)

    def returned(cutout: Array) -> Pixels:
        return _levels(cutout, pixels.dtype.type if pixels.dtype.kind in "uf" else np.uint8)

    return Photograph(colours, returned)


def _colours(pixels: Pixels) -> Array:
    return np.clip(coloured(_inputs.image(pixels, "data"), "data"), 0.0, 1.0)


def _tell_ignored() -> None:
    warn("data: has transparency of its own, which was ignored")


def _levels(values: Array, kind: type[np.generic]) -> Pixels:
    """Values in [0, 1] as numbers of a type: rounded to its nearest level, or as they are in a floating one."""
    like = np.empty(0, kind)
    scaled = full_scale(like) * values
    return (np.rint(scaled) if like.dtype.kind == "u" else scaled).astype(kind)
