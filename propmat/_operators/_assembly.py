"""Assembly of matrices on the pixel grid from elements: windows, edges, and scaled sums of these."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from propmat._backend import backend_of, moved_like
from propmat._operators._parts import WHOLE, Parts

Array = np.ndarray[Any, Any]
Assemble = Callable[[int, Array], None]  # (block, values): sum the elements across blocks of that width; 0: all


@dataclass(frozen=True)
class Support:
    """Numbering of the pixels that an operator reads: the unknown ones, and those at most two pixels away."""

    unknown: Array
    number: Array
    centres: Array
    size: int
    runs: Array
    chunks: Array
    position: Array

    @classmethod
    def of(cls, unknown: Array, parts: Parts = WHOLE) -> Support:
        kernels = backend_of(unknown).kernels("grid")
        unknown = np.ascontiguousarray(unknown, dtype=bool, like=unknown)
        number, centres, size = kernels.number_support(unknown)
        if parts.seams:
            centres[1:-1] &= moved_like(parts.hold_windows(len(centres), 3), centres)[:, None]
        runs = kernels.find_runs(unknown, number)
        chunks = kernels.cut_runs(runs)
        return cls(unknown, number, centres, size, runs, chunks, number[2:-2, 2:-2][unknown])


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


@dataclass(frozen=True, eq=False)
class Edges:
    """The edges of the 4-connected graph, as elements to assemble."""

    across: Array
    down: Array
    support: Support

    def __call__(self, block: int, values: Array) -> None:
        kernels = backend_of(self.across).kernels("grid")
        kernels.assemble_edges(self.across, self.down, self.support.unknown, self.support.number, block, values)


@dataclass(frozen=True, eq=False)
class Scaled:
    """Elements multiplied by a number."""

    assemble: Assemble
    factor: float

    def __call__(self, block: int, values: Array) -> None:
        self.assemble(block, values)
        values *= self.factor
