"""A multigrid hierarchy for matrices on one layout that differ in their constraints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from propmat.preconditioners._chebyshev import Smoother
from propmat.preconditioners._coarsening import coarsened
from propmat.preconditioners._hierarchy import Hierarchy
from propmat.preconditioners._level import Array
from propmat.preconditioners._renewal import RenewableCoarsening

if TYPE_CHECKING:
    from propmat._operators._contract import NearNullSpace, Operator
    from propmat._operators._grid import GridOperator
    from propmat.preconditioners._base import Apply
    from propmat.preconditioners._multigrid import Multigrid


class SharedHierarchy:
    """The hierarchy of several matrices on one layout, one at a time.

    Attributes
    ----------
    number : array
        The numbers of the layout's pixels, by which it is recognised.
    """

    def __init__(self, settings: Multigrid, matrix: GridOperator) -> None:
        self.settings, self.number = settings, matrix.support.number
        self._state: tuple[RenewableCoarsening, Hierarchy] | None = None

    def at(self, matrix: GridOperator) -> Hierarchy:
        """The hierarchy for one of the matrices, until the next call; only what differs is set up anew."""
        state, self._state = self._state, None  # if this is interrupted, all is set up again by the next call
        found = None
        if state is not None:
            made, found = state
            if made.matrix is not matrix:
                found = made.renewed(matrix, found)
        if found is None:
            del state  # its memory
            made, found = self._set_up(matrix)
        self._state = made, found
        return found

    def _set_up(self, matrix: GridOperator) -> tuple[RenewableCoarsening, Hierarchy]:
        made = coarsened(RenewableCoarsening, matrix, self.settings)
        return made, Hierarchy(made, [Smoother(made.pixels, self.settings.degree, made.pixels.bound)])


class Constrained:
    """The V-cycle for one of several matrices on one layout, a `SpreadApply`, whose steps tell the error."""

    steps_tell = True

    def __init__(self, shared: SharedHierarchy, matrix: GridOperator) -> None:
        self.shared, self.matrix = shared, matrix
        self.amplification = shared.at(matrix).amplification

    @classmethod
    def of(cls, settings: Multigrid, matrix: GridOperator) -> Constrained:
        """The first of several matrices."""
        return cls(SharedHierarchy(settings, matrix), matrix)

    def constrained(self, matrix: GridOperator) -> Constrained:
        """The V-cycle for another matrix with the same elements."""
        same = matrix.support.number is self.shared.number
        return Constrained(self.shared, matrix) if same else Constrained.of(self.shared.settings, matrix)

    def raise_bounds(self) -> bool:
        """Estimate eigenvalues again; whether the bounds of smoothers were too low, and have been raised."""
        return self.shared.at(self.matrix).raise_bounds()

    def __call__(self, residual: Array) -> Array:
        """One V-cycle on a residual of the unknown pixels."""
        return self.shared.at(self.matrix)(residual)

    def on_support(self, residual: Array, norm: float) -> Array:
        """One V-cycle on a residual on the support, of a given norm; the result is overwritten by the next."""
        return self.shared.at(self.matrix).on_support(residual, norm)

    def __repr__(self) -> str:
        return repr(self.shared.at(self.matrix))


@dataclass(frozen=True)
class Changing:
    """Multigrid for matrices whose constraints change: a `Preconditioner` in host memory."""

    settings: Multigrid

    def prepare(self, matrix: Operator, near_null_space: NearNullSpace | None = None) -> Apply:
        grid = matrix.grid
        if grid is None or not grid.backend.factorises:
            return self.settings.prepare(matrix, near_null_space)
        return Constrained.of(self.settings, grid)
