"""Measurement of wall time."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable


def least_seconds(call: Callable[[], object], repeat: int) -> float:
    """The minimum of `repeat` calls, after one that compiles and loads what it needs."""
    call()
    seconds = []
    for _ in range(repeat):
        gc.collect()
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return min(seconds)
