"""The interface of a level of a multigrid cycle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

Array = np.ndarray[Any, Any]
Number: TypeAlias = np.float32 | np.float64


@dataclass(frozen=True)
class Precision:
    """The types of numbers of a cycle.

    Attributes
    ----------
    vectors : type
    matrices : type
        Of matrices of diagonal 1, which are stored as whole numbers.
    units : float
        They are multiples of 1 / `units`.
    """

    vectors: type[np.float32 | np.float64]
    matrices: type[np.int16 | np.float32]
    units: float

    @property
    def unit(self) -> Number:
        return self.vectors(1 / self.units)


# 16 bits are half the size of single precision, and memory bandwidth limits a cycle.
SINGLE = Precision(np.float32, np.int16, 32767.0)
# Whole numbers up to 2^40, rounded to single precision: relative to each entry down to 1e-12, and exact units.
DOUBLE = Precision(np.float64, np.float32, 2.0**40)


class Level:
    """A symmetric matrix with 1 on its diagonal."""

    size: int
    values: Array
    live: Array  # which unknowns are used; the others stay 0
    precision: Precision

    def relax(self, b: Array, x: Array, step: Array, old: Number, new: Number, out: Array) -> None:
        """step = old step + new (b - A x), out = x + step."""
        raise NotImplementedError

    def residual(self, b: Array, x: Array, out: Array, scratch: Array) -> None:
        """out = b - A x."""
        self.relax(b, x, out, self.precision.vectors(0), self.precision.vectors(1), scratch)
