"""Sources of pictures, and from them to single problems: names first, pictures when they are asked for."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any

import numpy as np

from propmat._foreground._estimate import foreground
from propmat._inputs._numbers import integer, within
from propmat._inputs._settings import choice, known_names
from propmat._trimap import Trimap
from propmat.datasets._augmentation import Augmentation
from propmat.datasets._composites import composites
from propmat.datasets._folder import alphamatting, folder
from propmat.datasets._patterns import files, folder_of, pattern_of
from propmat.datasets._placed import placed
from propmat.datasets._rendered import backgrounds, rendered
from propmat.datasets._sample import Sample
from propmat.datasets._samples import Samples
from propmat.datasets._synthetic import synthetic
from propmat.errors import InputError, about, shown
from propmat.pictures._colours import colours
from propmat.pictures._resampling import fitted

Make = Callable[[], Sample]


@dataclass(frozen=True)
class Source:
    """Where pictures come from: a data set by its name in `propmat.datasets`, and what is made of it."""

    source: str
    root: str = ""
    trimaps: tuple[int, ...] = (1, 2)  # of alphamatting
    patterns: dict[str, str] = field(default_factory=dict)  # of folder: image, trimap, alpha
    foregrounds: str = ""  # of composites: patterns of files, under root
    alphas: str = ""
    backgrounds: str = ""  # of composites: such a pattern; of rendered and salient: the folder with credits.csv
    kinds: tuple[str, ...] = ()  # of rendered and salient; all by default
    augmentation: dict[str, Any] = field(default_factory=dict)  # of all composites: ranges, see Augmentation
    count: int = 0  # of synthetic scenes, or composites of each foreground
    shape: tuple[int, int] = (360, 480)  # of synthetic scenes; of salient ones in either orientation
    composites: int = 0  # of each picture, over others of this source
    scale: tuple[float, float] = (0.5, 1.0)  # of composites, and of salient foregrounds in their pictures
    reach: tuple[int, int] = (3, 20)  # of the trimaps of composites

    def __post_init__(self) -> None:
        takes = SETTINGS[choice(self.source, "source", SETTINGS)]
        for name in ("foregrounds", "alphas", "backgrounds", "count"):
            if name in takes and not getattr(self, name):
                raise InputError(f"data: a source {self.source!r} takes {name}, which is missing or empty")
        for name, most in {"count": 10**6, "composites": 10**4}.items():
            integer(getattr(self, name), name, 0, most)
        numbers = {integer(number, "trimaps", 1, 3) for number in self.trimaps}
        if not numbers or len(numbers) < len(self.trimaps):
            raise InputError(f"trimaps: takes different numbers out of 1, 2, 3, got {shown(self.trimaps)}")
        known_names(self.patterns, ["image", "trimap", "alpha"], "patterns", "pattern")
        for side in self.shape:
            integer(side, "shape", 16, 2**12)
        _ascending("scale", *(within(value, "scale", 0.01, 1) for value in self.scale))
        _ascending("reach", *(integer(value, "reach", 1, 10**4) for value in self.reach))
        _augmentation(self)


def _ascending(name: str, least: float, most: float) -> None:
    if least > most:
        raise InputError(f"{name}: takes (least, most), got ({least:g}, {most:g})")


def _augmentation(source: Source) -> Augmentation:
    """The ranges that are given, the others as by default; TOML has no None, and an empty list stands for it."""
    names = [item.name for item in fields(Augmentation)]
    known_names(source.augmentation, names, "augmentation", "range")
    ranges: dict[str, Any] = {name: None if ends == [] else ends for name, ends in source.augmentation.items()}
    return Augmentation(**ranges)


# What each source has beside source, composites, scale and reach.
SETTINGS: dict[str, tuple[str, ...]] = {
    "alphamatting": ("root", "trimaps"),
    "folder": ("root", "patterns"),
    "synthetic": ("count", "shape"),
    "composites": ("root", "foregrounds", "alphas", "backgrounds", "count", "augmentation"),
    "rendered": ("root", "backgrounds", "count", "kinds", "augmentation"),
    "salient": ("root", "backgrounds", "count", "kinds", "augmentation", "shape"),
}


@dataclass(frozen=True)
class Recipe:
    """How a problem is made, and which pictures show in it; a plain one is a picture as it came."""

    name: str
    uses: tuple[str, ...]
    plain: bool
    make: Make


def recipes(source: Source, seed: int) -> Iterator[Recipe]:
    """Every problem of a source: pictures as they came, then composites of each over some others."""
    plain = list(SOURCES[source.source](source, seed))
    yield from plain
    first: dict[str, Recipe] = {}
    for recipe in plain:
        first.setdefault(recipe.uses[0], recipe)  # of several trimaps the first
    if source.composites and len(first) < 2:
        raise InputError("composites: takes a source of at least two pictures, for one is the background of another")
    for name, front in first.items():
        others = [other for other in first if other != name]
        for k in range(source.composites):
            rng = np.random.default_rng((seed, zlib.crc32(name.encode()), k))
            behind = others[rng.integers(len(others))]
            make = partial(_composed, front.make, first[behind].make, source, rng)
            yield Recipe(f"{name}-composite{k}", (name, behind), False, make)


def _alphamatting(source: Source, seed: int) -> Iterator[Recipe]:
    for trimap in source.trimaps:
        samples = alphamatting(source.root, trimap)
        for k, name in enumerate(samples.names):
            yield Recipe(f"{name}-trimap{trimap}", (name,), True, partial(samples.__getitem__, k))


def _folder(source: Source, seed: int) -> Iterator[Recipe]:
    samples = folder(source.root, **source.patterns)
    for k, name in enumerate(samples.names):
        yield Recipe(name, (name,), True, partial(samples.__getitem__, k))


def _synthetic(source: Source, seed: int) -> Iterator[Recipe]:
    for k in range(seed, seed + source.count):
        yield Recipe(f"synthetic-{k}", (f"synthetic-{k}",), True, partial(synthetic, k, source.shape))


def _composites(source: Source, seed: int) -> Iterator[Recipe]:
    base = folder_of(source.root)
    fronts, alphas, behind = (
        [path for _, path in files(base, pattern_of(getattr(source, kind), kind, names=0), kind)]
        for kind in ("foregrounds", "alphas", "backgrounds")
    )
    changes = _augmentation(source) if source.augmentation else None
    samples = composites(fronts, alphas, behind, seed, repeats=source.count, reach=source.reach, augmentation=changes)
    for k, name in enumerate(samples.names):
        yield Recipe(name, (fronts[k // source.count].stem,), True, partial(samples.__getitem__, k))


def _rendered(source: Source, seed: int) -> Iterator[Recipe]:
    """Composites of rendered foregrounds, in the frames that they were rendered in."""
    fronts = _foregrounds(source)
    yield from _over_photographs(fronts, fronts.names, source, seed, source.count)


def _salient(source: Source, seed: int) -> Iterator[Recipe]:
    """The same as what stands out in larger pictures."""
    fronts = _foregrounds(source)
    put = placed(fronts, seed, repeats=source.count, scale=source.scale, shape=source.shape)
    yield from _over_photographs(put, fronts.names, source, seed, 1)


def _foregrounds(source: Source) -> Samples:
    """Those to train on, never of the split for tests."""
    return rendered(source.root, "train", kinds=source.kinds or None)


def _over_photographs(
    fronts: Samples, names: Sequence[str], source: Source, seed: int, repeats: int
) -> Iterator[Recipe]:
    """Composites over photographs to train on, as many of each name as the source counts, one after another."""
    with about("backgrounds"):
        behind = backgrounds(source.backgrounds, "train")
    changes = _augmentation(source)
    samples = composites(fronts, None, behind, seed, repeats=repeats, reach=source.reach, augmentation=changes)
    for k in range(len(samples)):
        name = names[k // source.count]
        yield Recipe(f"{name}-{k % source.count}", (name,), True, partial(samples.__getitem__, k))


SOURCES = {
    "alphamatting": _alphamatting,
    "folder": _folder,
    "synthetic": _synthetic,
    "composites": _composites,
    "rendered": _rendered,
    "salient": _salient,
}


def _composed(front: Make, behind: Make, source: Source, rng: np.random.Generator) -> Sample:
    """One picture's foreground, made smaller, over another picture."""
    sample = front()
    if sample.alpha is None:
        raise InputError(f"data: {sample.name} has no true matte to learn from")
    labels = Trimap.parse(sample.trimap)
    # Mattes of photographs are noisy where they are known.
    alpha = np.where(labels.known, labels.labels, sample.alpha)
    ahead = foreground(sample.image, alpha)[0] if sample.foreground is None else sample.foreground
    scale = rng.uniform(*source.scale)
    shape = round(scale * alpha.shape[0]), round(scale * alpha.shape[1])
    layers = fitted(ahead, shape), fitted(colours(alpha), shape)[:, :, 0]
    number = int(rng.integers(2**31))
    (composite,) = composites([layers[0]], [layers[1]], [behind().image], number, reach=source.reach)
    return replace(composite, name=sample.name)
