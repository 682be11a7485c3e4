"""Deflated multigrid for sums of a matrix on the pixel grid and of couplings between distant pixels."""

from __future__ import annotations

from dataclasses import dataclass

from propmat._inputs._numbers import whole_number
from propmat._operators._contract import NearNullSpace, Operator
from propmat._operators._stored import wrapped
from propmat._operators._sum import as_sum
from propmat.errors import UnsupportedError
from propmat.preconditioners._deflation import Deflation
from propmat.preconditioners._multigrid import Multigrid


@dataclass(frozen=True)
class Deflated:
    """Multigrid on the pixel grid, deflated by functions of colour: for sums with couplings between distant pixels.

    Of a sum of the closed form and of a graph of similar colours, functions that vary slowly with colour cost little
    energy, wherever their pixels lie, and multigrid on the pixel grid cannot represent them. Pixels are divided into
    clusters by colour and position (k-means), with the constant and the colours on each as columns of Z. With
    E = Z' A Z, and M the V-cycle of `Multigrid` for the local part plus the diagonal of the rest,

    .. math:: r \\mapsto P^\\top M P r + Z E^{-1} Z^\\top r, \\quad P = I - A Z E^{-1} Z^\\top

    (balancing Neumann-Neumann in Tang, Nabben, Vuik, Erlangga 2009, https://doi.org/10.1007/s10915-009-9272-6).

    Parameters
    ----------
    columns : int, default 1000
        The largest number of columns of Z, >= 1: fewer where there are few pixels. More of them take fewer iterations,
        and a dense factorisation of that size.

    Raises
    ------
    InputError
        If `columns` is not as above.

    Examples
    --------
    >>> import propmat
    >>> sample = propmat.datasets.synthetic(seed=0, shape=(48, 64))
    >>> graph = propmat.laplacian.closed_form(sample.image) + 0.1 * propmat.laplacian.knn(sample.image)
    >>> solver = propmat.solvers.CG(preconditioner=Deflated())
    >>> propmat.solve(graph, sample.trimap, solver=solver).converged
    True
    """

    columns: int = 1000

    def __post_init__(self) -> None:
        whole_number(self.columns, "columns")

    def prepare(self, matrix: Operator, near_null_space: NearNullSpace | None = None) -> Deflation:
        """Cluster the pixels, and set multigrid and the coarse matrix up.

        Parameters
        ----------
        matrix, near_null_space
            As in `Preconditioner.prepare`; the latter is not used.

        Returns
        -------
        Deflation
            A `SpreadApply`.

        Raises
        ------
        InputError
            If `matrix` is neither an operator nor a sparse array, not square, or has entries that are NaN or infinite.
        UnsupportedError
            If the matrix is no sum with a part on the pixel grid, or lies on a GPU.
        """
        whole = as_sum(wrapped(matrix))
        if whole is None:
            raise UnsupportedError(
                f"Deflated: takes the matrix of a sum of Laplacians, one on the pixel grid (closed form of radius 1), "
                f"in host memory; got {type(matrix).__name__}"
            )
        distant = whole.diagonal() - whole.local.diagonal()
        return Deflation(whole, Multigrid().prepare(whole.local.shifted(distant)), self.columns)
