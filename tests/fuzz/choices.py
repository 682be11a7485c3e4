"""Choices read from bytes: what one input decides, in the order of asking."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


class Choices:
    """Reads choices from bytes; past the end all are the first, which is the simplest."""

    def __init__(self, data: bytes) -> None:
        self.data, self.place = data, 0
        self.made: list[str] = []  # labels and what was chosen, for descriptions

    def number(self, size: int = 1) -> int:
        """A whole number of `size` bytes."""
        taken = self.data[self.place : self.place + size]
        self.place += size
        return int.from_bytes(taken, "little")

    def below(self, limit: int) -> int:
        """A whole number from 0 up to, not including, `limit`."""
        return self.number(1 if limit <= 256 else 2) % limit

    def pick(self, label: str, options: Sequence[T]) -> T:
        """One of `options`."""
        chosen = options[self.below(len(options))]
        told = getattr(chosen, "__name__", None) or repr(chosen)
        self.made.append(f"{label} {told[:80]}")
        return chosen

    def one_in(self, count: int) -> bool:
        """True once in `count` times."""
        return self.below(count) == count - 1

    def generator(self) -> np.random.Generator:
        """A generator of noise."""
        return np.random.default_rng(self.number(2))
