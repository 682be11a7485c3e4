"""The V-cycle of smoothed aggregation on a GPU; pyamg's own cycle runs in host memory only."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from propmat._backend import Backend, backend_of, moved_like
from propmat.preconditioners._chebyshev import Smoother
from propmat.preconditioners._level import SINGLE, Level, Number

Array = np.ndarray[Any, Any]

DEGREE = 3  # of the Chebyshev polynomial of the smoother
RANK = 1e-12  # eigenvalues of the last level below this, relative to the largest, count as 0
TINY = 1e-150  # replaces lengths whose squares underflow


class Entries(Level):
    """A level with a sparse matrix in CSR, in single precision."""

    def __init__(self, matrix: sparse.csr_array, live: Array, backend: Backend) -> None:
        self.kernels = backend.kernels("csr")
        self.matrix = self.kernels.stored(matrix)
        self.size, self.live, self.values, self.precision = live.size, live, self.matrix.data, SINGLE

    def relax(self, b: Array, x: Array, step: Array, old: Number, new: Number, out: Array) -> None:
        self.kernels.relax(self.matrix, b, x, step, old, new, out)


class Cycle:
    """One symmetric V-cycle over pyamg's levels, each scaled to unit diagonal, with Chebyshev smoothing."""

    def __init__(self, levels: list[Any], like: Array) -> None:
        """Arrays are copied to the memory of `like`."""
        backend = backend_of(like)
        stored, roots = backend.kernels("csr").stored, [_roots(level.A.diagonal()) for level in levels]
        self.scale = moved_like(_inverse(roots[0]), like)
        self.smoothers, self.restrictions, self.prolongations = [], [], []
        for level, root, below in zip(levels, roots, roots[1:], strict=False):
            matrix = _scaled(_inverse(root), level.A, _inverse(root)).astype(np.float32)
            self.smoothers.append(Smoother(Entries(matrix, moved_like(root > 0, like), backend), DEGREE))
            prolongation = _scaled(root, level.P, _inverse(below)).astype(np.float32)
            self.prolongations.append(stored(prolongation))
            self.restrictions.append(stored(sparse.csr_array(prolongation.T)))
        self.residuals = [np.zeros_like(smoother.b) for smoother in self.smoothers]
        last = _scaled(_inverse(roots[-1]), levels[-1].A, _inverse(roots[-1])).toarray()
        self.inverse = moved_like(np.linalg.pinv(last, rcond=RANK, hermitian=True).astype(np.float32), like)
        self.multiply_dense = backend.kernels("multigrid").multiply_dense

    def __call__(self, residual: Array) -> Array:
        """One cycle on a residual; its norm may be any number of double precision."""
        length = np.maximum(np.sqrt((residual * residual).sum()), TINY)
        b = (residual / length * self.scale).astype(np.float32)
        return self._improved(0, b) * self.scale * length

    def _improved(self, k: int, b: Array) -> Array:
        """One cycle from x = 0 on a level, for a right-hand side b."""
        if k == len(self.smoothers):
            x = np.empty_like(b)
            self.multiply_dense(self.inverse, b, x)
            return x
        smoother, residual = self.smoothers[k], self.residuals[k]
        smoother.b = b
        smoother.smooth_from_zero()
        smoother.level.residual(b, smoother.x, residual, smoother.y)
        smoother.x += self.prolongations[k] @ self._improved(k + 1, self.restrictions[k] @ residual)
        smoother.smooth()
        return smoother.x


def _scaled(left: Array, matrix: sparse.sparray | sparse.spmatrix, right: Array) -> sparse.csr_array:
    """The matrix multiplied by diagonal matrices from both sides."""
    return sparse.csr_array(sparse.diags_array(left) @ sparse.csr_array(matrix) @ sparse.diags_array(right))


def _roots(diagonal: Array) -> Array:
    return np.sqrt(np.maximum(diagonal, 0))


def _inverse(numbers: Array) -> Array:
    """1 / numbers; 0 where they are 0."""
    return np.where(numbers > 0, 1 / np.where(numbers > 0, numbers, 1), 0)
