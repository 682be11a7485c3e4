"""Memory that arrays have freed."""

from __future__ import annotations

import ctypes
import sys


def give_back() -> None:
    """Return to the system what the C library keeps of memory that was freed.

    glibc keeps freed blocks of up to 32 MB between those in use, as many as there were at once: with planes of a
    picture, which differ in size from solve to solve, hundreds of megabytes. Other C libraries have no such call.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
