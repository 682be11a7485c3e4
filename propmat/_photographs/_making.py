"""What is asked for of one photograph, and the pictures that are made of it."""

from __future__ import annotations

import warnings
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from propmat import io, pictures
from propmat._photographs import _masks, _photograph
from propmat._photographs._places import Place
from propmat._solve._matte import Matte
from propmat._trimap import Trimap
from propmat._typing import Array, PathLike
from propmat.errors import PropmatWarning
from propmat.io._picture import Pixels
from propmat.solvers._base import Callback


class Solving(Protocol):
    """Gives the callback of a solve, or of a network that answers in steps."""

    def __call__(self, in_steps: bool = False) -> AbstractContextManager[Callback | None]: ...


def silently(in_steps: bool = False) -> AbstractContextManager[None]:
    """No callback."""
    return nullcontext()


class Matting(Protocol):
    """How a matte is computed: a method with its settings."""

    @property
    def needs_labels(self) -> bool:
        """Whether there must be a trimap or a mask."""

    def check(self) -> None:
        """Refuse settings that the method does not take."""

    def solve(self, image: Array, labels: Trimap, depth: int, solving: Solving = silently) -> Matte:
        """The matte, as accurate as `depth` bits ask for; `solving` gives a callback of the solver."""


@dataclass(frozen=True)
class Wanted:
    """A matte or a cut-out of the photograph `image`, from a trimap or from a mask with the width of its band."""

    image: Place
    output: Place
    method: Matting
    trimap: Place | None = None
    mask: Place | None = None
    width: str | None = None
    depth: int | None = None
    background: Place | None = None
    """Of a cut-out, instead of transparency: a colour of CSS, or a picture."""

    def check(self) -> None:
        """Refuse settings that no photograph could be treated with."""
        _masks.check_width(self.width, masked=self.mask is not None)
        self.method.check()
        _photograph.check_background(self.background)


@dataclass(frozen=True, eq=False)
class Made:
    """Pictures by their places, and where a matte was solved for, how that went."""

    pictures: dict[Place, Pixels]
    depth: int
    metadata: io.Metadata
    labels: Trimap | None = None
    solution: Matte | None = None

    def write_files(self) -> None:
        """Write all pictures that go to files, or none of them."""
        files: dict[PathLike, Pixels] = {
            place: pixels for place, pixels in self.pictures.items() if isinstance(place, (str, Path))
        }
        if files:
            with warnings.catch_warnings():
                # What colours are converted to on the way to EXR has been said.
                warnings.filterwarnings("ignore", ".*EXR does not hold the", PropmatWarning)
                io.write_images(files, depth=self.depth, metadata=self.metadata)


def alpha(wanted: Wanted, solving: Solving = silently) -> Made:
    """The matte of a photograph."""
    photograph = _photograph.read(wanted.image)
    labels = _labels(wanted, photograph.image)
    depth = _photograph.depth(wanted.depth, photograph, [wanted.output])
    solution = wanted.method.solve(_photograph.bounded(photograph), labels, depth, solving)
    metadata = io.Metadata(resolution=photograph.metadata.resolution)
    return Made({wanted.output: solution.alpha}, depth, metadata, labels, solution)


def cutout(wanted: Wanted, solving: Solving = silently) -> Made:
    """The foreground with its matte, or over a new background."""
    photograph = _photograph.read(wanted.image)
    labels = _labels(wanted, photograph.image)
    transparent = wanted.background is None
    depth = _photograph.depth(wanted.depth, photograph, [wanted.output], transparent=transparent, coloured=True)
    background = _photograph.background(wanted.background, photograph)
    solution = wanted.method.solve(_photograph.bounded(photograph), labels, depth, solving)
    colours = pictures.colours(_photograph.layers(photograph, solution.alpha)[0])
    if background is not None:
        colours = pictures.over(colours, solution.alpha, background)
    written = _photograph.converted({wanted.output: colours}, photograph)[wanted.output]
    picture = np.dstack([written, solution.alpha]) if background is None else written
    return Made({wanted.output: picture}, depth, photograph.metadata, labels, solution)


def _labels(wanted: Wanted, image: Array) -> Trimap:
    if wanted.trimap is None and wanted.mask is None and not wanted.method.needs_labels:
        return Trimap.unlabelled((image.shape[0], image.shape[1]))
    return _masks.labels(wanted.trimap, wanted.mask, wanted.width, image)


def foreground(image: Place, matte: Place, outputs: list[Place], depth: int | None, *, linear: bool = False) -> Made:
    """The colours of the foreground of a photograph with a known matte, and, of two outputs, those behind it."""
    photograph = _photograph.read(image)
    alpha = _masks.matte(matte, "alpha", photograph.image)
    bits = _photograph.depth(depth, photograph, outputs, coloured=photograph.image.ndim == 3)
    layers = _photograph.layers(photograph, alpha, linear=linear)
    written = _photograph.converted(dict(zip(outputs, layers, strict=False)), photograph)
    return Made(written, bits, photograph.metadata)
