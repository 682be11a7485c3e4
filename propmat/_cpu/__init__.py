"""Compiled kernels: plain functions of arrays and numbers.

They check nothing and raise nothing; where one can fail it returns a code. No other package imports numba.
"""

from __future__ import annotations

import threading


def _load_numba() -> None:
    """Import numba, and what it imports before it first compiles."""
    from numba.core.registry import cpu_target

    cpu_target.typing_context.refresh()
    cpu_target.target_context.refresh()


def _load_whole() -> None:
    """Load numba on a thread of its own, which goes on to its end when the main thread is interrupted.

    Broken off in its middle, numba cannot be imported again in the same process.
    """
    thread = threading.Thread(target=_load_numba, name="propmat loads numba")
    try:
        thread.start()
    except RuntimeError:  # no thread can be started, as when the interpreter ends
        _load_numba()
    else:
        thread.join()


_load_whole()
