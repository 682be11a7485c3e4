"""Diagonal scaling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from propmat._operators._contract import NearNullSpace, Operator
from propmat._operators._stored import wrapped
from propmat.preconditioners._base import Apply


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

    def prepare(self, matrix: Operator, near_null_space: NearNullSpace | None = None) -> Apply:
        """The map r → D⁻¹ r; rows whose diagonal is not positive are left as they are.

        Parameters
        ----------
        matrix, near_null_space
            As in `Preconditioner.prepare`.

        Returns
        -------
        callable

        Raises
        ------
        InputError
            If `matrix` is neither an operator nor a sparse array, not square, or has entries that are NaN or infinite.
        """
        diagonal = wrapped(matrix).diagonal()
        positive = diagonal > 0
        inverse = np.where(positive, 1.0 / np.where(positive, diagonal, 1.0), 1.0)
        return lambda residual: inverse * residual
