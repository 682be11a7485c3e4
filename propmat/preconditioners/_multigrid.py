"""Multigrid as a preconditioner, and multigrid that is deflated: their settings."""

from __future__ import annotations

from dataclasses import dataclass

from propmat._inputs._numbers import positive, whole_number
from propmat._operators._contract import NearNullSpace, Operator
from propmat._operators._stored import wrapped
from propmat._operators._sum import as_sum
from propmat.errors import UnsupportedError
from propmat.preconditioners._coarsening import Coarsening, coarsened
from propmat.preconditioners._deflation import Deflation
from propmat.preconditioners._hierarchy import Hierarchy


@dataclass(frozen=True)
class Multigrid:
    """Spectral multigrid on the pixel grid: the default for the closed form of radius 1.

    The coarse functions of a block are those of low energy inside it: the block's own part of the matrix, scaled to
    unit diagonal, is eliminated with the largest pivot first until all remaining pivots are below `threshold`; each
    remaining unknown gives one function, extended with least energy. Blocks where colours vary freely get many
    functions, smooth ones few (spectral AMGe, Chartier et al. 2003, https://doi.org/10.1137/S106482750139892X, with the
    eigenvectors replaced by an elimination). Blocks are 8 x 8 pixels, then 3 x 3 blocks; prolongations are not
    smoothed, so that a block is coupled to its eight neighbours only. One V-cycle with Chebyshev smoothing, vectors in
    single precision, matrices in 16 bits; in double and single precision where coarse functions of little energy are
    very long, as on pictures of few colours.

    Parameters
    ----------
    threshold, pixel_threshold : float, > 0, default 0.15 and 0.03
        For blocks of blocks, and for blocks of pixels. Larger values give a larger coarse space: fewer iterations, but
        more expensive ones, and a more expensive set-up.
    degree : int, default 3
        Degree of the Chebyshev smoother, >= 1.
    coarsest : int, default 300
        A level of at most this many unknowns, >= 1, is solved by a dense inverse.

    Raises
    ------
    InputError
        If a setting is not as above.

    Examples
    --------
    >>> import numpy as np
    >>> import propmat
    >>> unknown = np.ones((16, 16), dtype=bool)
    >>> unknown[0] = False
    >>> matrix = propmat.laplacian.affinity(np.ones((16, 15)), np.ones((15, 16))).split(unknown).matrix
    >>> Multigrid().prepare(matrix)
    Multigrid hierarchy, operator complexity 1.59
    level    blocks  unknowns per block
        0       240       240       1.0
        1         4        32       8.0
    """

    threshold: float = 0.15
    pixel_threshold: float = 0.03
    degree: int = 3
    coarsest: int = 300

    def __post_init__(self) -> None:
        positive(self.threshold, "threshold")
        positive(self.pixel_threshold, "pixel_threshold")
        whole_number(self.degree, "degree")
        whole_number(self.coarsest, "coarsest")

    def prepare(self, matrix: Operator, near_null_space: NearNullSpace | None = None) -> Hierarchy:
        """Build the hierarchy of a positive definite matrix.

        Parameters
        ----------
        matrix, near_null_space
            As in `Preconditioner.prepare`.

        Returns
        -------
        Hierarchy
            A `SpreadApply`: one V-cycle.

        Raises
        ------
        InputError
            If `matrix` is neither an operator nor a sparse array, not square, or has entries that are NaN or infinite.
        UnsupportedError
            If the matrix does not lie on the pixel grid.
        """
        grid = wrapped(matrix).grid
        if grid is None:
            raise UnsupportedError(
                f"Multigrid: takes a matrix on the pixel grid (closed form of radius 1), got "
                f"{type(matrix).__name__}; use SmoothedAggregation for other graphs"
            )
        return Hierarchy(coarsened(Coarsening, grid, self))


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
