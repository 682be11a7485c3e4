"""The protocols of preconditioners, and the one that does nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from propmat._operators._contract import NearNullSpace, Operator
from propmat._typing import Array

Apply = Callable[[Array], Array]


class Preconditioner(Protocol):
    """Settings of a preconditioner, for `propmat.solvers.CG` to prepare for a matrix.

    Settings are immutable: one object may be prepared for many matrices. `docs/extending.md` writes one.

    Examples
    --------
    >>> import numpy as np, scipy.sparse as sp
    >>> class HalfTheDiagonal:
    ...     def prepare(self, matrix, near_null_space=None):
    ...         inverse = 2 / matrix.diagonal()
    ...         return lambda residual: inverse * residual
    >>> HalfTheDiagonal().prepare(sp.eye_array(2) * 4)(np.array([1.0, 2.0]))
    array([0.5, 1. ])
    """

    def prepare(self, matrix: Operator, near_null_space: NearNullSpace | None = None) -> Apply:
        """Set the preconditioner up for a matrix.

        Parameters
        ----------
        matrix : propmat.solvers.Operator, shape (n, n)
            Symmetric positive definite. Those of propmat take a sparse array of SciPy as well.
        near_null_space : callable () -> (n, m) array, optional
            Columns that the matrix maps nearly to 0, for preconditioners that coarsen along them.

        Returns
        -------
        callable
            The map r → M⁻¹ r of (n,) arrays of float64, symmetric positive definite; a `SpreadApply` if it can take
            vectors in the layout of the matrix.

        Raises
        ------
        UnsupportedError
            If this preconditioner does not work for such a matrix.
        """


@runtime_checkable
class SpreadApply(Protocol):
    """A map r → M⁻¹ r that also takes vectors in the layout of `Operator.spread`, which saves converting them."""

    def __call__(self, residual: Array) -> Array:
        """Apply the map.

        Parameters
        ----------
        residual : (n,) array of float64

        Returns
        -------
        (n,) array of float64
        """

    def on_support(self, residual: Array, norm: float) -> Array:
        """Apply the map to a vector in the layout of `Operator.spread`.

        Parameters
        ----------
        residual : array, as `Operator.spread` returns it (m,)
        norm : float
            Its Euclidean length, by which low precision may scale it.

        Returns
        -------
        array, in the same layout (m,)
            The next call may overwrite it.
        """


@dataclass(frozen=True)
class Identity:
    """No preconditioning: the plain method, for comparison."""

    def prepare(self, matrix: Operator, near_null_space: NearNullSpace | None = None) -> Apply:
        """The map r → r.

        Parameters
        ----------
        matrix, near_null_space
            As in `Preconditioner.prepare`; neither is used.

        Returns
        -------
        callable
        """
        return lambda residual: residual
