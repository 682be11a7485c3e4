"""A pool of processes on this machine: small items side by side, large and suspected ones alone.

A pool of `concurrent.futures` is broken as a whole when one process dies, and does not say at which item.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Generic

from propmat._memory import gibibytes, total
from propmat.jobs import _memory
from propmat.jobs._attempt import refused
from propmat.jobs._contract import I, Job
from propmat.jobs._plan import Plan
from propmat.jobs._process import Process
from propmat.jobs._records import DIED, Record, Status
from propmat.jobs._state import POOL, log_for

Report = Callable[[Record], None]

_END = None


@dataclass(frozen=True)
class Settings:
    """How many processes with how many threads each, and how many bytes all of their items together may take."""

    jobs: int
    threads: int = 1
    memory: int | None = None


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass
class Pool(Generic[I]):
    """The processes of one run of a job, each served by a thread; records are reported by the thread that runs it."""

    job: Job[I]
    plan: Plan
    settings: Settings
    report: Report
    _records: queue.SimpleQueue[Record | BaseException | None] = field(default_factory=queue.SimpleQueue)
    _large: queue.SimpleQueue[int] = field(default_factory=queue.SimpleQueue)
    _suspected: queue.SimpleQueue[int] = field(default_factory=queue.SimpleQueue)

    def __post_init__(self) -> None:
        self._log = log_for(self.job.state, POOL)
        self._next, self._locked = iter(self.plan.todo), threading.Lock()
        self._admission = _memory.Admission(self.settings.memory or _memory.budget(self.settings.jobs))
        self._processes: list[Process[I]] = []

    def run(self) -> None:
        """Do all that is planned; every record is reported."""
        for index in self.plan.suspected:
            self._suspected.put(index)
        try:
            self._together([self._many] * min(self.settings.jobs, len(self.plan.todo)))
            self._together([self._few])
        finally:
            for process in self._processes:
                process.stop()
            self._log.close()

    def _together(self, loops: list[Callable[[], None]]) -> None:
        """Run loops in threads of their own, and report what they put, until all have ended."""
        for loop in loops:
            threading.Thread(target=self._ending, args=(loop,), daemon=True).start()
        left = len(loops)
        while left:
            record = self._records.get()
            if isinstance(record, BaseException):
                raise record
            if record is _END:
                left -= 1
            else:
                self.report(record)

    def _ending(self, loop: Callable[[], None]) -> None:
        try:
            loop()
        except BaseException as error:  # raised again in the thread that waits
            self._records.put(error)
        self._records.put(_END)

    def _many(self) -> None:
        """Items side by side with those of other processes, as far as memory allows."""
        process = self._process(self.settings.threads)
        for index in self._todo():
            wanted = self.job.task.memory(self.job.items[index])
            if wanted > self._admission.budget:
                self._large.put(index)
                continue
            with self._admission(wanted):
                record = process.answer(self.job.items[index], alone=False)
            if isinstance(record, Record):
                self._records.put(record)
            else:
                self._suspected.put(index)
        process.stop()

    def _few(self) -> None:
        """Items one at a time: the large ones, with all threads, then those at which a process died."""
        usual, with_all = (self._process(threads) for threads in (self.settings.threads, self._most_threads()))
        most = total()
        for suspected, waiting in ((False, self._large), (True, self._suspected)):
            for index in _emptied(waiting):
                wanted = self.job.task.memory(self.job.items[index])
                if wanted > most:
                    self._refuse(index, wanted, most)
                else:
                    self._try(with_all if wanted > self._admission.budget else usual, index, suspected)

    def _most_threads(self) -> int:
        return max(os.cpu_count() or 1, self.settings.threads)

    def _try(self, process: Process[I], index: int, suspected: bool) -> None:
        record = process.answer(self.job.items[index], alone=suspected)
        if isinstance(record, Record):
            self._records.put(record)
        elif suspected:
            self._end(index, "killed", DIED, record)
        else:
            self._suspected.put(index)

    def _refuse(self, index: int, wanted: int, most: int) -> None:
        message = f"takes about {gibibytes(wanted)} of memory; this machine has {gibibytes(most)}"
        self._end(index, "failed", "MemoryError", message)

    def _end(self, index: int, status: Status, error: str, message: str) -> None:
        """Record what no process could."""
        self._records.put(refused(self.job.items[index], self._log, status, error, message))

    def _process(self, threads: int) -> Process[I]:
        process: Process[I] = Process(self.job.task, self.job.state, threads)
        self._processes.append(process)
        return process

    def _todo(self) -> Iterator[int]:
        """What is next, for whichever thread asks."""
        while True:
            with self._locked:
                index = next(self._next, None)
            if index is None:
                return
            yield index


def _emptied(waiting: queue.SimpleQueue[int]) -> Iterator[int]:
    while not waiting.empty():
        yield waiting.get()
