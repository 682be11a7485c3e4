"""One attempt at one item, and the file in which the process that makes it writes its records."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Mapping

from propmat.errors import PropmatWarning, one_line
from propmat.jobs._contract import I, Json, Task
from propmat.jobs._folder import Folder
from propmat.jobs._records import Record, Status, ended, started

UNRECORDED = "unrecorded"

# Storages behind URLs append nothing: a file is written again with every end, up to a size (bytes).
_LARGEST = 2**16


class Log:
    """A file of records, made with the first one; behind URLs several, in which starts come with the next end.

    Without `delayed` starts are written at once there, too.
    """

    def __init__(self, folder: Folder, name: str, *, delayed: bool = True) -> None:
        self._folder, self._name, self._delayed = folder, name, delayed
        self._descriptor: int | None = None
        self._torn = False
        self._kept, self._number = b"", 0
        self._written = 0

    def write(self, record: Record) -> None:
        """Append a line; raises `OSError` or `InputError` if that fails, and is usable afterwards."""
        if self._folder.is_remote:
            self._kept += record.line()
            first = not self._number and not self._written
            if first or record.is_end or not self._delayed:
                self._rewrite()
        else:
            self._append(record.line())

    def close(self) -> None:
        """Write what is left."""
        if self._written < len(self._kept):
            self._rewrite()
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _append(self, line: bytes) -> None:
        if self._descriptor is None:
            self._folder.make()
            path = self._folder.place_of(f"{self._name}.jsonl")
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
            self._descriptor = os.open(path, flags, 0o666)
        rest = b"\n" + line if self._torn else line
        self._torn = True
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        self._torn = False

    def _rewrite(self) -> None:
        self._folder.write(f"{self._name}-{self._number}.jsonl", self._kept)
        self._written = len(self._kept)
        if self._written > _LARGEST:
            self._kept, self._number, self._written = b"", self._number + 1, 0


def attempt(task: Task[I], item: I, log: Log, *, alone: bool = False) -> Record:
    """Call the task and write both records; an error of the task is a record.

    Where a record cannot be written, as on a full disk, the one that is returned says so under "unrecorded".
    """
    noted(log, started(item, alone=alone))
    start = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", PropmatWarning)
        try:
            facts = dict(task(item))
        except Exception as error:  # whatever it is: the next item may be well
            record = _failed(item, error, time.perf_counter() - start, alone)
        else:
            record = ended(item, "done", time.perf_counter() - start, alone=alone, **facts)
    if told := list(dict.fromkeys(str(warning.message) for warning in caught)):
        record = _with(record, {"warnings": told})
    return noted(log, record)


def _failed(item: I, error: Exception, seconds: float, alone: bool) -> Record:
    return ended(item, "failed", seconds, alone=alone, error=type(error).__name__, message=one_line(error))


def refused(item: I, log: Log, status: Status, error: str, message: str) -> Record:
    """Record an item that is not tried any more, and why."""
    return noted(log, ended(item, status, 0.0, alone=True, error=error, message=message))


def noted(log: Log, record: Record) -> Record:
    """Write a record; where that fails, the one that is returned says so."""
    try:
        log.write(record)
    except (OSError, ValueError) as error:
        return _with(record, {UNRECORDED: one_line(error)})
    return record


def _with(record: Record, more: Mapping[str, Json]) -> Record:
    return Record(record.name, record.key, record.status, record.at, record.alone, {**record.facts, **more})
