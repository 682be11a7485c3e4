"""Conjugate gradients on several images at once, each to its own tolerance."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from propmat._operators import Array, GridOperator, NearNullSpace
from propmat.solvers._base import Callback, Solution
from propmat.solvers._cg import CG, PreparedCG, Rescaled

ROUNDING = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Stack:
    """`CG` for a matrix of several images that stand one above the other.

    A x = b is solved for x / t, t being the tolerance of each image on all its pixels. Images share no entry, so that
    this is the same matrix with b / t; and when its residual is at most 1 in length, that of every image is.
    """

    each: CG

    @property
    def strict(self) -> bool:
        return self.each.strict

    def prepare(self, matrix: GridOperator, near_null_space: NearNullSpace | None = None) -> PreparedStack:
        """Set the preconditioner up for all images."""
        return PreparedStack(self.each, matrix, replace(self.each, rtol=0.0, atol=1.0).prepare(matrix, near_null_space))


@dataclass(eq=False)
class PreparedStack:
    """A solver that has seen the matrix of a stack."""

    each: CG
    matrix: GridOperator
    together: PreparedCG | Rescaled

    def __call__(self, rhs: Array, x0: Array | None = None, callback: Callback | None = None) -> Solution:
        """Solve A x = rhs; the residual is that of the image that is worst off."""
        lengths = self.matrix.lengths(rhs)
        tolerances = np.maximum(max(self.each.rtol, ROUNDING) * lengths, self.each.atol)
        unit = self.matrix.in_images(np.where(tolerances > 0, tolerances, 1.0))
        solution = self.together(rhs / unit, None if x0 is None else x0 / unit, callback)
        x = solution.x * unit
        left = self.matrix.lengths(rhs - self.matrix @ x)
        return replace(solution, x=x, residual=float((left / np.where(lengths > 0, lengths, 1.0)).max()))

    def nearby(self, matrix: GridOperator) -> PreparedStack:
        """The same preconditioner on a matrix that differs a little."""
        return PreparedStack(self.each, matrix, self.together.nearby(matrix))
