"""Conjugate gradients on several systems at once, each to its own tolerance."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from propmat._operators._contract import NearNullSpace, Operator
from propmat._operators._parts import Parts
from propmat._typing import Array, Mask
from propmat.solvers._base import Callback, Solution, Solve
from propmat.solvers._cg import CG

ROUNDING = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class CGByParts:
    """`CG` for a matrix on the pixel grid that falls into parts.

    A x = b is solved for x / t, t being the tolerance of each part on all its pixels. Parts share no entry, so that
    this is the same matrix with b / t; and when its residual is at most 1 in length, that of every part is. So it is
    the residual that decides, 1e-7 of each part's where none is given.
    """

    each: CG
    parts: Parts

    @property
    def strict(self) -> bool:
        return self.each.strict

    def prepare(self, matrix: Operator, near_null_space: NearNullSpace | None = None) -> PreparedByParts:
        """Set the preconditioner up for all parts."""
        assert matrix.grid is not None
        together = replace(self.each, rtol=0.0, atol=1.0).prepare(matrix, near_null_space)
        return PreparedByParts(self, matrix, matrix.grid.support.unknown, together)


@dataclass(eq=False)
class PreparedByParts:
    """A solver that has seen its matrix, over the n pixels of a mask."""

    settings: CGByParts
    matrix: Operator
    mask: Mask
    together: Solve

    def __call__(self, rhs: Array, x0: Array | None = None, callback: Callback | None = None) -> Solution:
        """Solve A x = rhs; the residual is that of the part that is worst off."""
        each, parts = self.settings.each, self.settings.parts
        lengths = parts.lengths(rhs, self.mask)
        tolerances = np.maximum(max(each.criterion()[1], ROUNDING) * lengths, each.atol)
        unit = parts.spread(np.where(tolerances > 0, tolerances, 1.0), self.mask)
        solution = self.together(rhs / unit, None if x0 is None else x0 / unit, callback)
        x = solution.x * unit
        left = parts.lengths(rhs - self.matrix @ x, self.mask)
        residual = float((left / np.where(lengths > 0, lengths, 1.0)).max())
        return replace(solution, x=x, residual=residual, error=solution.error * float(unit.max()))

    def nearby(self, matrix: Operator) -> PreparedByParts:
        """The same preconditioner on a matrix that differs a little."""
        return replace(self, matrix=matrix, together=self.together.nearby(matrix))
