"""Types of arguments and arrays."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import EllipsisType
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from typing_extensions import Self

Array: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.bool_]
PathLike: TypeAlias = str | os.PathLike[str]


class OnDevice(Protocol):
    """An array in the memory of a GPU, of CuPy or PyTorch."""

    @property
    def __cuda_array_interface__(self) -> Mapping[str, object]: ...


class Exposed(Protocol):
    """An object that shows its memory to NumPy, such as an image of Pillow."""

    @property
    def __array_interface__(self) -> Mapping[str, object]: ...


ArrayLike: TypeAlias = npt.ArrayLike | OnDevice | Exposed

# A matte and its confidence, as `propmat.solve` takes them.
Prior: TypeAlias = tuple[ArrayLike, ArrayLike]


class DType(Protocol):
    """The type of an array's numbers."""

    @property
    def itemsize(self) -> int: ...


class Shaped(Protocol):
    """An array of any dtype."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> DType: ...


class Differentiable(Shaped, Protocol):
    """An array of floating numbers with the operators that NumPy, PyTorch and JAX share."""

    def __add__(self, other: Self | float, /) -> Self: ...

    def __sub__(self, other: Self | float, /) -> Self: ...

    def __rsub__(self, other: float, /) -> Self: ...

    def __mul__(self, other: Self | float, /) -> Self: ...

    def __truediv__(self, other: Self, /) -> Self: ...

    def __pow__(self, other: float, /) -> Self: ...

    def __abs__(self) -> Self: ...

    def __getitem__(self, index: tuple[EllipsisType | slice | npt.NDArray[np.intp] | None, ...], /) -> Self: ...

    def sum(self) -> Self: ...

    def mean(self, axis: int, /) -> Self: ...

    def clip(self, least: int, /) -> Self: ...
