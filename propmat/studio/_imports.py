"""Trimaps and masks that are laid under what is painted."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from propmat import _inputs, io, pictures
from propmat._trimap import Trimap
from propmat._trimap_making import trimap_from_mask
from propmat.errors import InputError
from propmat.studio._layers import Source
from propmat.studio._types import Bytes

KINDS = ("trimap", "mask")
BAND = "1%"


def labels(folder: Path, source: Source, shape: tuple[int, int]) -> Bytes:
    """Labels in 8 bits of a file in the folder of a picture."""
    if source.kind == "trimap":
        trimap = Trimap.parse(io.read_trimap(folder / source.file), shape)
    else:
        trimap = trimap_from_mask(_fitting(folder / source.file, shape), width=width_of(source.width))
    return np.where(trimap.foreground, 255, np.where(trimap.background, 0, 128)).astype(np.uint8)


def width_of(text: str) -> str | tuple[str, str]:
    """The width of a band as `trimap_from_mask` takes it; a comma is between those inside and outside."""
    inside, comma, outside = text.partition(",")
    return (inside, outside) if comma else inside


def _fitting(path: Path, shape: tuple[int, int]) -> np.ndarray:
    """A mask of the size of the picture, scaled if it has its aspect ratio."""
    mask = io.read_matte(path)
    if mask.shape == shape:
        return mask
    if not _inputs.same_aspect(mask.shape, shape):
        raise InputError(f"mask: shape {mask.shape} does not fit image of shape {shape}, nor a scaled copy of it")
    return pictures.scaled(mask, shape)
