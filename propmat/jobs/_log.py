"""Where one process writes its records: a file of its own, so that no two write to one."""

from __future__ import annotations

import os
import time

from propmat.jobs._folder import Folder
from propmat.jobs._records import Record

# Storages behind URLs append nothing: the file is written again, at most so often (seconds).
_REWRITTEN_EVERY = 1.0


class Log:
    """A file of records, made with the first one."""

    def __init__(self, folder: Folder, name: str) -> None:
        self._folder, self._name = folder, name
        self._descriptor: int | None = None
        self._torn = False
        self._kept = b""
        self._written, self._at = 0, 0.0

    def write(self, record: Record) -> None:
        """Append a line; raises `OSError` or `InputError` if that fails, and is usable afterwards."""
        if self._folder.is_remote:
            self._kept += record.line()
            if time.monotonic() > self._at + _REWRITTEN_EVERY:
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
            path = self._folder.place_of(self._name)
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
            self._descriptor = os.open(path, flags, 0o666)
        rest = b"\n" + line if self._torn else line
        self._torn = True
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        self._torn = False

    def _rewrite(self) -> None:
        self._folder.write(self._name, self._kept)
        self._written, self._at = len(self._kept), time.monotonic()
