"""A Laplacian that is given as a matrix."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import singledispatch
from typing import Any

import numpy as np
import scipy.sparse as sp

from propmat import _inputs
from propmat._backend import to_host
from propmat._operators._stored import Sparse, check_symmetric, own_entries
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike, Mask
from propmat.errors import InputError
from propmat.laplacian._contract import Laplacian
from propmat.laplacian._pairs import block_of, pair_gradient, upper_triangle


class Graph(Laplacian):
    """A Laplacian that is given as a matrix.

    Parameters
    ----------
    matrix : SciPy sparse array or matrix, shape (H * W, H * W)
        Symmetric to 1e-9 of its largest entry, real, finite. It is copied.
    shape : (int, int)
        Height and width of the image.

    Attributes
    ----------
    memory : mapping
        Empty: it goes with a trimap in host memory or on a GPU.

    Raises
    ------
    InputError
        If the matrix is not sparse, does not fit the image, is complex, has NaN or is not symmetric.

    Examples
    --------
    >>> import propmat
    >>> path = sp.csr_array([[1.0, -1.0, 0.0], [-1.0, 2.0, -1.0], [0.0, -1.0, 1.0]])
    >>> propmat.solve(propmat.laplacian.Graph(path, (1, 3)), [[0, 0.5, 1]]).alpha
    array([[0. , 0.5, 1. ]])
    """

    parameters = ("weights",)
    memory: Mapping[str, Any] = _inputs.ANYWHERE  # goes with a trimap on a GPU too

    def __init__(self, matrix: Sparse, shape: tuple[int, int]) -> None:
        self.shape = _inputs.size(shape)
        self.matrix = _checked(matrix, self.shape[0] * self.shape[1])

    def rows(self, row_mask: Mask, column_mask: Mask) -> sp.csr_array:
        return block_of(self.matrix, row_mask, column_mask)

    def pullback(self, adjoint: Array, alpha: Array, wanted: Iterable[str]) -> dict[str, Any]:
        """The derivatives of -λᵀ L α with respect to the weights W of L = D - W.

        Parameters
        ----------
        adjoint, alpha : (H, W) array of float64
            λ and α.
        wanted : iterable of str
            ``"weights"`` or nothing.

        Returns
        -------
        dict of str to scipy.sparse.csr_array
            Shape (H * W, H * W), upper triangular: a number for every pair i < j of which the matrix stores an entry.
            In host memory, as the matrix is.
        """
        first, second = sp.coo_array(sp.triu(self.matrix, k=1)).coords
        gradient = pair_gradient(to_host(adjoint), to_host(alpha), first, second)
        return {name: upper_triangle(gradient, first, second, adjoint.size) for name in wanted}

    def near_null_space(self, mask: Mask) -> Array:
        return np.ones((np.count_nonzero(mask), 1))

    @property
    def ties_all_pixels(self) -> bool:
        return False


@singledispatch
def labelled(graph: Sparse, trimap: ArrayLike | Trimap) -> tuple[Laplacian, Trimap]:
    """A Laplacian or a matrix, as a Laplacian, and the labels of its pixels, which are checked.

    A matrix does not know the image's height and width; those of the trimap must fit it.
    """
    labels = Trimap.parse(trimap, memory=_inputs.ANYWHERE)
    return Graph(graph, labels.shape), labels


@labelled.register(Laplacian)
def _(graph: Laplacian, trimap: ArrayLike | Trimap) -> tuple[Laplacian, Trimap]:
    shape = _inputs.size(graph.shape, "laplacian.shape")
    return graph, Trimap.parse(trimap, shape, memory=graph.memory)


def _checked(matrix: Sparse, pixels: int) -> sp.csr_array:
    csr = own_entries(matrix, "laplacian", "a Laplacian or a sparse matrix")
    if csr.shape != (pixels, pixels):
        raise InputError(f"laplacian: shape {csr.shape} does not fit {pixels} pixels")
    check_symmetric(csr, "laplacian")
    return csr
