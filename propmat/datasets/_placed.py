"""Foregrounds at scales and places as in photographs that show one thing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from propmat import _inputs, pictures
from propmat._typing import Array
from propmat.datasets._rendered import GREY, REACH
from propmat.datasets._sample import Sample, trimap_around
from propmat.datasets._samples import Samples
from propmat.errors import InputError, shown

TOUCHING = 0.02  # mean opacity along a border from which on a foreground goes on beyond it


def placed(
    foregrounds: Samples,
    seed: int = 0,
    *,
    repeats: int = 1,
    scale: tuple[float, float] = (0.5, 1.0),
    shape: tuple[int, int] = (360, 480),
) -> Samples:
    """Put foregrounds into larger frames, each as the one thing that a photograph shows.

    Each is scaled and put at a random place. What its own frame cuts stays at that border of the larger one: a portrait
    goes on below it, and something that goes on to the left and to the right fills the width. `composites` puts the
    result on backgrounds.

    Parameters
    ----------
    foregrounds : Samples
        With foreground and alpha, such as `rendered` gives.
    seed : int, default 0
        >= 0. The same seed and arguments give the same samples, in whatever order they are read.
    repeats : int, default 1
        How many samples are made of each foreground.
    scale : (float, float), default (0.5, 1)
        The longer side of the foreground's own frame as a share of the shorter side of the larger one; 0.05 to 1.
    shape : (int, int), default (360, 480)
        Sides of the frames in pixels, at least 16; half of the frames, by chance, are upright.

    Returns
    -------
    Samples
        A sequence of ``repeats * len(foregrounds)`` samples with alpha, foreground and background, on plain grey. The
        trimap is unknown within 5 pixels of every fractional alpha.

    Raises
    ------
    InputError
        If an argument is not as above. On reading: if a sample lacks a foreground or alpha.

    Examples
    --------
    >>> import propmat
    >>> class Leaf:
    ...     name = "leaf"
    ...     def read(self):
    ...         return propmat.datasets.synthetic(1, (48, 64))
    >>> leaves = propmat.datasets.placed(propmat.datasets.Samples([Leaf()]), repeats=2, shape=(90, 120))
    >>> len(leaves), sorted(leaves[0].alpha.shape)
    (2, [90, 120])
    """
    if not isinstance(foregrounds, Samples):
        raise InputError(f"foregrounds: takes propmat.datasets.Samples, got {shown(foregrounds)}")
    if not isinstance(seed, int) or seed < 0:
        raise InputError(f"seed: got {shown(seed)}, takes an integer of at least 0")
    repeats = _inputs.whole_number(repeats, "repeats")
    least, most = (_inputs.within(end, "scale", 0.05, 1) for end in _inputs.pair(scale, "scale", "(least, most)"))
    if least > most:
        raise InputError(f"scale: takes (least, most), got ({least:g}, {most:g})")
    sides = [_inputs.integer(side, "shape", 16, 2**15) for side in _inputs.pair(shape, "shape", "of two sides")]
    return Samples(
        Placed(foregrounds, number, (seed, number, copy), (least, most), (min(sides), max(sides)))
        for number in range(len(foregrounds))
        for copy in range(repeats)
    )


@dataclass(frozen=True, eq=False)
class Placed:
    """The source of one sample."""

    foregrounds: Samples
    number: int
    seed: tuple[int, int, int]
    scale: tuple[float, float]
    sides: tuple[int, int]

    @property
    def name(self) -> str:
        return f"{self.foregrounds.names[self.number]}-{self.seed[2]}"

    def read(self) -> Sample:
        """Read the foreground and put it into its frame."""
        sample = self.foregrounds[self.number]
        if sample.foreground is None or sample.alpha is None:
            raise InputError(f"foregrounds: the sample {sample.name} lacks a foreground or alpha")
        rng = np.random.default_rng(self.seed)
        frame, size, corner = self._place(sample.alpha, rng)
        within = tuple(slice(start, start + extent) for start, extent in zip(corner, size, strict=True))
        margins = [(part.start, whole - part.stop) for part, whole in zip(within, frame, strict=True)]
        alpha = np.zeros(frame)
        alpha[within] = pictures.scaled(sample.alpha, size)
        # Colours go on to where alpha is 0, so that a blur makes no dark rim.
        foreground = np.pad(pictures.fitted(sample.foreground, size), [*margins, (0, 0)], mode="edge")
        grey = np.full_like(foreground, GREY)
        image = pictures.over(foreground, alpha, grey)
        return Sample(self.name, image, trimap_around(alpha, REACH), alpha, foreground, grey)

    def _place(self, alpha: Array, rng: np.random.Generator) -> tuple[tuple[int, int], tuple[int, int], list[int]]:
        """Height and width of the frame, those of the foreground in it, and its upper left corner."""
        short, long = self.sides
        touched = [_touched(alpha), _touched(alpha.T)]
        across = [all(ends) for ends in touched]
        lying, share, free = bool(rng.random() < 0.5), rng.uniform(*self.scale), rng.random(2)
        if across[0] != across[1]:
            lying = across[0]  # what fills the height needs a frame that is wider than high
        frame = (short, short) if all(across) else (short, long) if lying else (long, short)
        spanning = [whole / side for whole, side, spans in zip(frame, alpha.shape, across, strict=True) if spans]
        factor = max(spanning) if spanning else share * short / max(alpha.shape)
        size = [min(max(round(factor * side), 1), whole) for side, whole in zip(alpha.shape, frame, strict=True)]
        size = [whole if spans else side for side, whole, spans in zip(size, frame, across, strict=True)]
        gaps = [whole - side for side, whole in zip(size, frame, strict=True)]
        corner = [_start(gap, ends, where) for gap, ends, where in zip(gaps, touched, free, strict=True)]
        return frame, (size[0], size[1]), corner


def _touched(alpha: Array) -> tuple[bool, bool]:
    """Whether a foreground goes on beyond the first row, and beyond the last."""
    return bool(alpha[0].mean() > TOUCHING), bool(alpha[-1].mean() > TOUCHING)


def _start(gap: int, ends: tuple[bool, bool], where: float) -> int:
    """Where a foreground begins that leaves a gap: at an end that it goes on beyond, or anywhere."""
    first, last = ends
    return 0 if first else gap if last else round(where * gap)
