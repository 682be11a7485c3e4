"""The photograph of a session, as files hold it and as the page shows it."""

from __future__ import annotations

import io as streams
from dataclasses import dataclass

import numpy as np

from propmat import _inputs, _srgb, io
from propmat._typing import PathLike
from propmat.errors import InputError
from propmat.studio._reduced import means
from propmat.studio._types import Pixels

# Larger ones take more memory for an exact matte than most computers have.
MOST_PIXELS = 64_000_000

# Positions of strokes (`_messages.FARTHEST`) reach some times as far, for the page shows what is beside a picture, too.
LONGEST = 100_000

# The windows of the closed form, by which previews are made, have as many rows and columns.
LEAST_LENGTH = 3


@dataclass(frozen=True, eq=False)
class Photo:
    """Straight colours as stored, (H, W) or (H, W, 3), and what the meaning of their values depends on."""

    pixels: Pixels
    depth: int
    linear: bool
    metadata: io.Metadata

    @classmethod
    def read(cls, path: PathLike) -> Photo:
        """The photograph in a file; refused if it is none that a matte can be made of, or too large."""
        found = io.read(path)
        height, width = found.pixels.shape[:2]
        if height * width > MOST_PIXELS:
            raise InputError(f"image: has {height * width} pixels; takes up to {MOST_PIXELS}")
        if max(height, width) > LONGEST:
            raise InputError(f"image: is {height} x {width} pixels (height x width); takes sides of up to {LONGEST}")
        if min(height, width) < LEAST_LENGTH:
            raise InputError(f"image: is {height} x {width} pixels (height x width); takes at least 3 x 3")
        _inputs.image(found.pixels)  # refuses values that are no colours
        return cls(found.pixels, found.depth, found.linear, found.metadata)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.pixels.shape[:2]
        return height, width


def jpeg(pixels: Pixels, level: int, linear: bool) -> bytes:
    """A picture at a level, means of 2**level pixels, for the page."""
    small = means(pixels, 2**level)
    if small.dtype.kind == "f":
        small = np.clip(_srgb.from_linear(small.astype(np.float64)) if linear else small, 0, 1)
    file = streams.BytesIO()
    io.write_image(file, small, suffix=".jpg")
    return file.getvalue()
