"""A second process that compiles beside the first call of a method where nothing is compiled yet.

It begins with the kernels that are needed last, and ends where it finds those that the first process has compiled. It
saves time and nothing else: nothing depends on its success, and it ends when the first process does.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import re
import sys
import threading
from pathlib import Path
from typing import Any

from numba.core import config

from propmat._cpu._compiling import Child
from propmat._cpu._signatures import listed, written
from propmat._locks import lock_descriptor

LOCK = ".propmat-beside"
_PYTHON = re.compile(r"python[\d.]*w?(\.exe)?", re.IGNORECASE)
_first = threading.Lock()


def begin(kernel: str, kinds: tuple[Any, ...], folder: str) -> None:
    """Start it on what follows the first call of a kernel, at most once in this process and once in the folder."""
    if not _first.acquire(blocking=False) or not _has_cores() or not _can_start_python():
        return
    signatures, called = listed(), (kernel, tuple(written(kind) for kind in kinds))
    methods = next((one.usual for one in signatures if (one.kernel, one.arguments) == called), ())
    lock = Path(folder, LOCK)
    if not methods or _is_held(lock):
        return
    child = Child(alone=lock)
    atexit.register(child.end)
    child.tell(reversed([index for index, one in enumerate(signatures) if methods[0] in one.usual]), last=True)


def _has_cores() -> bool:
    """Whether another process leaves this one a core: not where several processes share the work already."""
    threads: int = config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    return threads > 1 and multiprocessing.parent_process() is None


def _can_start_python() -> bool:
    """Whether `sys.executable` is an interpreter: not in frozen programs, nor in those that embed Python."""
    name = os.path.basename(sys.executable or "")
    return not getattr(sys, "frozen", False) and _PYTHON.fullmatch(name) is not None


def _is_held(lock: Path) -> bool:
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        lock_descriptor(descriptor, wait=False)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False
