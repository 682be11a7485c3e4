"""Where one process writes its records: a file of its own, so that no two write to one."""

from __future__ import annotations

import os

from propmat.jobs._folder import Folder
from propmat.jobs._records import Record

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
