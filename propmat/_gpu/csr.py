"""Twin of `_cpu.csr`: matrices with stored entries, made in host memory and multiplied on the device."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse

from propmat._gpu import _device
from propmat._gpu._launch import launch, over
from propmat.errors import UnsupportedError

LANES = 8  # threads that share a row, as in csr.cu
NO_ENTRIES = (
    "solver: Direct and IncompleteCholesky work on entries in host memory; on a GPU use CG with Multigrid, "
    "SmoothedAggregation or Jacobi"
)


@dataclass(frozen=True, eq=False)
class Stored:
    """A sparse matrix on the device, and what was added to its diagonal, if anything was."""

    entries: Any  # of SciPy, in host memory
    data: Any
    indices: Any
    indptr: Any
    added: Any = None

    @property
    def shape(self) -> tuple[int, int]:
        rows, columns = self.entries.shape
        return rows, columns

    @property
    def dtype(self) -> Any:
        return self.data.dtype

    @property
    def nnz(self) -> int:
        return int(self.entries.nnz)

    def __matmul__(self, x: Any) -> Any:
        y = np.empty(self.shape[0], self.dtype, like=self.data)
        launch("csr", f"multiply_{self.dtype}", *self._rows, x, y)
        return y if self.added is None else y + self.added * x

    @property
    def _rows(self) -> tuple[Any, ...]:
        rows = self.shape[0]
        return over(rows * LANES), self.data, self.indices, self.indptr, rows

    def diagonal(self) -> Any:
        diagonal = _device.asarray(self.entries.diagonal())
        return diagonal if self.added is None else diagonal + self.added

    def shifted(self, change: Any) -> Stored:
        """The matrix with `change` (n,) added to its diagonal."""
        return replace(self, added=change if self.added is None else self.added + change)

    def on_host(self) -> Any:
        """The matrix in host memory."""
        return self.entries if self.added is None else self.entries + sparse.diags_array(self.added.get())

    def tocsr(self) -> Any:
        """Refused: who asks for entries would work on them in host memory.

        Raises
        ------
        UnsupportedError
            Always.
        """
        raise UnsupportedError(NO_ENTRIES)


def stored(matrix: Any) -> Stored:
    """A sparse matrix of SciPy, copied to the device."""
    whole = matrix.tocsr()
    pointers = (numbers.astype(np.int32, copy=False) for numbers in (whole.indices, whole.indptr))
    return Stored(whole, *map(_device.asarray, (whole.data, *pointers)))


def multiply(matrix: Any, x: Any, out: Any) -> None:
    """out = A x for any matrix that multiplies."""
    out[:] = matrix @ x


def relax(matrix: Stored, b: Any, x: Any, step: Any, old: Any, new: Any, out: Any) -> None:
    """step = old step + new (b - A x), out = x + step, in single precision."""
    launch("csr", "relax", *matrix._rows, b, x, step, np.float32(old), np.float32(new), out)
