"""The threading layer under the kernels."""

from __future__ import annotations

import ctypes
import functools
import importlib.metadata
import inspect
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numba
from numba.core import config

from propmat._cpu._compiled import compiled


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
WORTH_SHARING = 120_000


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


STRETCHES = 8  # for each thread, for stretches take unequal times

_pools: dict[int, ThreadPoolExecutor] = {}
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pools.clear)  # a child has none of its parent's threads


def share(kernel: Callable[..., None], count: int, *arguments: Any) -> None:
    """Run ``kernel(begin, end, *arguments)`` on stretches of range(count), as many at a time as threads are used.

    A kernel that numba shares between threads itself takes twice as long to compile, and needs a threading layer.
    """
    _share(kernel, count, STRETCHES, arguments)


def over_chunks(**options: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Compile ``kernel(begin, end, …, chunks, …)`` as a function of all but the first two, which shares the chunks.

    `chunks` holds where chunks of about equal work begin, and where the last one ends; the kernel does those from
    `begin` to `end` - 1. For loops of less than a millisecond: a thread takes half of its part at a time.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        kernel, signature = compiled(**options)(function), inspect.signature(function)
        parameters = list(signature.parameters.values())[2:]
        place = [parameter.name for parameter in parameters].index("chunks")

        @functools.wraps(function)
        def call(*arguments: Any) -> None:
            _share(kernel, len(arguments[place]) - 1, 2, arguments)

        call.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        return call

    return decorate


def _share(kernel: Callable[..., None], count: int, stretches: int, arguments: tuple[Any, ...]) -> None:
    threads = min(used_threads(), count)
    if threads < 2:
        kernel(0, count, *arguments)
        return
    length = max(1, count // (stretches * threads))
    begins = iter(range(0, count, length))

    def run() -> None:
        for begin in begins:
            kernel(begin, min(begin + length, count), *arguments)

    pool = _pools.setdefault(threads, ThreadPoolExecutor(threads - 1, "propmat"))
    others = [pool.submit(run) for _ in range(threads - 1)]
    run()
    for other in others:
        other.result()
