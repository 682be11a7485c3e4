"""The threads that kernels run on."""

from __future__ import annotations

import functools
import inspect
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any

from numba.core import config

from propmat._cpu._compiled import compiled

_own = threading.local()


def most_threads() -> int:
    """As many threads as kernels may ever use in this process."""
    return int(config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]


def use_threads(count: int) -> None:
    """Set the number of threads for the calling thread."""
    _own.count = count


def used_threads() -> int:
    """The number of threads for the calling thread."""
    return getattr(_own, "count", most_threads())


# Loops over fewer entries than this gain little from a second core, and lose a time slice whenever it is busy.
WORTH_SHARING = 500_000


@contextmanager
def threads_for(entries: int) -> Iterator[None]:
    """Kernels that go over so many entries, on one thread if they are few."""
    before = used_threads()
    if entries < WORTH_SHARING:
        use_threads(1)
    try:
        yield
    finally:
        use_threads(before)


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

    pool = _pools.get(threads) or _pools.setdefault(threads, ThreadPoolExecutor(threads - 1, "propmat"))
    others = list(_started(pool, run, threads - 1))
    try:
        run()
        for other in others:
            other.result()
    except BaseException:
        wait(others)  # they write to the arguments, even when this thread is interrupted
        raise


def _started(pool: ThreadPoolExecutor, run: Callable[[], None], count: int) -> Iterator[Future[None]]:
    """As many threads of `count` as can be had: none when the interpreter ends, fewer where their number is limited."""
    for _ in range(count):
        try:
            yield pool.submit(run)
        except RuntimeError:
            return
