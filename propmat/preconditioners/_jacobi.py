"""Diagonal scaling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from propmat._operators import NearNullSpace, Operator, wrapped
from propmat.preconditioners._base import Apply


@dataclass(frozen=True)
class Jacobi:
    """Divide by the diagonal. Cheapest to set up, works with anything that has a diagonal, takes many iterations.

    It evens out confidences and weights of very different size, but iterations still grow with the width of the
    unknown band.
    """

    def prepare(self, matrix: Operator, near_null_space: NearNullSpace | None = None) -> Apply:
        """The map r → D⁻¹ r; rows without a positive diagonal are left alone."""
        diagonal = wrapped(matrix).diagonal()
        positive = diagonal > 0
        inverse = np.where(positive, 1.0 / np.where(positive, diagonal, 1.0), 1.0)
        return lambda residual: inverse * residual
