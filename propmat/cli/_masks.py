"""Mattes, masks and trimaps of a photograph, and what to do about another size."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from propmat import _inputs, io, pictures
from propmat._trimap import Trimap
from propmat._trimap_making import trimap_from_mask
from propmat._typing import Array
from propmat.cli import _names
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


def small_matte(path: str, shape: tuple[int, int]) -> Array:
    """A matte to be upsampled to the shape of a photograph."""
    values = _inputs.plane(io.read_matte(_names.source(path)), "matte")
    with _advice(_turned("matte") if _inputs.same_aspect(values.shape[::-1], shape) else ""):
        return checked_matte(values, shape, "matte")


def labels(arguments: argparse.Namespace, image: Array) -> Trimap:
    """The trimap of `image`, given as such or as a mask; with a matte there may be none."""
    if arguments.trimap is None and arguments.matte is not None:
        return Trimap.unlabelled(image.shape[:2])
    if arguments.mask is not None:
        return from_mask(matte(arguments.mask, "mask", image), arguments.width)
    values = _inputs.greys(io.read_trimap(_names.source(arguments.trimap)), "trimap")
    remedy = "; a trimap is not scaled: draw it at that size, or give a mask by --mask, which is"
    with _advice(remedy if _inputs.same_aspect(values.shape, image.shape) else _misfit("trimap", values, image)):
        return Trimap.parse(values, image.shape)


def matte(path: str, name: str, image: Array) -> Array:
    """A matte or mask, scaled to `image` where it has its aspect ratio; `name` is that of the argument."""
    checked = _inputs.greys if name == "mask" else _inputs.plane
    values = checked(io.read_matte(_names.source(path)), name)
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
