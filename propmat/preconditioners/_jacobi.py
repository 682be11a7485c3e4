"""Diagonal scaling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from propmat._operators._contract import NearNullSpace, Operator
from propmat._operators._stored import wrapped
from propmat._typing import Array


@dataclass(frozen=True)
class Jacobi:
    """Division by the diagonal: cheapest to set up, works with every operator, takes many iterations.

    It compensates confidences and weights of very different size, but the number of iterations still grows with the
    width of the unknown band.

    Examples
    --------
    >>> import numpy as np, scipy.sparse as sp
    >>> Jacobi().prepare(sp.csr_array([[2.0, -1.0], [-1.0, 4.0]]))(np.array([1.0, 1.0]))
    array([0.5 , 0.25])
    """

    def prepare(self, matrix: Operator, near_null_space: NearNullSpace | None = None) -> Scaling:
        """The map r → D⁻¹ r; rows whose diagonal is not positive are left as they are.

        Parameters
        ----------
        matrix, near_null_space
            As in `Preconditioner.prepare`.

        Returns
        -------
        Scaling
            A `SpreadApply`.

        Raises
        ------
        InputError
            If `matrix` is neither an operator nor a sparse array, not square, or has entries that are NaN or infinite.
        """
        operator = wrapped(matrix)
        diagonal = operator.diagonal()
        positive = diagonal > 0
        inverse = np.where(positive, 1.0 / np.where(positive, diagonal, 1.0), 1.0)
        return Scaling(inverse, operator.spread(inverse))


@dataclass(frozen=True, eq=False)
class Scaling:
    """The product with a diagonal matrix, a `SpreadApply`.

    Attributes
    ----------
    factors : (n,) array
    spread : (m,) array
        The same in the layout of the matrix.
    """

    factors: Array
    spread: Array

    def __call__(self, residual: Array) -> Array:
        return self.factors * residual

    def on_support(self, residual: Array, norm: float) -> Array:
        return self.spread * residual
