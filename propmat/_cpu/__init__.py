"""Compiled kernels: plain functions of arrays and numbers.

They do not check their arguments and raise no exceptions; a kernel that can fail returns a status. No other package
imports numba.
"""

from __future__ import annotations

import threading


def _load_numba() -> None:
    """Import numba, and the modules that it loads before its first compilation."""
    from numba.core.registry import cpu_target

    cpu_target.typing_context.refresh()
    cpu_target.target_context.refresh()


def _load_whole() -> None:
    """Import numba on a separate thread, which completes even if the main thread is interrupted.

    After an interrupted import numba cannot be imported again in the same process.
    """
    thread = threading.Thread(target=_load_numba, name="propmat loads numba")
    try:
        thread.start()
    except RuntimeError:  # no thread can be started, for example while the interpreter shuts down
        _load_numba()
    else:
        thread.join()


_load_whole()
