"""A Laplacian cut into unknown and known pixels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from propmat._backend import backend_of, moved_like
from propmat._operators._contract import Operator
from propmat._operators._stored import Stored
from propmat._typing import Array, Mask


@dataclass(frozen=True, eq=False)
class Split:
    """A Laplacian cut into unknown pixels U and known pixels K.

    Attributes
    ----------
    matrix : Operator, shape (n, n)
        L_UU plus the given diagonal.
    times_known : callable
        (H, W) array of values → (n,) array L_UK α_K.
    touches_known : (n,) array of bool
        Which unknown pixels are coupled to a known one, directly or, where a graph ties all pixels, through others.
    """

    matrix: Operator
    times_known: Callable[[Array], Array]
    touches_known: Mask


@dataclass(frozen=True, eq=False)
class Coupling:
    """(H, W) values → L_UK α_K, by a stored matrix (n, k)."""

    matrix: Any
    known: Mask

    def __call__(self, values: Array) -> Array:
        product: Array = self.matrix @ values[self.known]
        return product


def stored(matrix: sp.csr_array, to_known: sp.csr_array, unknown: Mask) -> Split:
    """L_UU and L_UK in host memory, as a `Split` in the memory of `unknown`."""
    touches = moved_like(np.diff(to_known.indptr) > 0, unknown)
    coupling = Coupling(backend_of(unknown).kernels("csr").stored(to_known), ~unknown)
    return Split(Stored.of(matrix, unknown), coupling, touches)


@dataclass(frozen=True, eq=False)
class Combined:
    """(H, W) values → the weighted sum of several L_UK α_K."""

    terms: tuple[tuple[float, Callable[[Array], Array]], ...]

    def __call__(self, values: Array) -> Array:
        products = [weight * times_known(values) for weight, times_known in self.terms]
        return sum(products[1:], products[0])


def combined(cut: list[tuple[float, Split]], matrix: Operator) -> Split:
    """The weighted sum of Laplacians that are cut alike, in host memory; `matrix` is that of their matrices."""
    times_known = Combined(tuple((weight, split.times_known) for weight, split in cut))
    return Split(matrix, times_known, np.logical_or.reduce([split.touches_known for _, split in cut]))
