"""What a clip is, and where results of it go."""

from __future__ import annotations

from collections.abc import Collection
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from propmat import io
from propmat._photographs._photograph import Photograph
from propmat.io._picture import Pixels
from propmat.video._pattern import Pattern
from propmat.video._pyav import Tags

Matte16: TypeAlias = NDArray[np.uint16]


class Clip(Protocol):
    """A sequence of frames with successive numbers.

    Attributes
    ----------
    numbers : range
        The numbers of the frames: those in the names of pictures; those of a movie count from 1.
    shape : (int, int)
        Height and width.
    tags : Tags
        Rate and colour of a movie.
    stamp : str
        Different if the files have changed.
    names : Pattern
        Names for pictures made of its frames.
    paths : collection of str
        Its files.
    """

    @property
    def numbers(self) -> range: ...

    @property
    def shape(self) -> tuple[int, int]: ...

    @property
    def tags(self) -> Tags: ...

    @property
    def stamp(self) -> str: ...

    @property
    def names(self) -> Pattern: ...

    @property
    def paths(self) -> Collection[str]: ...

    def read(self, number: int) -> Photograph:
        """The frame of a number, upright."""

    def seconds(self, numbers: range) -> list[Fraction]:
        """When each of some frames is shown, counted from the first of them."""


class Output(Protocol):
    """Where results go."""

    @property
    def work(self) -> Path:
        """A folder for what is needed to go on after an interruption."""

    def places(self, numbers: range) -> list[str]:
        """The paths of what there is in the end."""

    def there(self, number: int) -> bool:
        """Whether what was written for a frame is there."""

    def write(self, number: int, photograph: Photograph, matte: Matte16) -> None:
        """Write a frame, completely or not at all."""

    def finish(self, clip: Clip, numbers: range) -> None:
        """End when all frames are written."""


def png(pixels: Pixels, depth: int) -> bytes:
    """A grey picture as the bytes of a PNG file."""
    memory = BytesIO()
    io.write_image(memory, pixels, depth=depth)
    return memory.getvalue()
