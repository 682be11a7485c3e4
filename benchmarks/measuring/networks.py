"""Seconds and memory of a network's matte."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.measuring.clock import least_seconds
from benchmarks.measuring.memory import forget_peak, peak


def tell_time(name: str, threads: int, matte: Callable[[], np.ndarray]) -> None:
    """Print the least seconds of three calls, and what they add to the peak of memory."""
    forget_peak()
    before = peak()
    seconds = least_seconds(matte, 3)
    print(f"{name}, threads {threads}: {seconds:.2f} s, {peak() - before:.0f} MB above {before:.0f} MB of the process")
