"""Blocks of matrices for masks of rows and columns, and matrices given by pairs of pixels."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from propmat._backend import HOST
from propmat._operators._stored import canonical
from propmat._typing import Array, Mask

Pixels = NDArray[np.int32]


class Pairs(NamedTuple):
    """The edges of the graph, each once; `first` < `second`, in lexicographic order.

    Attributes
    ----------
    first, second : (m,) array of int32
        Pixels ``y * W + x``.
    times : (m,) array of int64
        How often the pair was found.
    weight : (m,) array
        `times` times the kernel, >= 0.
    """

    first: Pixels
    second: Pixels
    times: NDArray[np.int64]
    weight: Array


def numbered(mask: Mask) -> NDArray[np.int32]:
    """The pixels of `mask` numbered row by row, -1 elsewhere."""
    numbers = np.full(mask.shape, -1, np.int32)
    numbers[mask] = np.arange(np.count_nonzero(mask), dtype=np.int32)
    return numbers


def pair_gradient(adjoint: Array, alpha: Array, first: NDArray[Any], second: NDArray[Any]) -> Array:
    """The derivatives of -λᵀ L α with respect to the weights of pairs of pixels, -(λ_i - λ_j)(α_i - α_j)."""
    u, v = adjoint.ravel(), alpha.ravel()
    return -(u[first] - u[second]) * (v[first] - v[second])


def upper_triangle(values: Array, first: NDArray[Any], second: NDArray[Any], pixels: int) -> sp.csr_array:
    """A number for each pair i < j as CSR; explicit zeros are stored."""
    return sp.csr_array((values, (first, second)), shape=(pixels, pixels))


def block_of(matrix: sp.csr_array, row_mask: Mask, column_mask: Mask) -> sp.csr_array:
    """The entries of a whole matrix over two (H, W) masks of pixels, as canonical CSR."""
    return canonical(matrix[np.flatnonzero(row_mask)][:, np.flatnonzero(column_mask)])


def cut_edges(pairs: Pairs, unknown: Mask, added: Array) -> tuple[sp.csr_array, sp.csr_array]:
    """D - W over the n unknown pixels, plus a diagonal (n,), and their rows over the known ones.

    `pairs` must include all with an unknown pixel.
    """
    given = pairs.first, pairs.second, pairs.weight
    inner, outer = HOST.kernels("pairs").cut(*given, unknown.ravel(), added)
    rows, known = added.size, unknown.size - added.size
    return sp.csr_array(inner, (rows, rows)), sp.csr_array(outer, (rows, known))


def edges_block(
    first: NDArray[np.int32],
    second: NDArray[np.int32],
    weight: Array,
    row_mask: Mask,
    column_mask: Mask,
) -> sp.csr_array:
    """A block of D - W for weighted pairs of pixels, which must include all pairs with a pixel among its rows."""
    row_of, column_of = numbered(row_mask).ravel(), numbered(column_mask).ravel()
    degree = np.bincount(first, weight, row_of.size) + np.bincount(second, weight, row_of.size)
    every = np.arange(row_of.size, dtype=np.int32)
    rows = row_of[np.concatenate([first, second, every])]
    columns = column_of[np.concatenate([second, first, every])]
    entries = np.concatenate([-weight, -weight, degree])
    inside = (rows >= 0) & (columns >= 0)
    shape = (np.count_nonzero(row_mask), np.count_nonzero(column_mask))
    return canonical(sp.coo_array((entries[inside], (rows[inside], columns[inside])), shape))
