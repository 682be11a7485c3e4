"""Seeded random draws."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

Rng = np.random.Generator
Choice = TypeVar("Choice")


def stream(seed: int, *names: str | int) -> Rng:
    """A generator of its own for each purpose, so that a draw more in one changes nothing in another."""
    words = [name if isinstance(name, int) else zlib.crc32(name.encode()) for name in names]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *words])))


def log_uniform(rng: Rng, low: float, high: float) -> float:
    """A number whose logarithm is uniform."""
    return math.exp(rng.uniform(math.log(low), math.log(high)))


def pick(rng: Rng, options: Sequence[Choice], weights: Sequence[float] | None = None) -> Choice:
    """One of the options."""
    if weights is None:
        return options[int(rng.integers(len(options)))]
    share = np.asarray(weights, float)
    return options[int(rng.choice(len(options), p=share / share.sum()))]


def chance(rng: Rng, share: float) -> bool:
    """True in that share of draws."""
    return bool(rng.random() < share)
