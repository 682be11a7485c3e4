"""From the sources of a configuration to single problems: names first, pictures when they are asked for."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from propmat import datasets, pictures
from propmat._foreground import foreground
from propmat.datasets import Sample
from propmat.datasets._patterns import files, folder_of, pattern_of
from propmat.errors import InputError
from propmat.networks.training._config import Source
from propmat.trimap import Trimap

Make = Callable[[], Sample]


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
        samples = datasets.alphamatting(source.root, trimap)
        for k, name in enumerate(samples.names):
            yield Recipe(f"{name}-trimap{trimap}", (name,), True, partial(samples.__getitem__, k))


def _folder(source: Source, seed: int) -> Iterator[Recipe]:
    samples = datasets.folder(source.root, **source.patterns)
    for k, name in enumerate(samples.names):
        yield Recipe(name, (name,), True, partial(samples.__getitem__, k))


def _synthetic(source: Source, seed: int) -> Iterator[Recipe]:
    for k in range(seed, seed + source.count):
        yield Recipe(f"synthetic-{k}", (f"synthetic-{k}",), True, partial(datasets.synthetic, k, source.shape))


def _composites(source: Source, seed: int) -> Iterator[Recipe]:
    base = folder_of(source.root)
    fronts, alphas, behind = (
        [path for _, path in files(base, pattern_of(getattr(source, kind), kind, names=0), kind)]
        for kind in ("foregrounds", "alphas", "backgrounds")
    )
    samples = datasets.composites(fronts, alphas, behind, seed, repeats=source.count, reach=source.reach)
    for k, name in enumerate(samples.names):
        yield Recipe(name, (fronts[k // source.count].stem,), True, partial(samples.__getitem__, k))


SOURCES = {"alphamatting": _alphamatting, "folder": _folder, "synthetic": _synthetic, "composites": _composites}


def _composed(front: Make, behind: Make, source: Source, rng: np.random.Generator) -> Sample:
    """One picture's foreground, made smaller, over another picture."""
    sample = front()
    if sample.alpha is None:
        raise InputError(f"data: {sample.name} has no true matte to learn from")
    labels = Trimap.parse(sample.trimap)
    # Mattes of photographs are noisy where they are known.
    alpha = np.where(labels.known, labels.labels, sample.alpha)
    colours = foreground(sample.image, alpha)[0] if sample.foreground is None else sample.foreground
    scale = rng.uniform(*source.scale)
    shape = round(scale * alpha.shape[0]), round(scale * alpha.shape[1])
    layers = pictures.fitted(colours, shape), pictures.fitted(pictures.colours(alpha), shape)[:, :, 0]
    number = int(rng.integers(2**31))
    (composite,) = datasets.composites([layers[0]], [layers[1]], [behind().image], number, reach=source.reach)
    return replace(composite, name=sample.name)
