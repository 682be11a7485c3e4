"""The threading layer under the kernels, and how many threads it uses."""

from __future__ import annotations

import ctypes
import os
import sys


def prefer_tbb() -> None:
    """Load the TBB that pip installed, so that numba finds it.

    numba looks for ``libtbb.so.12`` on the system's path only, and without it falls back to GNU OpenMP, which ends a
    forked child that enters a kernel. A library that is loaded already is found by its name.
    """
    library = os.path.join(sys.prefix, "lib", "libtbb.so.12")
    if os.path.exists(library):
        ctypes.CDLL(library, mode=ctypes.RTLD_GLOBAL)
