"""Which foregrounds a set holds: kinds, numbers, seeds, sizes and splits.

An item is given by the seed of the set, its kind and its number within the kind alone. A longer set is the shorter one
and more; neither the count nor the choice of kinds changes an item or its split.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rendering.draws import chance, pick, stream


@dataclass(frozen=True)
class Share:
    """How many items are of a kind, and how many of them are for tests.

    Attributes
    ----------
    weight : float
        Share in the set, relative to the weights of the other kinds.
    test_every : int
        One in so many items is for tests.
    backlit : float
        Share of items with the main lamp behind the object.
    """

    weight: float
    test_every: int
    backlit: float = 0.15


KINDS = {
    "hair": Share(22, 8, 0.35),
    "fur": Share(15, 8, 0.35),
    "feather": Share(4, 4, 0.3),
    "grass": Share(4, 4, 0.3),
    "leaves": Share(8, 4, 0.3),
    "twigs": Share(6, 4),
    "net": Share(5, 4),
    "lattice": Share(7, 4),
    "lace": Share(4, 4, 0.3),
    "gauze": Share(6, 4, 0.3),
    "knit": Share(3, 4),
    "glass": Share(4, 4),
    "smoke": Share(2, 4),
    "solid": Share(10, 8),
}


@dataclass(frozen=True)
class Ranges:
    """What is drawn for each item, besides the parameters of its kind.

    Attributes
    ----------
    sizes : (int, int)
        Side of the square picture in pixels, least and most.
    fill : (float, float)
        Extent of an object that is not cut, as a share of the frame.
    cut : float
        Share of the items that are larger than the frame.
    strand : (float, float)
        Width of hair and fur at the root in pixels.
    motion, defocus : float
        Shares of items with motion blur and with defocus.
    motion_length, defocus_width : (float, float)
        Length of the motion and diameter of the blur disc at the object's centre in pixels.
    """

    sizes: tuple[int, int] = (320, 384)
    fill: tuple[float, float] = (0.62, 0.95)
    cut: float = 0.12
    strand: tuple[float, float] = (0.3, 2.5)
    motion: float = 0.1
    defocus: float = 0.12
    motion_length: tuple[float, float] = (5, 40)
    defocus_width: tuple[float, float] = (3, 16)


@dataclass(frozen=True)
class Item:
    """One foreground of a set."""

    kind: str
    number: int
    seed: int
    size: int
    split: str
    modifier: str
    cut: bool

    @property
    def name(self) -> str:
        return f"{self.kind}_{self.number:04d}"


def items(seed: int, kinds: Sequence[str], ranges: Ranges) -> Iterator[Item]:
    """The items of a set in their order, without end."""
    numbers = dict.fromkeys(kinds, 0)
    for kind in kinds_in_turn(kinds):
        yield item(seed, kind, numbers[kind], ranges)
        numbers[kind] += 1


def kinds_in_turn(kinds: Sequence[str]) -> Iterator[str]:
    """Each time the kind that is the farthest behind its share, so that every beginning has about the right mix."""
    total = sum(KINDS[kind].weight for kind in kinds)
    given = dict.fromkeys(kinds, 0)
    for place in itertools.count(1):
        kind = max(kinds, key=lambda kind: place * KINDS[kind].weight / total - given[kind])
        given[kind] += 1
        yield kind


def item(seed: int, kind: str, number: int, ranges: Ranges) -> Item:
    """The item of that number of a kind."""
    own = int(stream(seed, kind, number).integers(1, 2**31))
    rng = stream(own, "item")
    size = int(rng.integers(ranges.sizes[0] // 2, ranges.sizes[1] // 2 + 1)) * 2
    modifier = pick(rng, ("motion", "defocus", "none"), (ranges.motion, ranges.defocus, rest(ranges)))
    if kind == "smoke":  # has no edges that could be blurred
        modifier = "none"
    return Item(kind, number, own, size, split(seed, kind, number), modifier, chance(rng, ranges.cut))


def rest(ranges: Ranges) -> float:
    """The share of items without blur."""
    return 1 - ranges.motion - ranges.defocus


def split(seed: int, kind: str, number: int) -> str:
    """ "test" for one number in so many, counted from a place that the seed and the kind give."""
    every = KINDS[kind].test_every
    first = int(stream(seed, kind, "test").integers(every))
    return "test" if number % every == first else "train"
