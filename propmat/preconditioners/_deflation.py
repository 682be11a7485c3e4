"""Deflation by functions of colour on clusters of pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import scipy.sparse as sp

from propmat._typing import Array
from propmat.preconditioners._clusters import clusters_of, functions_on

if TYPE_CHECKING:
    from propmat._operators._sum import GridSum
    from propmat.preconditioners._hierarchy import Hierarchy

# A column of Z that is a combination of those before it, but for this part of its energy, is left out.
DEPENDENT = 1e-10


class Space(NamedTuple):
    """Z and A Z, as `_cpu.deflation` stores them."""

    position: Array
    labels: Array
    functions: Array
    starts: Array
    clusters: Array
    blocks: Array


class Deflation:
    """Multigrid deflated by a coarse space, prepared for one matrix; a `SpreadApply`, whose steps tell the error."""

    steps_tell = True

    def __init__(self, matrix: GridSum, local: Hierarchy, columns: int) -> None:
        self.matrix, self.local = matrix, local
        self.kernels, self.dense = matrix.backend.kernels("deflation"), matrix.backend.kernels("cholesky")
        position = matrix.local.support.position
        labels = clusters_of(matrix.local.support.unknown, matrix.colours, columns)
        functions = functions_on(labels, matrix.colours) * _freedom(matrix)[:, np.newaxis]
        count = int(labels.max(initial=0)) + 1
        image = self._image(labels, functions, count)
        coarse = self.kernels.coarse_matrix(*image, labels, functions, count)
        self._factor(coarse)
        starts, clusters, blocks = image
        self.space = Space(position, labels, functions, starts, clusters, blocks.astype(np.float32))
        self.projected, self.out = np.zeros((2, matrix.local.support.size))

    def _image(self, labels: Array, functions: Array, count: int) -> tuple[Array, Array, Array]:
        """A Z; of R'R first R Z is computed."""
        times, space, n = self.kernels.times_functions, (labels, functions, count), len(labels)
        residual = sp.csr_array((0, n)) if self.matrix.mixed is None else self.matrix.mixed.residual
        others = sp.csr_array((n, n)) if self.matrix.coupled is None else self.matrix.coupled.tocsr()
        nothing = np.zeros(1, np.int64), np.empty(0, np.int32), np.empty((0, functions.shape[1]))
        none, no_rows = sp.csr_array(residual.shape), sp.csr_array((residual.shape[0], 0))
        mixed = times(residual, none, no_rows, nothing, *space)
        image: tuple[Array, Array, Array] = times(
            self.matrix.local.tocsr(), others, sp.csr_array(residual.T), mixed, *space
        )
        return image

    def _factor(self, coarse: Array) -> None:
        diagonal = coarse.diagonal()
        self.scale = np.divide(1.0, np.sqrt(diagonal), out=np.zeros_like(diagonal), where=diagonal > 0)
        coarse *= self.scale
        coarse *= self.scale[:, np.newaxis]
        self.lower = coarse
        self.inverse = self.dense.factor(coarse, DEPENDENT)

    def _coarse_solution(self, rhs: Array) -> Array:
        """E⁻¹ b."""
        x = self.scale * rhs
        self.dense.solve(self.lower, self.inverse, x)
        return self.scale * x

    def __call__(self, residual: Array) -> Array:
        """The map on a residual of the unknown pixels."""
        spread, norm = self.matrix.spread(residual), float(np.linalg.norm(residual))
        return self.matrix.gather(self.on_support(spread, norm))

    def on_support(self, residual: Array, norm: float) -> Array:
        """The map on a residual in the layout of the grid, of a given norm; the result is overwritten by the next."""
        kernels, space, size = self.kernels, self.space, self.scale.size
        first = self._coarse_solution(kernels.restrict(space, residual, size))
        kernels.subtract_image(space, first, residual, self.projected)
        local = self.local.on_support(self.projected, norm)
        second = self._coarse_solution(kernels.restrict_image(space, local, size))
        kernels.add(space, first - second, local, self.out)
        return self.out

    def __repr__(self) -> str:
        return f"Deflation by {np.count_nonzero(self.inverse)} functions, {self.local!r}"


def _freedom(matrix: GridSum) -> Array:
    """How little each pixel is tied to known values or a prior, from 0 to 1.

    Row sums of the matrix are the weights of these ties. Where they are large every function costs energy, so that one
    that did not vanish there would be of no use for the other pixels of its cluster.
    """
    return 1.0 - np.clip(matrix @ np.ones(matrix.shape[0]) / matrix.diagonal(), 0.0, 1.0)
