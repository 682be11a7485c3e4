"""Twin of `_cpu.csr`: matrices with stored entries, made in host memory and multiplied on the device."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from propmat._gpu import _device
from propmat._gpu._launch import launch, over
from propmat.errors import UnsupportedError

LANES = 8  # threads that share a row, as in csr.cu


@dataclass(frozen=True, eq=False)
class Stored:
    """A sparse matrix on the device, in double precision, and what was added to its diagonal."""

    entries: Any  # of SciPy, in host memory
    data: Any
    indices: Any
    indptr: Any
    added: Any = 0.0

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
        rows = self.shape[0]
        y = np.empty(rows, like=self.data)
        launch("csr", "multiply", over(rows * LANES), self.data, self.indices, self.indptr, rows, x, y)
        return y + self.added * x if self.shape[0] == self.shape[1] else y

    def diagonal(self) -> Any:
        return _device.asarray(self.entries.diagonal()) + self.added

    def shifted(self, change: Any) -> Stored:
        """The matrix with `change` (n,) added to its diagonal."""
        return replace(self, added=self.added + change)

    def on_host(self) -> Any:
        """The entries in host memory, without what was added later."""
        return self.entries

    def tocsr(self) -> Any:
        """Refused: who asks for entries would work on them in host memory.

        Raises
        ------
        UnsupportedError
            Always.
        """
        raise UnsupportedError(
            "solver: Direct, IncompleteCholesky and SmoothedAggregation work on entries in host memory; on a GPU "
            "use CG with Multigrid or Jacobi"
        )


def stored(matrix: Any) -> Stored:
    """A sparse matrix of SciPy, copied to the device."""
    whole = matrix.tocsr()
    return Stored(whole, *map(_device.asarray, (whole.data, whole.indices, whole.indptr)))
