"""Running kernels on several threads.

The iterations of a loop are divided into contiguous intervals, each run by one call of a kernel; several threads take
them one after another. `chunks` are boundaries between intervals of about equal work.
"""

from __future__ import annotations

import functools
import inspect
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numba.core import config

from propmat._cpu._compiled import compiled

_own = threading.local()


def most_threads() -> int:
    """The largest number of threads that kernels may use in this process."""
    return int(config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]


def use_threads(count: int) -> None:
    """Set the number of threads for the calling thread."""
    _own.count = count


def used_threads() -> int:
    """The number of threads for the calling thread."""
    return getattr(_own, "count", most_threads())


# A second thread speeds up loops over fewer entries than this only a little, and slows them down if its core is busy.
WORTH_SHARING = 500_000


@contextmanager
def threads_for(entries: int) -> Iterator[None]:
    """Run kernels on one thread if they loop over fewer than `WORTH_SHARING` entries."""
    before = used_threads()
    if entries < WORTH_SHARING:
        use_threads(1)
    try:
        yield
    finally:
        use_threads(before)


STRETCHES = 8  # intervals for each thread: several, because they take unequal times

_idle: list[Helper] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)  # a child has none of its parent's threads


class Helper:
    """A thread that waits for functions to run. It is woken by a lock: an executor takes three times as long.

    Attributes
    ----------
    given, done : int
        Numbers of functions that it was given, and that have ended.
    error : BaseException or None
        What the last one ended with.
    """

    def __init__(self) -> None:
        self.given = self.done = 0
        self.error: BaseException | None = None
        self._work: Callable[[], None] | None = None
        self._begin, self._end = threading.Lock(), threading.Lock()
        self._begin.acquire()
        self._end.acquire()
        threading.Thread(target=self._serve, name="propmat", daemon=True).start()

    def _serve(self) -> None:
        while True:
            self._begin.acquire()
            if self._work is None:
                return
            try:
                self._work()
            except BaseException as error:  # raised again by the thread that waits
                self.error = error
            self._work = None  # its arguments are not kept
            self.done += 1
            self._end.release()

    def start(self, work: Callable[[], None]) -> None:
        """Begin to run a function."""
        self._work, self.error = work, None
        self._begin.release()
        self.given += 1

    def wait(self) -> None:
        """Wait for the function's end."""
        self._end.acquire()

    def dismiss(self) -> None:
        """End the thread, after an interrupt, when it is done: until then it writes to the function's arguments."""
        while self.done < self.given:
            time.sleep(1e-3)
        self._begin.release()


def share(kernel: Callable[..., None], count: int, *arguments: Any) -> None:
    """Run ``kernel(begin, end, *arguments)`` on contiguous intervals of range(count), in parallel.

    numba's own parallel loops are not used: they take twice as long to compile, and need a threading layer.
    """
    _share(kernel, count, STRETCHES, arguments)


def intervals_of(items: Any) -> list[tuple[int, int]]:
    """The intervals of consecutive numbers among some that increase, each with its end."""
    cuts = [0, *(np.flatnonzero(np.diff(items) != 1) + 1).tolist(), len(items)]
    return [(int(items[low]), int(items[high - 1]) + 1) for low, high in zip(cuts[:-1], cuts[1:], strict=True) if high]


def share_some(kernel: Callable[..., None], items: Any, *arguments: Any) -> None:
    """The same for some numbers, which increase: ``kernel(begin, end, *arguments)`` on consecutive ones."""
    longest = max(1, len(items) // (STRETCHES * used_threads()))
    pieces = [(k, min(k + longest, end)) for begin, end in intervals_of(items) for k in range(begin, end, longest)]

    def run(low: int, high: int) -> None:
        for begin, end in pieces[low:high]:
            kernel(begin, end, *arguments)

    _share(run, len(pieces), STRETCHES, ())


def over_chunks(**options: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Compile ``kernel(begin, end, …, chunks, …)`` as a function without `begin` and `end` that runs it in parallel.

    Chunk c is the interval from chunks[c] to chunks[c + 1] - 1; all take about equal work. One call of the kernel
    processes chunks `begin` to `end` - 1. For loops of less than a millisecond: each thread makes two calls.
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

    helpers = list(_helpers(threads - 1))
    try:
        for helper in helpers:
            helper.start(run)
        run()
        for helper in helpers:
            helper.wait()
    except BaseException:
        for helper in helpers:
            helper.dismiss()
        raise
    _idle.extend(helpers)
    for error in (helper.error for helper in helpers if helper.error is not None):
        raise error


def _helpers(count: int) -> Iterator[Helper]:
    """Up to `count` helpers: none while the interpreter shuts down, fewer if the system limits their number."""
    for _ in range(count):
        try:
            yield _idle.pop() if _idle else Helper()
        except (IndexError, RuntimeError):
            return
