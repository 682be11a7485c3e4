"""What a solver and a preconditioner may ask of a matrix."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from propmat._backend import Backend

if TYPE_CHECKING:
    from propmat._operators._grid import GridOperator

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

# Sums of squares below have lost digits to underflow.
LEAST_SQUARE = 1e-280

# Gives (n, m) columns that the matrix all but annihilates; called only by those who coarsen along them.
NearNullSpace = Callable[[], Array]


class Operator(Protocol):
    """A symmetric matrix over n pixels, however it is stored, in host memory or on a GPU.

    Vectors are (n,) arrays of float64 in the memory of the matrix. Where a product is made again and again they lie as
    the matrix likes them best: `spread` puts them so, `gather` takes them back.
    """

    @property
    def shape(self) -> tuple[int, int]:
        """(n, n)."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the entries."""

    @property
    def backend(self) -> Backend:
        """Where the arrays are."""

    @property
    def entries(self) -> int:
        """How many numbers a product reads; kernels are shared between threads by it."""

    @property
    def stored(self) -> bool:
        """Whether `tocsr` gives the entries; if not, the matrix can only be multiplied."""

    @property
    def grid(self) -> GridOperator | None:
        """The matrix as one on the pixel grid, which multigrid coarsens, where it is one."""

    def __matmul__(self, x: Array) -> Array:
        """A x."""

    def diagonal(self) -> Array:
        """The diagonal, (n,)."""

    def shifted(self, change: Array) -> Operator:
        """The matrix with `change` (n,) added to its diagonal."""

    def scaled(self, factor: float) -> Operator:
        """The matrix times a number > 0; asked for of a stored matrix only."""

    def spread(self, x: Array) -> Array:
        """A copy of a vector as `multiply` takes it."""

    def gather(self, x: Array) -> Array:
        """A vector from where `spread` put it."""

    def multiply(self, x: Array, out: Array) -> object:
        """out = A x for vectors that were spread; returns xᵀ A x, on a GPU in parts."""

    def tocsr(self) -> sp.csr_array:
        """The entries in host memory.

        Raises
        ------
        UnsupportedError
            If the matrix is not stored.
        """


def length(vector: Array) -> float:
    """Euclidean length, also of what has squares that overflow or vanish.

    Not by BLAS: its threads spin on after a call, in the way of those of the kernels.
    """
    with np.errstate(over="ignore"):
        squared = float(np.square(vector).sum())
    if LEAST_SQUARE < squared < math.inf:
        return math.sqrt(squared)
    size = greatest(vector)
    if size == 0 or not math.isfinite(size):
        return size
    return size * math.sqrt(float(np.square(vector / size).sum()))


def greatest(vector: Array) -> float:
    """The greatest absolute value, 0 if there is none."""
    return float(np.abs(vector).max()) if vector.size else 0.0
