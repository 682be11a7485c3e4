"""A Laplacian cut into unknown and known pixels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from propmat._operators._contract import Operator
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
        Which unknown pixels are coupled to a known one.
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
