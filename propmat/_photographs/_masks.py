"""Mattes, masks and trimaps of a photograph, and what to do about another size."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from propmat import _inputs, io, pictures
from propmat._photographs._places import Place
from propmat._trimap import Trimap
from propmat._trimap_making import trimap_from_mask
from propmat._typing import Array
from propmat.errors import InputError, PropmatWarning, warn
from propmat.matting._enlarged import checked_matte


def check_width(width: str | None, *, masked: bool = True) -> None:
    """Refuse text that is no width, and a width without a mask."""
    if width is None:
        return
    if not masked:
        raise InputError("width: goes with --mask; a trimap has its band")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PropmatWarning)
        from_mask(np.array([[0.0, 1.0]]), width)


def small_matte(place: Place, shape: tuple[int, int]) -> Array:
    """A matte to be upsampled to the shape of a photograph."""
    values = _inputs.plane(io.read_matte(place), "matte")
    with _advice(_turned("matte") if _inputs.same_aspect(values.shape[::-1], shape) else ""):
        return checked_matte(values, shape, "matte")


def labels(trimap: Place | None, mask: Place | None, width: str | None, image: Array) -> Trimap:
    """The trimap of `image`, given as such or as a mask."""
    if mask is not None:
        return from_mask(matte(mask, "mask", image), width)
    if trimap is None:
        raise InputError("trimap: is missing; give it, or a mask; the method late_fusion does without")
    values = _inputs.greys(io.read_trimap(trimap), "trimap")
    remedy = "; a trimap is not scaled: draw it at that size, or give a mask by --mask, which is"
    with _advice(remedy if _inputs.same_aspect(values.shape, image.shape) else _misfit("trimap", values, image)):
        return Trimap.parse(values, image.shape)


def matte(place: Place, name: str, image: Array) -> Array:
    """A matte or mask, scaled to `image` where it has its aspect ratio; `name` is that of the argument."""
    checked = _inputs.greys if name == "mask" else _inputs.plane
    values = checked(io.read_matte(place), name)
    height, width = image.shape[:2]
    if values.shape != (height, width) and _inputs.same_aspect(values.shape, image.shape):
        own = f"{values.shape[1]} x {values.shape[0]}"
        warn(f"{name}: its {own} pixels were scaled to the {width} x {height} of the photograph")
        return pictures.scaled(values, (height, width))
    with _advice(_misfit(name, values, image)):
        return _inputs.plane(values, name, (height, width))


def from_mask(mask: Array, width: str | None) -> Trimap:
    """The trimap of a mask; `width` is one number, or two with a comma between, inside and outside."""
    if width is None:
        return trimap_from_mask(mask)
    inside, comma, outside = width.partition(",")
    return trimap_from_mask(mask, width=(inside, outside if comma else inside))


def _misfit(name: str, values: Array, image: Array) -> str:
    """What to do about a matte, mask or trimap that is no scaled copy."""
    if _inputs.same_aspect(values.shape[::-1], image.shape):
        return _turned(name)
    return "; it is not a scaled copy either: scale or cut it as the photograph was when it was made"


def _turned(name: str) -> str:
    """What to do about a matte, mask or trimap that lies on its side."""
    return (
        f"; turned by 90 degrees it would: EXIF data turned the photograph, it seems, and not the {name}: turn it too"
    )


@contextmanager
def _advice(text: str) -> Iterator[None]:
    """Append advice to the message of an error."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{error}{text}") from None
