"""The protocol of matrices for solvers and preconditioners, and lengths of vectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import scipy.sparse as sp

from propmat._backend import Backend
from propmat._typing import Array

if TYPE_CHECKING:
    from propmat._operators._grid import GridOperator


# Returns (n, m) columns that the matrix maps nearly to 0; called only by those who coarsen along them.
NearNullSpace = Callable[[], Array]


class Operator(Protocol):
    """A symmetric matrix over n pixels, however it is stored, in host memory or on a GPU.

    Vectors are (n,) arrays of float64 in the memory of the matrix. A solver that multiplies many times keeps its
    vectors in the layout that suits the matrix, of length m: `spread` converts to it, `gather` back.

    Attributes
    ----------
    shape : (int, int)
        (n, n).
    dtype : numpy.dtype
        Of the entries.
    backend : object
        The kernels for the memory of the matrix, host or GPU.
    entries : int
        How many numbers a product reads, by which kernels choose their number of threads.
    stored : bool
        Whether `tocsr` gives the entries; if not, there are only products and a diagonal.
    grid : GridOperator or None
        The matrix on the pixel grid, which `propmat.preconditioners.Multigrid` needs; None for other matrices.
    """

    @property
    def shape(self) -> tuple[int, int]: ...

    @property
    def dtype(self) -> np.dtype[Any]: ...

    @property
    def backend(self) -> Backend: ...

    @property
    def entries(self) -> int: ...

    @property
    def stored(self) -> bool: ...

    @property
    def grid(self) -> GridOperator | None: ...

    def __matmul__(self, x: Array) -> Array:
        """A x, for x (n,)."""

    def diagonal(self) -> Array:
        """The diagonal.

        Returns
        -------
        (n,) array of float64
        """

    def shifted(self, change: Array) -> Operator:
        """The matrix with other numbers on its diagonal.

        Parameters
        ----------
        change : (n,) array of float64
            Is added to the diagonal.

        Returns
        -------
        Operator, shape (n, n)
        """

    def scaled(self, factor: float) -> Operator:
        """The matrix times a number. Called only if the matrix is `stored`.

        Parameters
        ----------
        factor : float, > 0

        Returns
        -------
        Operator, shape (n, n)
        """

    def spread(self, x: Array) -> Array:
        """A copy of a vector in the layout that `multiply` takes.

        Parameters
        ----------
        x : (n,) array of float64

        Returns
        -------
        (m,) array of float64
        """

    def gather(self, x: Array) -> Array:
        """A vector back from the layout of `spread`.

        Parameters
        ----------
        x : (m,) array of float64

        Returns
        -------
        (n,) array of float64
        """

    def multiply(self, x: Array, out: Array) -> object:
        """A x in the layout of `spread`.

        Parameters
        ----------
        x : (m,) array of float64
        out : (m,) array of float64
            Is overwritten by A x.

        Returns
        -------
        float, or on a GPU an array (k,) on the device
            xᵀ A x; on a GPU partial sums of it, so that the host need not wait.
        """

    def tocsr(self) -> sp.csr_array:
        """The entries in host memory.

        Returns
        -------
        scipy.sparse.csr_array, shape (n, n)

        Raises
        ------
        UnsupportedError
            If the matrix is not `stored`.
        """
