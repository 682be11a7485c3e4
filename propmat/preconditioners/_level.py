"""The interface of a level of a multigrid cycle."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


class Level:
    """A symmetric matrix with 1 on its diagonal."""

    size: int
    values: Array  # 16-bit integers: half the size of single precision, and memory bandwidth limits a cycle
    live: Array  # which unknowns are used; the others stay 0

    def relax(self, b: Array, x: Array, step: Array, old: np.float32, new: np.float32, out: Array) -> None:
        """step = old step + new (b - A x), out = x + step."""
        raise NotImplementedError

    def residual(self, b: Array, x: Array, out: Array, scratch: Array) -> None:
        """out = b - A x."""
        self.relax(b, x, out, np.float32(0), np.float32(1), scratch)
