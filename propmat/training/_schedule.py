"""The settings of a training that all tasks share; each field knows what it takes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from propmat._inputs._numbers import integer, within
from propmat._inputs._settings import choice
from propmat.errors import InputError
from propmat.training._toml import text

T = TypeVar("T")


def one_of(choices: Sequence[str], default: str) -> str:
    """A field that takes one of some words."""
    return _field(default, partial(choice, choices=choices))


def count(most: int, default: int | None = None, least: int = 1) -> int:
    """A field that takes a whole number up to `most`, beyond which memory would not do; None: it must be given."""
    return _field(default, partial(integer, least=least, most=most))


def size(most: float, default: float | None = None, least: float = 0) -> float:
    """A field that takes a number up to `most`; None: it must be given."""
    return _field(default, partial(within, least=least, most=most))


def file() -> str:
    """A field that takes the path of a file, by default none; files are read when the training starts."""
    return _field("", text)


def _field(default: T | None, check: Callable[[object, str], T]) -> T:
    metadata = {"check": check}
    required: T = dataclasses.field(metadata=metadata)
    return required if default is None else dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How weights are moved, and how often one looks; a task adds the fields that it alone has."""

    iterations: int = count(10**9)
    batch: int = count(2**16)
    rate: float = size(1e6)
    optimiser: str = one_of(("sgd", "adam", "soap"), "adam")
    momentum: float = size(1.0, 0.9)  # of "sgd"; of "adam" what the mean gradient keeps
    weight_decay: float = size(1e6, 0.0)
    decay: str = one_of(("constant", "cosine"), "constant")  # of the rate; "cosine" ends at 0
    clip: float = size(1e20, 0.0)  # the longest gradient; 0 for no limit
    log_every: int = count(10**9, 100)
    validate_every: int = count(10**9, 1000)
    checkpoint_every: int = count(10**9, 1000)

    def __post_init__(self) -> None:
        for item in dataclasses.fields(self):
            item.metadata["check"](getattr(self, item.name), item.name)
        if self.rate == 0:
            raise InputError("rate: takes a finite number > 0, got 0")
        if self.optimiser == "adam" and self.momentum == 1:
            raise InputError("momentum: takes less than 1 with the optimiser 'adam', got 1")

    def rate_at(self, iteration: int) -> float:
        """The learning rate of an iteration."""
        if self.decay == "constant":
            return self.rate
        return self.rate * 0.5 * (1 + math.cos(math.pi * iteration / self.iterations))
