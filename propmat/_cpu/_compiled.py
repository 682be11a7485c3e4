"""Compilation of kernels by numba, and the cache of their machine code."""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from numba import njit
from numba.core.compiler_lock import global_compiler_lock

from propmat._cpu._code_files import has_nothing, readable_files, writable_files
from propmat._locks import FORK_GATE
from propmat.errors import warn

log = logging.getLogger("propmat")
_announced, _warned = threading.Event(), threading.Event()

KERNELS: dict[str, Any] = {}  # dispatchers by module within this package and name

FORK_GATE.hold_too(global_compiler_lock)  # so that no compilation is in progress when the process forks


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """`numba.njit` that releases the interpreter's lock and caches machine code on disk.

    numba's option `parallel` is not used: compilation would take twice as long, and the threads would belong to a
    threading layer that other packages may choose. `_threads.share` runs a kernel on several threads.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        dispatcher = njit(nogil=True, error_model="numpy", **options)(function)
        dispatcher._cache = KeptCode(function)
        dispatcher.compile = _without_collection(dispatcher.compile)
        KERNELS[dispatcher._cache.name] = dispatcher
        return dispatcher

    return decorate


def _without_collection(compile_for: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Pause the collection of garbage, which takes a tenth of a compilation and finds little."""

    def call(signature: Any) -> Any:
        with global_compiler_lock:
            collecting = gc.isenabled()
            gc.disable()
            try:
                return compile_for(signature)
            finally:
                if collecting:
                    gc.enable()

    return call


class KeptCode:
    """The on-disk cache of one kernel, with the interface that numba's dispatchers expect; its errors are not fatal.

    If neither the package's folder nor a home directory is writable (a container, a sandbox), nothing is cached, but
    code that was compiled before is read. If the disk is full or a file damaged, a warning is given once and the
    kernel is compiled for this process.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.name = f"{function.__module__}.{function.__name__}".removeprefix("propmat._cpu.")
        self.files = writable_files(function)
        self.shared = readable_files(function)

    @property
    def cache_path(self) -> str | None:
        path: str | None = self.files.cache_path
        return path

    def load_overload(self, signature: Any, target: Any) -> Any:
        """The machine code for a signature, or None if it is in no cache."""
        try:
            found = self.files.load_overload(signature, target)
        except Exception as error:  # unpickling damaged bytes may raise anything
            self._empty()
            self._tell(error)
            found = None
        if found is None:
            found = self._load_shared(signature, target)
        if found is None:
            self._announce(signature)
        return found

    def _announce(self, signature: Any) -> None:
        if not _announced.is_set():
            _announced.set()
            log.info("compiling kernels; this takes some seconds " + self._how_often())
            with suppress(Exception):  # it only saves time
                self._compile_beside(signature)

    def _compile_beside(self, signature: Any) -> None:
        if has_nothing(self.files):
            from propmat._cpu import _beside

            _beside.begin(self.name, signature, self.files.cache_path)

    def _load_shared(self, signature: Any, target: Any) -> Any:
        with suppress(Exception):  # unreadable or damaged: nothing here can mend it
            return self.shared.load_overload(signature, target)
        return None

    def _how_often(self) -> str:
        if self.cache_path is None:
            return "in each process: no folder for them is writable; NUMBA_CACHE_DIR names one"
        return "when a kernel is first used after installation"

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
