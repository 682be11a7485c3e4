"""How every kernel is compiled, and where its machine code is kept."""

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

FORK_GATE.hold_too(global_compiler_lock)  # nothing is half compiled in a child process


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """`numba.njit` without the interpreter's lock, its machine code kept on disk.

    Never by `parallel`: such a kernel takes twice as long to compile, and its threads belong to a layer that other
    packages choose. `_threads.share` runs kernels on several.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        dispatcher = njit(nogil=True, error_model="numpy", **options)(function)
        dispatcher._cache = KeptCode(function)
        return dispatcher

    return decorate


class KeptCode:
    """numba's cache of one kernel, in the protocol of its dispatchers; where it fails, it costs time and no result.

    Where neither the package's folder nor a home can be written (a container, a sandbox) there is no cache. A full
    disk, or a damaged file, is told once, and the kernel is compiled for this process.
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
        """The machine code for a signature, or None where it has to be compiled."""
        try:
            found = self.files.load_overload(signature, target)
        except Exception as error:  # unpickling raises whatever damaged bytes make it
            self._empty()
            self._tell(error)
            found = None
        if found is None and not _announced.is_set():
            _announced.set()
            log.info("compiling kernels; this takes some seconds when a kernel is first used after installation")
        return found

    def save_overload(self, signature: Any, code: Any) -> None:
        """Keep the machine code for a signature."""
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
        """Forget what is kept, so that the next process finds a whole cache; on a full disk it stays as it is."""
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
