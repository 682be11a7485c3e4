"""Compilation of kernels by numba, and the cache of their machine code."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from numba import njit
from numba.core.caching import FunctionCache, NullCache
from numba.core.compiler_lock import global_compiler_lock

from propmat._locks import FORK_GATE
from propmat.errors import warn

log = logging.getLogger("propmat")
_announced, _warned = threading.Event(), threading.Event()

FORK_GATE.hold_too(global_compiler_lock)  # so that no compilation is in progress when the process forks


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """`numba.njit` that releases the interpreter's lock and caches machine code on disk.

    numba's option `parallel` is not used: compilation would take twice as long, and the threads would belong to a
    threading layer that other packages may choose. `_threads.share` runs a kernel on several threads.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        dispatcher = njit(nogil=True, error_model="numpy", **options)(function)
        dispatcher._cache = KeptCode(function)
        return dispatcher

    return decorate


class KeptCode:
    """The on-disk cache of one kernel, with the interface that numba's dispatchers expect; its errors are not fatal.

    If neither the package's folder nor a home directory is writable (a container, a sandbox), nothing is cached. If
    the disk is full or a file damaged, a warning is given once and the kernel is compiled for this process.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        try:
            self.files: FunctionCache | NullCache = FunctionCache(function)
        except RuntimeError:  # "no locator available"
            self.files = NullCache()

    @property
    def cache_path(self) -> str | None:
        path: str | None = self.files.cache_path
        return path

    def load_overload(self, signature: Any, target: Any) -> Any:
        """The machine code for a signature, or None if it is not in the cache."""
        try:
            found = self.files.load_overload(signature, target)
        except Exception as error:  # unpickling damaged bytes may raise anything
            self._empty()
            self._tell(error)
            found = None
        if found is None and not _announced.is_set():
            _announced.set()
            log.info("compiling kernels; this takes some seconds when a kernel is first used after installation")
        return found

    def save_overload(self, signature: Any, code: Any) -> None:
        """Store the machine code for a signature."""
        try:
            self.files.save_overload(signature, code)
        except Exception as error:
            self._tell(error)

    def enable(self) -> None:
        self.files.enable()

    def disable(self) -> None:
        self.files.disable()

    def flush(self) -> None:
        self.files.flush()

    def _empty(self) -> None:
        """Delete the entries of the cache, so that the next process writes new ones; on a full disk they stay."""
        try:
            self.files.flush()
        except OSError:
            pass

    def _tell(self, error: Exception) -> None:
        if not _warned.is_set():
            _warned.set()
            reason = getattr(error, "strerror", None) or type(error).__name__
            warn(
                f"the cache of compiled kernels in {self.cache_path} fails ({reason}); they are compiled for this "
                f"process only. NUMBA_CACHE_DIR names another folder."
            )
