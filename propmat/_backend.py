"""The memory of arrays, host or GPU, and the kernels for it.

The arrays decide: arrays of NumPy are computed with in host memory, those of CuPy on their GPU. The code between the
checks of arguments and the kernels is the same for both: it uses NumPy's functions, which pass arrays of CuPy on to
CuPy (NEP 18; `like=`, NEP 35).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from propmat._on_device import FUNCTIONS
from propmat.errors import InputError, UnsupportedError

T = TypeVar("T", bound=np.generic)

ON_DEVICE = ", ".join(FUNCTIONS.on_device)


@dataclass(frozen=True)
class Backend:
    """A kind of arrays and its kernels: `_cpu` and `_gpu` are twins, with the same names and signatures.

    Attributes
    ----------
    arrays : str
        The library of the arrays.
    package : str
        The package of the kernels.
    factorises : bool
        Whether entries of matrices are stored in this memory, so that they can be factorised.
    stacks : bool
        Whether the images of a batch are solved at once, stacked along the height.
    """

    arrays: str
    package: str
    factorises: bool
    stacks: bool

    def kernels(self, module: str) -> ModuleType:
        """The kernels of one module.

        Raises
        ------
        UnsupportedError
            If there are none for these arrays.
        """
        try:
            return importlib.import_module(f"{self.package}.{module}")
        except ModuleNotFoundError as error:
            if error.name != f"{self.package}.{module}":
                raise
            raise UnsupportedError(
                f"{self.arrays}: this needs kernels ({module}) that run on the host alone. On a GPU run "
                f"{ON_DEVICE}; for all else pass cupy.asnumpy(array)"
            ) from None

    def share(self, kernel: Callable[..., None], count: int, *arguments: object) -> None:
        """Run ``kernel(begin, end, *arguments)`` on parts of range(count), on several threads on the host."""
        self.kernels("_threads").share(kernel, count, *arguments)


HOST = Backend("NumPy", "propmat._cpu", factorises=True, stacks=False)
DEVICE = Backend("CuPy", "propmat._gpu", factorises=False, stacks=True)


def on_device(value: object) -> bool:
    """Whether a value lies in the memory of a GPU."""
    return hasattr(value, "__cuda_array_interface__")


def backend_of(array: object) -> Backend:
    """The backend of an array."""
    return DEVICE if on_device(array) else HOST


def same_backend(**arrays: object) -> Backend:
    """The backend of several arguments.

    Raises
    ------
    InputError
        If some are in host memory and some on a GPU.
    """
    found = {name: backend_of(array) for name, array in arrays.items()}
    first, *others = found
    for other in others:
        if found[other] is not found[first]:
            raise InputError(
                f"{other}: is an array of {found[other].arrays}, {first} of {found[first].arrays}; takes both in host "
                f"memory or both on the GPU (cupy.asarray, cupy.asnumpy)"
            )
    return found[first]


@contextmanager
def guarded(array: object) -> Iterator[None]:
    """If `array` is on a GPU, turn errors of the device into errors of propmat; see `propmat._gpu._device`."""
    if not on_device(array):
        yield
        return
    from propmat._gpu import _device

    with _device.telling_failures():
        yield


def to_device(value: object) -> NDArray[Any]:
    """An array of CuPy: without a copy if the value is on a GPU already, else copied there."""
    from propmat._gpu import _device

    return _device.asarray(value)


def to_host(array: NDArray[T]) -> NDArray[T]:
    """An array in host memory: a copy of an array on a GPU, an array of NumPy as it is."""
    host: NDArray[T] = array.get() if on_device(array) else array  # type: ignore[attr-defined]
    return host


def moved_like(array: NDArray[T], like: object) -> NDArray[T]:
    """An array in the memory of `like`: copied to the GPU if `like` is there, else as it is."""
    return to_device(array) if on_device(like) else array
