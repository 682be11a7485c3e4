"""Locks that work after a fork of the process and in pickled copies of the objects that hold them; locks of files."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

if sys.platform == "win32":
    import msvcrt

    def lock_descriptor(descriptor: int, *, wait: bool, shared: bool = False) -> None:
        if not shared:  # there are no shared ones
            msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def lock_descriptor(descriptor: int, *, wait: bool, shared: bool = False) -> None:
        """Hold an open file until it is closed, alone or with others that share it; fail with an OSError or `wait`."""
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))


@contextmanager
def locked_file(path: Path) -> Iterator[None]:
    """Hold an empty file for this process alone, after waiting for others.

    Without effect where the file system has no locks, or the file is another user's. It stays: if it were removed, two
    processes could hold it.
    """
    descriptor = None
    try:
        with suppress(OSError):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
            lock_descriptor(descriptor, wait=True)
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


class Lock:
    """A reentrant lock that is free in a child process and in a copy, even if it was held in the parent.

    For scratch memory, whose contents are not needed between two uses. Work that must be complete before a process
    forks is done inside `FORK_GATE`.
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


class ForkGate:
    """A region that no fork may interrupt: a fork waits until every thread has left it, and blocks new ones meanwhile.

    For work that other libraries do under locks or on threads of their own. OpenBLAS, for example, ends its threads
    before a fork: a thread in the middle of a product then waits forever, in the parent and in the child.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._forks = 0
        self._depths: dict[int, int] = {}  # how often a thread is inside
        self._locks: list[Any] = []
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=self._close, after_in_parent=self._open, after_in_child=self._open_in_child)

    def hold_too(self, lock: Any) -> None:
        """Let a fork also hold another lock, taken after the gate is closed, because threads inside may need it."""
        self._locks.append(lock)

    def __enter__(self) -> None:
        own = threading.get_ident()
        with self._changed:
            self._changed.wait_for(lambda: own in self._depths or not self._forks)
            self._depths[own] = self._depths.get(own, 0) + 1

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        own = threading.get_ident()
        with self._changed:
            depth = self._depths.pop(own) - 1
            if depth:
                self._depths[own] = depth
            self._changed.notify_all()

    def _close(self) -> None:
        self._changed.acquire()
        self._forks += 1
        own = threading.get_ident()
        self._changed.wait_for(lambda: self._depths.keys() <= {own})  # one that forks does not wait for itself
        for lock in self._locks:
            lock.acquire()

    def _open(self) -> None:
        for lock in reversed(self._locks):
            lock.release()
        self._forks -= 1
        self._changed.notify_all()
        self._changed.release()

    def _open_in_child(self) -> None:
        for lock in reversed(self._locks):
            lock.release()
        self._changed = threading.Condition()  # of those that waited none is left
        own = threading.get_ident()
        self._depths, self._forks = {key: depth for key, depth in self._depths.items() if key == own}, 0


FORK_GATE = ForkGate()
