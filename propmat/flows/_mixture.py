"""Laplacians R'R, of which each row of R subtracts from the alpha of a pixel a mixture of others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from propmat._operators._stored import canonical
from propmat._operators._sum import Gram
from propmat._typing import Array, Mask
from propmat.laplacian._contract import Laplacian
from propmat.laplacian._split import Coupling, Split


class Mixture(Laplacian):
    """The `Laplacian` R'R that `colour_mixture` returns.

    A row of R subtracts from the alpha of an unknown pixel the alpha of its mixture.

    Attributes
    ----------
    residual : scipy.sparse.csc_array, shape (n, H * W)
        R, for n unknown pixels.
    """

    ties_all_pixels = False

    def __init__(self, residual: sp.csr_array, shape: tuple[int, int]) -> None:
        self.shape = shape
        self.residual = sp.csc_array(residual)

    def split(self, unknown: Mask, diagonal: Array | None = None) -> Split:
        inside, known = (self.residual[:, np.flatnonzero(mask)] for mask in (unknown, ~unknown))
        touching = np.bincount(known.indices, minlength=inside.shape[0]) > 0
        matrix = Gram.of(inside, None if diagonal is None else diagonal[unknown])
        touches_known = np.abs(inside).T @ touching > 0
        return Split(matrix, MixedOfKnown(matrix.residual, Coupling(known, ~unknown)), touches_known)

    def rows(self, row_mask: Mask, column_mask: Mask) -> sp.csr_array:
        left = self.residual[:, np.flatnonzero(row_mask)]
        return canonical(left.T @ self.residual[:, np.flatnonzero(column_mask)])

    def near_null_space(self, mask: Mask) -> Array:
        return np.ones((np.count_nonzero(mask), 1))


@dataclass(frozen=True, eq=False)
class MixedOfKnown:
    """(H, W) values → L_UK α_K for L = R'R: R_U' (R_K α_K)."""

    residual: sp.csr_array
    mixtures: Coupling

    def __call__(self, values: Array) -> Array:
        product: Array = self.residual.T @ self.mixtures(values)
        return product
