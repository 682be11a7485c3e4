"""Closed-form matrices with wide windows, multiplied by sums over boxes and never formed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from propmat._backend import Backend, backend_of
from propmat._cached import cached_property
from propmat._typing import Array, Mask
from propmat.errors import UnsupportedError


@dataclass(frozen=True, eq=False)
class BoxOperator:
    """The matrix over the unknown pixels plus a diagonal; it has products and a diagonal, but no stored entries.

    Attributes
    ----------
    windows : tuple of arrays
        `Windows` of the kernels.
    unknown : (H, W) mask
        The n pixels.
    added : (n,) array
        The diagonal that is added.
    """

    windows: tuple[Any, ...]
    unknown: Mask
    added: Array

    stored = False
    grid = None

    @classmethod
    def of(cls, image: Array, unknown: Mask, epsilon: float, radius: int, added: Array) -> BoxOperator:
        """The matrix of an image (H, W, d)."""
        centred = image - image.mean(axis=(0, 1))  # which changes rounding only
        kernels = backend_of(unknown).kernels("box")
        return cls(kernels.windows_of(centred, unknown, 2 * radius + 1, epsilon), unknown, added)

    @property
    def shape(self) -> tuple[int, int]:
        return self.added.size, self.added.size

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.added.dtype

    @property
    def backend(self) -> Backend:
        return backend_of(self.added)

    @property
    def entries(self) -> int:
        """How many numbers are stored, of windows and pixels."""
        return sum(array.size for array in self.windows if hasattr(array, "size"))

    @cached_property
    def _position(self) -> NDArray[np.intp]:
        return np.flatnonzero(self.unknown)

    def times(self, values: Array) -> Array:
        """L p at the unknown pixels, (n,), for values p (H, W) of all."""
        product: Array = self.backend.kernels("box").times(self.windows, values)
        return product

    def __matmul__(self, x: Array) -> Array:
        values = np.zeros(self.unknown.size, like=self.added)
        values[self._position] = x
        return self.times(values.reshape(self.unknown.shape)) + self.added * x

    @cached_property
    def _diagonal(self) -> Array:
        diagonal: Array = self.backend.kernels("box").diagonal(self.windows)
        return diagonal

    def diagonal(self) -> Array:
        return self._diagonal + self.added

    def shifted(self, change: Array) -> BoxOperator:
        """The operator with `change` (n,) added to its diagonal."""
        return replace(self, added=self.added + change)

    def scaled(self, factor: float) -> BoxOperator:
        """Not supported, and not needed: the entries are bounded by the number of windows of a pixel."""
        raise UnsupportedError("large_kernel: is multiplied, not stored, so its entries cannot be scaled")

    def spread(self, x: Array) -> Array:
        return x.astype(np.float64)

    def gather(self, x: Array) -> Array:
        return x

    def multiply(self, x: Array, out: Array) -> object:
        out[:] = self @ x
        return (x * out).sum()  # not by BLAS: synchronising its threads takes longer than the sum

    def tocsr(self) -> sp.csr_array:
        """Not supported: the matrix is deliberately not formed."""
        raise UnsupportedError(
            "large_kernel: is multiplied, not stored, so Direct, IncompleteCholesky, SmoothedAggregation and Multigrid "
            "have no entries to work on; use CG with the Jacobi preconditioner, or closed_form with that radius"
        )
