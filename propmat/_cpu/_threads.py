"""The threading layer under the kernels."""

from __future__ import annotations

import ctypes
import importlib.metadata
import os
from collections.abc import Iterator
from contextlib import contextmanager

import numba
from numba.core import config


def prefer_tbb() -> None:
    """Load the TBB that pip installed, so that numba finds it.

    numba looks for TBB on the system's path only, and without it falls back to GNU OpenMP, which ends a forked child
    that enters a kernel. A library that is loaded already is found by its name. TBB is not needed to be right.
    """
    try:
        files = importlib.metadata.files("tbb") or []
        library = next(file for file in files if file.name in ("libtbb.so.12", "tbb12.dll"))
        ctypes.CDLL(os.path.realpath(str(library.locate())), mode=ctypes.RTLD_GLOBAL)
    except (importlib.metadata.PackageNotFoundError, StopIteration, OSError):
        return


def most_threads() -> int:
    """As many threads as numba may ever use in this process."""
    return int(config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]


def use_threads(count: int) -> None:
    """Set the number of threads for the calling thread."""
    numba.set_num_threads(count)


def used_threads() -> int:
    """The number of threads for the calling thread."""
    return int(numba.get_num_threads())


# Loops over fewer entries than this gain little from a second core, and lose a time slice whenever it is busy.
WORTH_SHARING = 500_000


@contextmanager
def threads_for(entries: int) -> Iterator[None]:
    """Kernels that go over so many entries, on one thread if they are few."""
    before = numba.get_num_threads()
    if entries < WORTH_SHARING:
        numba.set_num_threads(1)
    try:
        yield
    finally:
        numba.set_num_threads(before)
