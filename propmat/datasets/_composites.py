"""Foregrounds with known mattes, put on other backgrounds."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from propmat import _inputs, io, pictures
from propmat._typing import ArrayLike, PathLike
from propmat.datasets._folder import colours
from propmat.datasets._sample import Sample, trimap_around
from propmat.datasets._samples import Samples
from propmat.errors import InputError, shown


def composites(
    foregrounds: Sequence[PathLike | ArrayLike],
    alphas: Sequence[PathLike | ArrayLike],
    backgrounds: Sequence[PathLike | ArrayLike],
    seed: int = 0,
    *,
    repeats: int = 1,
    reach: tuple[int, int] = (1, 20),
) -> Samples:
    """Put foregrounds with known mattes on backgrounds, as Composition-1k and training sets are made.

    ``image = alpha * foreground + (1 - alpha) * background``, not rounded. Backgrounds are drawn without replacement:
    all are used, in random order, before one is used again. Each is scaled to cover the foreground and cropped at a
    random place.

    Parameters
    ----------
    foregrounds, alphas : sequences, of equal length
        Paths, or arrays: (H, W, 3) colours and (H, W) mattes, floating in [0, 1], uint8 or uint16.
    backgrounds : sequence
        Paths or arrays of any size.
    seed : int, default 0
        >= 0. The same seed and arguments give the same samples, in whatever order they are read.
    repeats : int, default 1
        How many samples are made of each foreground; Composition-1k has 20.
    reach : (int, int), default (1, 20)
        The trimap is unknown within so many pixels of every fractional alpha, drawn from this range, both ends
        included. Composition-1k's own trimaps are files: read that set with `folder`.

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
    for kind, given in {"foregrounds": foregrounds, "alphas": alphas, "backgrounds": backgrounds}.items():
        if isinstance(given, str | bytes) or not (hasattr(given, "__len__") and hasattr(given, "__getitem__")):
            raise InputError(f"{kind}: takes a sequence of paths or arrays, got {type(given).__name__}")
    if len(foregrounds) != len(alphas):
        raise InputError(f"alphas: takes one for each of the {len(foregrounds)} foregrounds, got {len(alphas)}")
    if not len(foregrounds) or not len(backgrounds):
        raise InputError("foregrounds, backgrounds: take at least one each")
    if not isinstance(reach, Sequence) or len(reach) != 2:
        raise InputError(f"reach: takes (least, most), got {shown(reach)}")
    least, most = (_inputs.whole_number(value, "reach") for value in reach)
    if least > most:
        raise InputError(f"reach: takes (least, most), got ({least}, {most})")
    if not isinstance(seed, int) or seed < 0:
        raise InputError(f"seed: got {shown(seed)}, takes an integer of at least 0")
    repeats = _inputs.whole_number(repeats, "repeats")
    count = repeats * len(foregrounds)
    dealt = _dealt(len(backgrounds), seed)
    return Samples(
        Composite(
            foregrounds[index // repeats],
            alphas[index // repeats],
            backgrounds[next(dealt)],
            (seed, index),
            (least, most),
        )
        for index in range(count)
    )


@dataclass(frozen=True, eq=False)
class Composite:
    """The source of one sample."""

    foreground: PathLike | ArrayLike
    alpha: PathLike | ArrayLike
    background: PathLike | ArrayLike
    seed: tuple[int, int]
    reach: tuple[int, int]

    @property
    def name(self) -> str:
        return f"composite-{self.seed[1]:05d}"

    def read(self) -> Sample:
        """Read the layers and composite them."""
        rng = np.random.default_rng(self.seed)
        foreground = colours(_pixels(self.foreground, io.read_image), _label(self.foreground, "foreground"))
        shape = foreground.shape[0], foreground.shape[1]
        alpha = _inputs.plane(_pixels(self.alpha, io.read_matte), _label(self.alpha, "alpha"), shape).clip(0, 1)
        background = colours(_pixels(self.background, io.read_image), _label(self.background, "background"))
        background = pictures.fitted(background, shape, (rng.random(), rng.random()))
        trimap = trimap_around(alpha, int(rng.integers(self.reach[0], self.reach[1] + 1)))
        return Sample(self.name, pictures.over(foreground, alpha, background), trimap, alpha, foreground, background)


def _dealt(count: int, seed: int) -> Iterator[int]:
    """Numbers below `count` in random order, all of them before one is repeated."""
    rng = np.random.default_rng(seed)
    while True:
        yield from rng.permutation(count).tolist()


def _pixels(layer: PathLike | ArrayLike, read: Callable[[PathLike], ArrayLike]) -> ArrayLike:
    return read(layer) if isinstance(layer, str | os.PathLike) else layer


def _label(layer: object, name: str) -> str:
    """The name of a layer in messages."""
    return str(Path(layer)) if isinstance(layer, str | os.PathLike) else name
