"""Compiling many kernels in several processes, callees before their callers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

from propmat._cpu._compiling import Child
from propmat._cpu._signatures import Signature

Done = Callable[[Signature], None]


def compile_in_processes(
    signatures: Sequence[Signature], wanted: Sequence[int], jobs: int, done: Done
) -> tuple[int, list[str]]:
    """Compile the signatures with the indices `wanted`; how many were not in the cache, and what was warned of.

    `done` is called after each, from one thread at a time.
    """
    work = _Queue(signatures, wanted, done)
    with ExitStack() as ends:
        children = [Child() for _ in range(min(jobs, len(wanted)))]
        for child in children:
            ends.callback(child.end)
        with ThreadPoolExecutor(len(children) or 1) as threads:
            try:
                for running in [threads.submit(work.run, child) for child in children]:
                    running.result()
            except BaseException:
                work.stop()
                for child in children:
                    child.end()
                raise
    return work.compiled, sorted(work.warnings)


class _Queue:
    """Signatures that wait, those with the most work that depends on them first."""

    def __init__(self, signatures: Sequence[Signature], wanted: Sequence[int], done: Done) -> None:
        self._signatures, self._done = signatures, done
        self._missing = {index: set(signatures[index].calls) & set(wanted) for index in wanted}
        self._urgency = _urgency(signatures)
        self._changed = threading.Condition()
        self.compiled, self.warnings = 0, set[str]()

    def run(self, child: Child) -> None:
        """Let one process compile until nothing is left."""
        try:
            while (index := self._take()) is not None:
                child.tell([index])
                self._finish(index, child.answer())
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Start nothing more."""
        with self._changed:
            self._missing.clear()
            self._changed.notify_all()

    def _take(self) -> int | None:
        with self._changed:
            self._changed.wait_for(lambda: not self._missing or self._ready())
            if not self._missing:
                return None
            index = max(self._ready(), key=self._urgency.__getitem__)
            del self._missing[index]
            self._changed.notify_all()
            return index

    def _ready(self) -> list[int]:
        return [index for index, callees in self._missing.items() if not callees]

    def _finish(self, index: int, answer: dict[str, Any]) -> None:
        with self._changed:
            for callees in self._missing.values():
                callees.discard(index)
            self.compiled += answer["compiled"]
            self.warnings |= set(answer["warnings"])
            self._done(self._signatures[index])
            self._changed.notify_all()


def _urgency(signatures: Sequence[Signature]) -> list[float]:
    """The seconds of the longest chain of callers above each signature, its own included."""
    longest = [one.seconds for one in signatures]
    for index in reversed(range(len(signatures))):  # callers come after their callees
        for callee in signatures[index].calls:
            longest[callee] = max(longest[callee], signatures[callee].seconds + longest[index])
    return longest
