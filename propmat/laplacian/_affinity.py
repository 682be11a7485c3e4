"""The 4-connected graph with given edge weights."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import scipy.sparse as sp

from propmat._arithmetic import usual_arithmetic
from propmat._backend import moved_like
from propmat._cached import cached_property
from propmat._inputs._arrays import ANYWHERE
from propmat._inputs._weights import edge_weights
from propmat._operators._grid import GridOperator
from propmat._operators._parts import WHOLE, Parts
from propmat._typing import Array, ArrayLike, Mask
from propmat.laplacian._contract import Laplacian
from propmat.laplacian._pairs import block_of
from propmat.laplacian._split import Split


@usual_arithmetic
def affinity(horizontal: ArrayLike, vertical: ArrayLike) -> Affinity:
    r"""Laplacian D - W of the graph that connects every pixel to its four neighbours.

    .. math:: \alpha^\top L \alpha = \sum_{(i, j)} w_{ij} (\alpha_i - \alpha_j)^2

    Parameters
    ----------
    horizontal : (H, W - 1) array
        Weights of the edges (y, x) - (y, x + 1), >= 0; 0 removes an edge.
    vertical : (H - 1, W) array
        Weights of the edges (y, x) - (y + 1, x), >= 0.

    Returns
    -------
    Affinity

    Raises
    ------
    InputError
        If an argument is not as above.

    References
    ----------
    Y. Wang, Y. Niu, P. Duan, J. Lin, Y. Zheng, "Deep Propagation Based Image Matting", IJCAI 2018, equation 2.

    Examples
    --------
    >>> import numpy as np
    >>> affinity([[1.0, 2.0]], np.empty((0, 3))).matrix.toarray()
    array([[ 1., -1.,  0.],
           [-1.,  3., -2.],
           [ 0., -2.,  2.]])
    """
    return Affinity(*edge_weights(horizontal, vertical, memory=ANYWHERE))


class Affinity(Laplacian):
    """The `Laplacian` that `affinity` and `random_walk` return.

    Attributes
    ----------
    horizontal, vertical : (H, W - 1) and (H - 1, W) arrays
        The weights of its edges.
    """

    parameters = ("horizontal", "vertical")

    def __init__(self, horizontal: Array, vertical: Array, parts: Parts = WHOLE) -> None:
        self.shape = (horizontal.shape[0], vertical.shape[1])
        self.parts = parts
        self.horizontal = horizontal
        self.vertical = vertical
        self.memory = {"horizontal": horizontal}

    def split(self, unknown: Mask, diagonal: Array | None = None) -> Split:
        operator = GridOperator.from_edges(self.horizontal, self.vertical, unknown, diagonal=diagonal)
        return Split(operator, operator.times_known, self._adjacent_to(~unknown)[unknown])

    def rows(self, row_mask: Mask, column_mask: Mask) -> sp.csr_array:
        return block_of(self.matrix, row_mask, column_mask)

    @cached_property
    def matrix(self) -> sp.csr_array:
        every = np.ones(self.shape, dtype=bool, like=self.horizontal)
        return GridOperator.from_edges(self.horizontal, self.vertical, every).tocsr()

    def near_null_space(self, mask: Mask) -> Array:
        return np.ones((np.count_nonzero(mask), 1))

    @cached_property
    def ties_all_pixels(self) -> bool:
        within = moved_like(self.parts.hold_windows(self.shape[0], 2), self.vertical)[:, None]
        return bool((self.horizontal > 0).all() and ((self.vertical > 0) | ~within).all())

    def times(self, plane: Array) -> Array:
        across, down = self.horizontal * np.diff(plane, axis=1), self.vertical * np.diff(plane, axis=0)
        product = np.zeros(self.shape, like=plane)
        product[:, :-1] -= across
        product[:, 1:] += across
        product[:-1] -= down
        product[1:] += down
        return product

    def pullback(self, adjoint: Array, alpha: Array, wanted: Iterable[str]) -> dict[str, Any]:
        axes = {"horizontal": 1, "vertical": 0}
        return {name: -np.diff(adjoint, axis=axes[name]) * np.diff(alpha, axis=axes[name]) for name in wanted}

    def _adjacent_to(self, mask: Mask) -> Mask:
        """The pixels with an edge to one of `mask`."""
        across, down = self.horizontal > 0, self.vertical > 0
        found = np.zeros(self.shape, dtype=bool, like=mask)
        found[:, :-1] |= across & mask[:, 1:]
        found[:, 1:] |= across & mask[:, :-1]
        found[:-1] |= down & mask[1:]
        found[1:] |= down & mask[:-1]
        return found
