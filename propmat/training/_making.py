"""Problems are made of samples by a job, in processes that need no PyTorch."""

from __future__ import annotations

import dataclasses
import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from propmat._foreground._estimate import foreground
from propmat._trimap import Trimap
from propmat.errors import InputError, PropmatWarning
from propmat.io._replacing import replace_file
from propmat.jobs._contract import Json
from propmat.matting._mattes import matte
from propmat.training._problem import Problem
from propmat.training._sources import Recipe, Source, recipes


@dataclass(frozen=True)
class Place:
    """One problem: the number of its source and its own in it, and its file."""

    name: str
    source: int
    number: int
    file: str
    key: str = ""

    @property
    def outputs(self) -> tuple[str, ...]:
        return (self.file,)


@dataclass(frozen=True)
class Making:
    """Makes problems of some sources, with mattes by these names."""

    data: tuple[Source, ...]
    seed: int
    mattes: tuple[str, ...]

    @property
    def configuration(self) -> dict[str, Json]:
        return {"what": "problems", "seed": self.seed, "mattes": self.mattes}

    def memory(self, item: Place) -> int:
        """Unknown, for sizes may be drawn."""
        return 0

    def __call__(self, item: Place) -> dict[str, Json]:
        _write(Path(item.file), _made(self._recipes[item.source][item.number], self.mattes))
        return {}

    @cached_property
    def _recipes(self) -> list[list[Recipe]]:
        return [list(recipes(source, self.seed)) for source in self.data]


def _made(recipe: Recipe, mattes: Sequence[str]) -> Problem:
    sample = recipe.make()
    if sample.alpha is None:
        raise InputError(f"data: {recipe.name} has no true matte to learn from")
    levels = np.rint(255 * sample.image.clip(0, 1)).astype(np.uint8)
    labels = Trimap.parse(sample.trimap)
    pixels, unknown = levels / 255, labels.unknown
    if unknown.all() or not unknown.any():
        raise InputError(f"data: {recipe.name} has no {'known' if unknown.all() else 'unknown'} pixel; change reach")
    front, behind = sample.foreground, sample.background
    if front is None or behind is None:
        front, behind = foreground(pixels, sample.alpha)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PropmatWarning)  # of odd trimaps; they are worth learning too
        planes = [matte(name, pixels, labels)[unknown] for name in mattes]
    half = np.float16
    return Problem(
        recipe.name,
        recipe.uses,
        recipe.plain,
        levels,
        (2 * labels.labels).astype(np.uint8),
        sample.alpha[unknown].astype(half),
        (front - behind)[unknown].astype(half),
        np.array(planes, dtype=half).reshape(len(mattes), np.count_nonzero(unknown)),
    )


def _write(path: Path, problem: Problem) -> None:
    given = {item.name: getattr(problem, item.name) for item in dataclasses.fields(problem)}
    content = io.BytesIO()
    np.savez_compressed(content, **given)
    replace_file(path, content.getvalue())
