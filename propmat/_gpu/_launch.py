"""The one place where kernels are started.

A kernel is right for any number of groups (thread blocks) and threads in a group; both only tell how the work is
shared out. `compiled` is all that knows the device: in its place the tests put the same source compiled for the host.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from importlib import resources
from typing import Any

import numpy as np

from propmat._gpu._device import cupy

THREADS = 128
MOST_THREADS = 256  # as in common.cuh
MOST_GROUPS = 1 << 16

Kernel = Callable[[tuple[int], tuple[int], tuple[Any, ...]], None]


def launch(source: str, kernel: str, groups: int, *arguments: Any, threads: int = THREADS, **constants: int) -> None:
    """Start a kernel of ``<source>.cu`` on the current stream; `constants` are compiled in.

    Arrays are passed by address, whole numbers as 64 bits, floats as double precision unless they are `np.float32`.
    """
    if groups > 0:
        passed = tuple(_passed(argument) for argument in arguments)
        compiled(source, kernel, tuple(sorted(constants.items())))((min(groups, MOST_GROUPS),), (threads,), passed)


def over(count: int, threads: int = THREADS) -> int:
    """As many groups as give every item a thread."""
    return -(-int(count) // threads)


def _passed(argument: Any) -> Any:
    if isinstance(argument, np.float32):
        return argument
    if isinstance(argument, (bool, int, np.integer)):
        return np.int64(argument)
    if isinstance(argument, float):
        return np.float64(argument)
    assert argument.flags.c_contiguous or argument.flags.f_contiguous, "kernels take whole arrays"
    return argument


def code(source: str) -> str:
    """The CUDA source of a module, with what all share."""
    folder = resources.files("propmat._gpu")
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in ("common.cuh", f"{source}.cu"))


@functools.cache
def compiled(source: str, kernel: str, constants: tuple[tuple[str, int], ...]) -> Kernel:
    """The kernel, compiled for the device by NVRTC; CuPy keeps the machine code on disk."""
    return _module(source, constants).get_function(kernel)


@functools.cache
def _module(source: str, constants: tuple[tuple[str, int], ...]) -> Any:
    options = ("--std=c++17", *(f"-D{name}={value}" for name, value in constants))
    return cupy().RawModule(code=code(source), options=options)
