"""Locks that survive what a process does: a fork of it, and objects that hold them being pickled."""

from __future__ import annotations

import os
import threading
from types import TracebackType


class Lock:
    """A reentrant lock that is free in a child process and in a copy, whoever held it in the parent.

    For scratch memory, which holds nothing between two uses. What must be whole before a process forks is locked by
    `held_while_forking`.
    """

    def __init__(self) -> None:
        self._lock, self._process = threading.RLock(), os.getpid()

    def __enter__(self) -> None:
        if self._process != os.getpid():
            self._lock, self._process = threading.RLock(), os.getpid()
        self._lock.acquire()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._lock.release()

    def __reduce__(self) -> tuple[type[Lock], tuple[()]]:
        return Lock, ()


def held_while_forking() -> threading.RLock:
    """A reentrant lock that a fork waits for: what it guards is whole in the child, and the lock is free there."""
    lock = threading.RLock()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)
    return lock
