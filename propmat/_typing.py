"""Types of arguments and arrays."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

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
