"""Twin of `_cpu.csr`: products with sparse matrices in CSR, which are built in host memory and copied to the device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from propmat._gpu import _device
from propmat._gpu._launch import launch, over

LANES = 8  # threads that share a row, as in csr.cu


@dataclass(frozen=True, eq=False)
class Stored:
    """A sparse matrix in CSR with its arrays on the device; it need not be square."""

    data: Any
    indices: Any
    indptr: Any

    def __matmul__(self, x: Any) -> Any:
        y = np.empty(self.rows, self.data.dtype, like=self.data)
        multiply(self, x, y)
        return y

    @property
    def rows(self) -> int:
        return int(self.indptr.size) - 1

    @property
    def by_rows(self) -> tuple[Any, ...]:
        """The number of groups and the first arguments of a kernel over rows."""
        return over(self.rows * LANES), self.data, self.indices, self.indptr, self.rows


def stored(matrix: Any) -> Stored:
    """A sparse matrix of SciPy, copied to the device."""
    whole = matrix.tocsr()
    pointers = (numbers.astype(np.int32, copy=False) for numbers in (whole.indices, whole.indptr))
    return Stored(*map(_device.asarray, (whole.data, *pointers)))


def multiply(matrix: Stored, x: Any, out: Any) -> None:
    """out = A x."""
    launch("csr", f"multiply_{matrix.data.dtype}", *matrix.by_rows, x, out)


def relax(matrix: Stored, b: Any, x: Any, step: Any, old: Any, new: Any, out: Any) -> None:
    """step = old step + new (b - A x), out = x + step, in single precision."""
    launch("csr", "relax", *matrix.by_rows, b, x, step, np.float32(old), np.float32(new), out)
