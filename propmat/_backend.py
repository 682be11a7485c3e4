"""Where arrays live, and the kernels that work there.

Arrays decide: those of NumPy stay in host memory, those of CuPy on their GPU. What lies between the
checks of arguments and the kernels is written once, with NumPy's functions, which pass arrays of CuPy on to CuPy (NEP
18; `like=`, NEP 35).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from propmat._on_device import FUNCTIONS
from propmat.errors import InputError, UnsupportedError

ON_DEVICE = ", ".join(FUNCTIONS.on_device)


@dataclass(frozen=True)
class Backend:
    """A kind of arrays and its kernels: `_cpu` and `_gpu` are twins, with the same names and signatures.

    Attributes
    ----------
    arrays : str
        Whose arrays they are.
    package : str
        Where the kernels are.
    factorises : bool
        Whether matrices are stored with their entries, and may be factorised.
    stacks : bool
        Whether the images of a batch are solved at once, one above the other.
    """

    arrays: str
    package: str
    factorises: bool
    stacks: bool

    def kernels(self, module: str) -> Any:
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

    def share(self, kernel: Callable[..., None], count: int, *arguments: Any) -> None:
        """Run ``kernel(begin, end, *arguments)`` on stretches of range(count), as many at a time as is best."""
        self.kernels("_threads").share(kernel, count, *arguments)


HOST = Backend("NumPy", "propmat._cpu", factorises=True, stacks=False)
DEVICE = Backend("CuPy", "propmat._gpu", factorises=False, stacks=True)


def on_device(value: Any) -> bool:
    """Whether a value lies in the memory of a GPU."""
    return hasattr(value, "__cuda_array_interface__")


def backend_of(array: Any) -> Backend:
    """The backend of an array."""
    return DEVICE if on_device(array) else HOST


def same_backend(**arrays: Any) -> Backend:
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
def guarded(array: Any) -> Iterator[None]:
    """Where `array` lies on a GPU, say in words what fails there; see `propmat._gpu._device`."""
    if not on_device(array):
        yield
        return
    from propmat._gpu import _device

    with _device.telling_failures():
        yield


def to_device(value: Any) -> Any:
    """What lies on a GPU already as an array of CuPy, without a copy; other arrays are copied there."""
    from propmat._gpu import _device

    return _device.asarray(value)


def to_host(array: Any) -> Any:
    """A copy in host memory of what lies on a GPU; an array of NumPy is returned as it is."""
    return array.get() if on_device(array) else array


def beside(array: Any, like: Any) -> Any:
    """An array of NumPy, or a copy of it on a GPU if `like` lies there."""
    return to_device(array) if on_device(like) else array
