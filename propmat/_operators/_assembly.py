"""Assembly of matrices on the pixel grid from elements: windows, edges, and scaled sums of these."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from propmat._backend import backend_of, moved_like
from propmat._operators._parts import WHOLE, Parts

Array = np.ndarray[Any, Any]


class Assemble(Protocol):
    """The elements that a matrix on the pixel grid is a sum of."""

    def __call__(self, block: int, values: Array) -> None:
        """Sum the elements with unknown pixels in several blocks of that width, or all for 0, where `values` is 0."""

    def near(self, block: int, rectangles: Array, values: Array) -> None:
        """The same for the entries of the pixels of disjoint rectangles; others may be summed or not.

        `rectangles` are (top, left, bottom, right), (k, 4). For block > 0.
        """

    def within(self, support: Support) -> Assemble:
        """The same elements for fewer unknown pixels."""


@dataclass(frozen=True)
class Support:
    """Numbering of the pixels that an operator reads: those of its layout, and those at most two pixels away.

    The layout are the unknown pixels, and known ones that may become unknown: these have numbers, but are in no run,
    so that products neither read nor write them.
    """

    unknown: Array
    number: Array
    centres: Array
    size: int
    runs: Array
    chunks: Array
    position: Array
    layout: Array

    @classmethod
    def of(cls, unknown: Array, parts: Parts = WHOLE) -> Support:
        kernels = backend_of(unknown).kernels("grid")
        unknown = np.ascontiguousarray(unknown, dtype=bool, like=unknown)
        number, centres, size = kernels.number_support(unknown)
        if parts.seams:
            centres[1:-1] &= moved_like(parts.hold_windows(len(centres), 3), centres)[:, None]
        runs = kernels.find_runs(unknown, number)
        chunks = kernels.cut_runs(runs)
        return cls(unknown, number, centres, size, runs, chunks, number[2:-2, 2:-2][unknown], unknown)

    def holds(self, unknown: Array) -> bool:
        """Whether all unknown pixels are of the layout."""
        return not bool((unknown & ~self.layout).any())

    def within(self, unknown: Array) -> Support:
        """The same numbering for other unknown pixels of the layout."""
        kernels = backend_of(unknown).kernels("grid")
        runs = kernels.find_runs(unknown, self.number)
        position = self.number[2:-2, 2:-2][unknown]
        return replace(self, unknown=unknown, runs=runs, chunks=kernels.cut_runs(runs), position=position)


@dataclass(frozen=True, eq=False)
class Windows:
    """The windows of 3 x 3 pixels with an unknown one, as elements to assemble."""

    image: Array
    support: Support
    epsilon: float
    squared: bool

    def __call__(self, block: int, values: Array) -> None:
        backend, support = backend_of(self.image), self.support
        kernels = backend.kernels("grid")
        backend.share(
            kernels.assemble_windows,
            -(-self.image.shape[0] // kernels.STRIPE),
            self.image,
            support.unknown,
            support.centres,
            support.number,
            self.epsilon,
            self.squared,
            block,
            values,
        )

    def near(self, block: int, rectangles: Array, values: Array) -> None:
        backend, support = backend_of(self.image), self.support
        backend.share(
            backend.kernels("grid").assemble_near,
            len(rectangles),
            self.image,
            support.unknown,
            support.centres,
            support.number,
            self.epsilon,
            self.squared,
            block,
            rectangles,
            values,
        )

    def within(self, support: Support) -> Windows:
        return replace(self, support=support)


@dataclass(frozen=True, eq=False)
class Edges:
    """The edges of the 4-connected graph, as elements to assemble."""

    across: Array
    down: Array
    support: Support

    def __call__(self, block: int, values: Array) -> None:
        kernels = backend_of(self.across).kernels("grid")
        kernels.assemble_edges(self.across, self.down, self.support.unknown, self.support.number, block, values)

    def near(self, block: int, rectangles: Array, values: Array) -> None:
        self(block, values)  # takes little time

    def within(self, support: Support) -> Edges:
        return replace(self, support=support)


@dataclass(frozen=True, eq=False)
class Scaled:
    """Elements multiplied by a number."""

    assemble: Assemble
    factor: float

    def __call__(self, block: int, values: Array) -> None:
        self.assemble(block, values)
        values *= self.factor

    def near(self, block: int, rectangles: Array, values: Array) -> None:
        self.assemble.near(block, rectangles, values)
        values *= self.factor

    def within(self, support: Support) -> Scaled:
        return replace(self, assemble=self.assemble.within(support))
