"""The base class of Laplacians: symmetric matrices over the pixels, of which only the blocks asked for are built."""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from functools import reduce
from types import SimpleNamespace
from typing import Any

import numpy as np
import scipy.sparse as sp

from propmat._arithmetic import usual_arithmetic
from propmat._backend import moved_like, on_device, same_backend, to_host
from propmat._cached import cached_property
from propmat._inputs._arrays import is_number
from propmat._inputs._numbers import positive
from propmat._operators._parts import WHOLE, Parts
from propmat._operators._stored import canonical, check_symmetric, finite_entries
from propmat._operators._sum import summed
from propmat._typing import Array, Mask
from propmat.errors import InputError, shown
from propmat.laplacian._split import Split, combined, stored


class Laplacian(ABC):
    """A symmetric positive semidefinite matrix over the pixels of an image.

    Laplacians can be added and multiplied by numbers > 0: ``knn + 0.1 * closed_form``. A subclass sets `shape` and
    defines `rows`, `near_null_space` and `ties_all_pixels`; `docs/extending.md` writes one.

    Attributes
    ----------
    shape : tuple of int
        Height and width of the image; pixel (y, x) is row ``y * W + x``.
    matrix : scipy.sparse.csr_array, shape (H * W, H * W)
        The whole matrix, canonical, exactly symmetric; built in host memory when it is first asked for.
    parameters : tuple of str
        The names of the parameters with gradients, see `pullback`.
    ties_all_pixels : bool
        Whether the graph of each part is connected by construction, so that one known pixel makes its system definite.
    bridges_gaps : bool
        Whether weak edges of the pixel grid may be added where the graph connects unknown pixels to no known one.
    parts : Parts
        Bands of rows that share no entry; all rows are one by default.
    memory : mapping of str to array of any shape, or None
        The arrays whose memory, host or GPU, a trimap must share; None for host memory.
    """

    shape: tuple[int, int]
    parts: Parts = WHOLE
    parameters: tuple[str, ...] = ()
    memory: Mapping[str, Any] | None = None  # arrays whose memory a trimap must share; None: host memory
    __array_ufunc__ = None  # so that array * Laplacian is refused; NumPy would return an array of Laplacians

    @abstractmethod
    def rows(self, row_mask: Mask, column_mask: Mask) -> sp.csr_array:
        """A block of the matrix.

        Parameters
        ----------
        row_mask, column_mask : (H, W) array of bool
            The pixels of its rows and columns, in host memory.

        Returns
        -------
        scipy.sparse.csr_array, shape (rows, columns)
            Canonical, float64, with 32-bit indices.
        """

    def _block(self, row_mask: Mask, column_mask: Mask) -> sp.csr_array:
        """What `rows` answers, canonical; refused if it is no matrix of real, finite entries of that shape.

        A class of a user's may answer anything.
        """
        answer = self.rows(row_mask, column_mask)
        takes = int(np.count_nonzero(row_mask)), int(np.count_nonzero(column_mask))
        subject = f"laplacian: {type(self).__name__}.rows"
        if not isinstance(answer, (np.ndarray, sp.sparray, sp.spmatrix)) or answer.shape != takes:
            raise InputError(f"{subject} returns a sparse matrix of shape {takes}, got {shown(answer)}")
        return finite_entries(answer, subject)

    @usual_arithmetic
    def split(self, unknown: Mask, diagonal: Array | None = None) -> Split:
        """The matrix cut into unknown and known pixels.

        Parameters
        ----------
        unknown : (H, W) array of bool
        diagonal : (H, W) array of float64, optional
            Is added to the diagonal of the unknown pixels.

        Returns
        -------
        Split

        Raises
        ------
        InputError
            If `rows` of a user's class answers no symmetric matrix of real, finite entries and the right shape.
        """
        inside = to_host(unknown)
        strip = self._block(inside, np.ones_like(inside))
        matrix, to_known = (strip[:, np.flatnonzero(mask)] for mask in (inside, ~inside))
        check_symmetric(matrix, "laplacian")
        if diagonal is not None:
            matrix = sp.csr_array(matrix + sp.diags_array(to_host(diagonal)[inside]))
        return stored(matrix, to_known, unknown)

    @abstractmethod
    def near_null_space(self, mask: Mask) -> Array:
        """Columns that the matrix maps nearly to 0: constants at least.

        Parameters
        ----------
        mask : (H, W) array of bool
            The n pixels of the rows.

        Returns
        -------
        (n, m) array of float64
        """

    @property
    @abstractmethod
    def ties_all_pixels(self) -> bool: ...

    @property
    def bridges_gaps(self) -> bool:
        return False

    def times(self, plane: Array) -> Array:
        """The product with a map.

        Parameters
        ----------
        plane : (H, W) array of float64

        Returns
        -------
        (H, W) array of float64
        """
        return moved_like((self.matrix @ to_host(plane).ravel()).reshape(self.shape), plane)

    def pullback(self, adjoint: Array, alpha: Array, wanted: Iterable[str]) -> dict[str, Any]:
        """The derivatives of -λᵀ L α with respect to the parameters of L.

        With A λ = dℓ/dα they are the gradients of ℓ (`docs/mathematics.md`, section 6).

        Parameters
        ----------
        adjoint, alpha : (H, W) array of float64
            λ and α.
        wanted : iterable of str
            Names out of `parameters`.

        Returns
        -------
        dict of str to array of any shape
            By name, each of the shape of its parameter; {} here.
        """
        return {}

    @cached_property
    @usual_arithmetic
    def matrix(self) -> sp.csr_array:
        every = np.ones(self.shape, dtype=bool)
        return self._block(every, every)

    def __add__(self, other: Laplacian) -> Laplacian:
        if not isinstance(other, Laplacian):
            return NotImplemented
        if self.shape != other.shape:
            raise InputError(f"laplacian: shapes {self.shape} and {other.shape} differ; a sum is over one image")
        lie = [next(iter(arrays.values())) for arrays in (self.memory, other.memory) if arrays]
        if len(lie) == 2:
            same_backend(**{"laplacian 1": lie[0], "laplacian 2": lie[1]})
        return WeightedSum(self.shape, (*self._weighted, *other._weighted))

    def __mul__(self, weight: float) -> Laplacian:
        if not is_number(weight):
            return NotImplemented
        factor = positive(weight, "weight")
        return WeightedSum(self.shape, tuple((factor * own, term) for own, term in self._weighted))

    __rmul__ = __mul__

    @property
    def _weighted(self) -> tuple[tuple[float, Laplacian], ...]:
        """The terms of the sum and their weights."""
        return ((1.0, self),)

    def _described(self) -> str:
        """The settings in `repr`, after the size."""
        return ""

    def __repr__(self) -> str:
        height, width = self.shape
        return f"{type(self).__name__}({height} x {width} pixels{self._described()})"


