"""Compilation and launch of CUDA kernels.

A thread block of CUDA is called a group here, because blocks are those of multigrid. The result of a kernel does not
depend on the number of groups or of threads in a group. Only `compiled` needs a device: the tests replace it by a
function that compiles the same source for the host.
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
    """Launch a kernel of ``<source>.cu`` on the current stream; `constants` are defined as macros.

    Arrays are passed as pointers, integers as 64 bits, floats in double precision unless they are `np.float32`.
    """
    if groups > 0:
        passed = tuple(_passed(argument) for argument in arguments)
        compiled(source, kernel, tuple(sorted(constants.items())))((min(groups, MOST_GROUPS),), (threads,), passed)


def over(count: int, threads: int = THREADS) -> int:
    """The number of groups with a thread for each of `count` items."""
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
    """The CUDA source of a module, preceded by common.cuh."""
    folder = resources.files("propmat._gpu")
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in ("common.cuh", f"{source}.cu"))


@functools.cache
def compiled(source: str, kernel: str, constants: tuple[tuple[str, int], ...]) -> Kernel:
    """The kernel, compiled for the device by NVRTC; CuPy caches the machine code on disk."""
    return _module(source, constants).get_function(kernel)


@functools.cache
def _module(source: str, constants: tuple[tuple[str, int], ...]) -> Any:
    options = ("--std=c++17", *(f"-D{name}={value}" for name, value in constants))
    return cupy().RawModule(code=code(source), options=options)
