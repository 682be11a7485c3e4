"""Symmetric matrices over the unknown pixels of an image, stored as arrays on the pixel grid."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy import sparse

from propmat._backend import Backend, backend_of, to_host
from propmat._operators._assembly import Array, Assemble, Edges, Scaled, Support, Windows
from propmat._operators._parts import WHOLE, Parts


@dataclass(frozen=True)
class GridOperator:
    """Symmetric positive semidefinite matrix over the unknown pixels, stored as 13 numbers per row.

    A product takes a quarter of the time of a CSR product. The matrix is a sum of elements (windows or edges), and
    those across blocks of pixels can be assembled separately, which multigrid needs to build its coarse functions.

    Examples
    --------
    >>> import numpy as np
    >>> unknown = np.zeros((5, 5), dtype=bool)
    >>> unknown[2, 1:4] = True
    >>> matrix = GridOperator.from_edges(np.ones((5, 4)), np.ones((4, 5)), unknown)
    >>> matrix @ np.ones(3)
    array([3., 2., 3.])
    """

    support: Support
    values: Array
    assemble: Assemble = field(repr=False)

    @classmethod
    def from_image(
        cls,
        image: Array,
        unknown: Array,
        *,
        epsilon: float = 1e-7,
        squared: bool = False,
        diagonal: Array | None = None,
        parts: Parts = WHOLE,
    ) -> GridOperator:
        """Closed-form Laplacian of radius 1 of an image (H, W, d), from the windows with an unknown pixel.

        Windows with rows of several parts are omitted. With `squared`, the sum of the squares of the window matrices:
        the learning-based Laplacian.
        """
        support = Support.of(unknown, parts)
        image = np.ascontiguousarray(image, dtype=np.float64, like=image)
        return cls._assembled(support, Windows(image, support, float(epsilon), squared), diagonal)

    @classmethod
    def from_edges(
        cls,
        horizontal: Array,
        vertical: Array,
        unknown: Array,
        *,
        diagonal: Array | None = None,
    ) -> GridOperator:
        """Laplacian of the 4-connected graph with weights (H, W - 1) and (H - 1, W)."""
        support = Support.of(unknown)
        across = np.ascontiguousarray(horizontal, dtype=np.float64, like=horizontal)
        down = np.ascontiguousarray(vertical, dtype=np.float64, like=vertical)
        return cls._assembled(support, Edges(across, down, support), diagonal)

    @classmethod
    def _assembled(cls, support: Support, assemble: Assemble, diagonal: Array | None) -> GridOperator:
        values = np.zeros((13, support.size), like=support.number)
        assemble(0, values)
        if diagonal is not None:
            values[0, support.position] += diagonal[support.unknown]
        return cls(support, values, assemble)

    def across(self, block: int, out: Array) -> None:
        """Write to `out`, initially 0, the 13 arrays of the sum of the elements with unknown pixels in several blocks.

        `block` is the width of the blocks in pixels. `values` - `out` is block diagonal, with a positive semidefinite
        matrix for each block: its local matrix.
        """
        self.assemble(block, out)

    def near(self, block: int, rectangles: Array) -> Array:
        """As `across`, with the entries of the pixels of disjoint rectangles, (k, 4): top, left, bottom, right.

        Entries of other pixels are meaningless.
        """
        out = np.zeros(self.values.shape)  # unlike `zeros_like`, of memory that is not touched before it is used
        self.assemble.near(block, rectangles, out)
        return out

    def within(self, unknown: Array) -> GridOperator:
        """The matrix for other unknown pixels of the layout; it shares the memory of this one."""
        support = self.support.within(unknown)
        return replace(self, support=support, assemble=self.assemble.within(support))

    @property
    def shape(self) -> tuple[int, int]:
        n = self.support.position.size
        return n, n

    @property
    def backend(self) -> Backend:
        return backend_of(self.values)

    @property
    def stored(self) -> bool:
        return True

    @property
    def grid(self) -> GridOperator:
        return self

    @property
    def entries(self) -> int:
        """The number of stored entries."""
        return self.values.size

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.values.dtype

    def spread(self, x: Array) -> Array:
        """Vector of the unknown pixels -> vector on the support, zero elsewhere."""
        out = np.zeros(self.support.size, like=self.values)
        out[self.support.position] = x
        return out

    def gather(self, x: Array) -> Array:
        """Vector on the support -> vector of the unknown pixels."""
        return x[self.support.position]

    def multiply(self, x: Array, out: Array) -> object:
        """out = A x for vectors on the support; returns xᵀ A x, on a GPU as partial sums."""
        support, kernels = self.support, self.backend.kernels("grid")
        partial = np.empty(kernels.CHUNKS, like=self.values)
        return kernels.multiply(self.values, support.runs, support.chunks, x, out, partial)

    def shifted(self, change: Array) -> GridOperator:
        """The operator with `change` (n,) added to its diagonal."""
        values = self.values.copy()
        values[0, self.support.position] += change
        return replace(self, values=values)

    def scaled(self, factor: float) -> GridOperator:
        """The operator multiplied by a number > 0."""
        return replace(self, values=factor * self.values, assemble=Scaled(self.assemble, factor))

    def _product(self, x: Array) -> Array:
        """The product on one thread, which compiles faster; a solve needs it only once or twice."""
        y, runs = np.zeros(self.support.size, like=self.values), self.support.runs
        self.backend.kernels("grid").multiply_runs(self.values, runs, 0, len(runs), x, y)
        return self.gather(y)

    def __matmul__(self, x: Array) -> Array:
        if x.ndim == 2:
            return np.stack([self @ column for column in x.T], axis=1)
        return self._product(self.spread(x))

    def times_known(self, known: Array) -> Array:
        """L_UK k for values k (H, W), of which only those of known pixels are used."""
        support = self.support
        number = support.number[2:-2, 2:-2]
        near = number >= 0
        values = np.zeros(support.size, like=self.values)
        values[number[near]] = known[near]
        values[support.position] = 0.0
        return self._product(values)

    def diagonal(self) -> Array:
        return self.values[0, self.support.position]

    def _on_host(self) -> GridOperator:
        """The operator with its arrays in host memory."""
        if self.backend.factorises:
            return self
        return replace(self, support=Support.of(to_host(self.support.unknown)), values=to_host(self.values))

    def tocsr(self) -> sparse.csr_array:
        """The same matrix as canonical SciPy CSR with 32-bit indices, in host memory."""
        return self._on_host()._entries()

    def _entries(self) -> sparse.csr_array:
        kernels = self.backend.kernels("grid")
        support, n = self.support, self.shape[0]
        rank = np.full(support.size, -1, np.int32)
        rank[support.position] = np.arange(n, dtype=np.int32)
        where = np.argwhere(support.unknown).astype(np.int32)
        pointers = np.empty(n + 1, np.int32)
        columns, data = np.empty(0, np.int32), np.empty(0)
        for _ in range(2):
            kernels.to_csr(self.values, support.position, support.number, rank, where, pointers, columns, data)
            columns, data = (
                (np.empty(pointers[-1], np.int32), np.empty(pointers[-1])) if not columns.size else (columns, data)
            )
        return sparse.csr_array((data, columns, pointers), shape=self.shape)