class WeightedSum(Laplacian):
    """A sum of `Laplacian` with positive weights; terms are added only within the blocks asked for."""

    parameters = ("coefficients", "terms")

    def __init__(self, shape: tuple[int, int], terms: tuple[tuple[float, Laplacian], ...]) -> None:
        self.shape = shape
        self.terms = terms
        self.parts = Parts(tuple(sorted(set.intersection(*(set(term.parts.seams) for _, term in terms)))))
        lie = [term.memory for _, term in terms if term.memory]
        self.memory = lie[0] if lie else {}

    @property
    def _weighted(self) -> tuple[tuple[float, Laplacian], ...]:
        return self.terms

    def rows(self, row_mask: Mask, column_mask: Mask) -> sp.csr_array:
        blocks = (weight * term._block(row_mask, column_mask) for weight, term in self.terms)
        smallest_first = sorted(blocks, key=lambda block: block.nnz)  # so that the largest is copied once
        return canonical(reduce(operator.add, smallest_first))

    def split(self, unknown: Mask, diagonal: Array | None = None) -> Split:
        """As of every Laplacian; in host memory a term on the pixel grid is kept apart from the others."""
        if on_device(unknown):
            return super().split(unknown, diagonal)
        cut = [(weight, _with_entries(term, unknown)) for weight, term in self.terms]
        columns = max((term.near_null_space(unknown) for _, term in self.terms), key=np.size)
        matrix = summed([(weight, split.matrix) for weight, split in cut], columns[:, 1:])
        return combined(cut, matrix if diagonal is None else matrix.shifted(diagonal[unknown]))

    def times(self, plane: Array) -> Array:
        (weight, first), *others = self.terms
        return sum((weight * term.times(plane) for weight, term in others), weight * first.times(plane))

    def pullback(self, adjoint: Array, alpha: Array, wanted: Iterable[str]) -> dict[str, Any]:
        """A number for each coefficient, and the gradients of the parameters of each term."""
        found: dict[str, Any] = {}
        if "coefficients" in wanted:
            found["coefficients"] = np.array([-float(np.vdot(term.times(adjoint), alpha)) for _, term in self.terms])
        if "terms" in wanted:
            found["terms"] = tuple(
                SimpleNamespace(**term.pullback(weight * adjoint, alpha, term.parameters))
                for weight, term in self.terms
            )
        return found

    def near_null_space(self, mask: Mask) -> Array:
        if len(self.terms) == 1:
            return self.terms[0][1].near_null_space(mask)
        return np.ones((np.count_nonzero(mask), 1))  # constants are all that every graph Laplacian maps to 0

    @property
    def ties_all_pixels(self) -> bool:
        return any(term.ties_all_pixels and term.parts == self.parts for _, term in self.terms)

    @property
    def bridges_gaps(self) -> bool:
        return any(term.bridges_gaps for _, term in self.terms)


def _with_entries(term: Laplacian, unknown: Mask) -> Split:
    """The term cut; as stored entries if it has products only, which cannot be added to other matrices."""
    split = term.split(unknown)
    return split if split.matrix.stored else Laplacian.split(term, unknown)
