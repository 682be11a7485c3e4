"""Foregrounds with known mattes, put on other backgrounds."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from propmat import _inputs, io, pictures
from propmat._typing import Array, ArrayLike, PathLike
from propmat.datasets._augmentation import Augmentation, Layers, draw
from propmat.datasets._folder import colours
from propmat.datasets._sample import Sample, trimap_around
from propmat.datasets._samples import Samples
from propmat.errors import InputError, shown

Layer = PathLike | ArrayLike


def composites(
    foregrounds: Sequence[Layer] | Samples,
    alphas: Sequence[Layer] | None,
    backgrounds: Sequence[Layer],
    seed: int = 0,
    *,
    repeats: int = 1,
    reach: tuple[int, int] = (1, 20),
    augmentation: Augmentation | None = None,
) -> Samples:
    """Put foregrounds with known mattes on backgrounds, as Composition-1k and training sets are made.

    ``image = alpha * foreground + (1 - alpha) * background``, not rounded. Backgrounds are drawn without replacement:
    all are used, in random order, before one is used again. Each is scaled to cover the foreground and cropped at a
    random place.

    Parameters
    ----------
    foregrounds, alphas : sequences, of equal length
        Paths, or arrays: (H, W, 3) colours and (H, W) mattes, floating in [0, 1], uint8 or uint16. Or `Samples` with
        foreground and alpha, such as `rendered` gives, and None.
    backgrounds : sequence
        Paths or arrays of any size.
    seed : int, default 0
        >= 0. The same seed and arguments give the same samples, in whatever order they are read.
    repeats : int, default 1
        How many samples are made of each foreground; Composition-1k has 20.
    reach : (int, int), default (1, 20)
        The trimap is unknown within so many pixels of every fractional alpha, drawn from this range, both ends
        included. Composition-1k's own trimaps are files: read that set with `folder`.
    augmentation : Augmentation, optional
        Ranges of changes that are drawn for each sample: matched colours, blur, noise, compression, uneven trimaps. By
        default there are none. With noise or compression the image differs from the composite by them.

    Returns
    -------
    Samples
        A sequence of ``repeats * len(foregrounds)`` samples with alpha, foreground and background, each made when it
        is asked for.

    Raises
    ------
    InputError
        If lengths differ, something is empty, or a number is not as above. On reading: if a foreground and its matte
        differ in size, or a file cannot be read.

    References
    ----------
    N. Xu, B. Price, S. Cohen, T. Huang, "Deep Image Matting", CVPR 2017. https://arxiv.org/abs/1703.03872

    Examples
    --------
    >>> import numpy as np
    >>> import propmat
    >>> leaf, sky = propmat.datasets.synthetic(1, (48, 64)), np.full((30, 30, 3), 0.9)
    >>> samples = propmat.datasets.composites([leaf.foreground], [leaf.alpha], [sky], repeats=3, reach=(2, 2))
    >>> len(samples), samples[2].image.shape
    (3, (48, 64, 3))
    """
    fronts, backs = _fronts(foregrounds, alphas), _sequence(backgrounds, "backgrounds")
    if not fronts or not len(backs):
        raise InputError("foregrounds, backgrounds: take at least one each")
    if not isinstance(reach, Sequence) or len(reach) != 2:
        raise InputError(f"reach: takes (least, most), got {shown(reach)}")
    least, most = (_inputs.whole_number(value, "reach") for value in reach)
    if least > most:
        raise InputError(f"reach: takes (least, most), got ({least}, {most})")
    if not isinstance(seed, int) or seed < 0:
        raise InputError(f"seed: got {shown(seed)}, takes an integer of at least 0")
    if augmentation is not None and not isinstance(augmentation, Augmentation):
        raise InputError(f"augmentation: takes a propmat.datasets.Augmentation or None, got {shown(augmentation)}")
    repeats = _inputs.whole_number(repeats, "repeats")
    dealt = _dealt(len(backs), seed)
    return Samples(
        Composite(fronts[index // repeats], backs[next(dealt)], (seed, index), (least, most), augmentation)
        for index in range(repeats * len(fronts))
    )


class Front(Protocol):
    """Where colours and alpha of a foreground come from."""

    def read(self) -> tuple[Array, Array]: ...


@dataclass(frozen=True, eq=False)
class Pair:
    """A foreground and its matte, each a file or an array."""

    foreground: Layer
    alpha: Layer

    def read(self) -> tuple[Array, Array]:
        foreground = colours(_pixels(self.foreground, io.read_image), _label(self.foreground, "foreground"))
        alpha = _pixels(self.alpha, io.read_matte)
        return foreground, _inputs.plane(alpha, _label(self.alpha, "alpha"), foreground.shape[:2]).clip(0, 1)


@dataclass(frozen=True, eq=False)
class OfSample:
    """The foreground and the matte of a sample."""

    samples: Samples
    number: int

    def read(self) -> tuple[Array, Array]:
        sample = self.samples[self.number]
        if sample.foreground is None or sample.alpha is None:
            raise InputError(f"foregrounds: the sample {sample.name} lacks a foreground or alpha")
        return sample.foreground, sample.alpha


@dataclass(frozen=True, eq=False)
class Composite:
    """The source of one sample."""

    front: Front
    background: Layer
    seed: tuple[int, int]
    reach: tuple[int, int]
    augmentation: Augmentation | None

    @property
    def name(self) -> str:
        return f"composite-{self.seed[1]:05d}"

    def read(self) -> Sample:
        """Read the layers and composite them."""
        rng = np.random.default_rng(self.seed)
        foreground, alpha = self.front.read()
        background = colours(_pixels(self.background, io.read_image), _label(self.background, "background"))
        background = pictures.fitted(background, alpha.shape, (rng.random(), rng.random()))
        reach = int(rng.integers(self.reach[0], self.reach[1] + 1))
        layers = Layers(foreground, alpha, background)
        return self._plain(layers, reach) if self.augmentation is None else self._changed(layers, reach)

    def _plain(self, layers: Layers, reach: int) -> Sample:
        image = pictures.over(layers.foreground, layers.alpha, layers.background)
        trimap = trimap_around(layers.alpha, reach)
        return Sample(self.name, image, trimap, layers.alpha, layers.foreground, layers.background)

    def _changed(self, given: Layers, reach: int) -> Sample:
        changes = draw(self.augmentation or Augmentation(), (*self.seed, 1))
        layers = changes.layers(given)
        image = changes.image(pictures.over(layers.foreground, layers.alpha, layers.background))
        trimap = changes.trimap(layers.alpha, reach)
        return Sample(self.name, image, trimap, layers.alpha, layers.foreground, layers.background)


def _fronts(foregrounds: Sequence[Layer] | Samples, alphas: Sequence[Layer] | None) -> list[Front]:
    """Foregrounds with their mattes."""
    if isinstance(foregrounds, Samples):
        if alphas is not None:
            raise InputError(f"alphas: samples have their own, takes None with them, got {shown(alphas)}")
        return [OfSample(foregrounds, number) for number in range(len(foregrounds))]
    colours_of, mattes = _sequence(foregrounds, "foregrounds"), _sequence(alphas, "alphas")
    if len(colours_of) != len(mattes):
        raise InputError(f"alphas: takes one for each of the {len(colours_of)} foregrounds, got {len(mattes)}")
    return [Pair(colours_of[number], mattes[number]) for number in range(len(colours_of))]


def _sequence(given: Sequence[Layer] | None, name: str) -> Sequence[Layer]:
    """A sequence, which a string of characters is not."""
    if (
        given is None
        or isinstance(given, str | bytes)
        or not (hasattr(given, "__len__") and hasattr(given, "__getitem__"))
    ):
        raise InputError(f"{name}: takes a sequence of paths or arrays, got {type(given).__name__}")
    return given


def _dealt(count: int, seed: int) -> Iterator[int]:
    """Numbers below `count` in random order, all of them before one is repeated."""
    rng = np.random.default_rng(seed)
    while True:
        yield from rng.permutation(count).tolist()


def _pixels(layer: Layer, read: Callable[[PathLike], ArrayLike]) -> ArrayLike:
    return read(layer) if isinstance(layer, str | os.PathLike) else layer


def _label(layer: object, name: str) -> str:
    """The name of a layer in messages."""
    return str(Path(layer)) if isinstance(layer, str | os.PathLike) else name
