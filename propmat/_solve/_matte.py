"""A matte, with the status of the solve that it came from."""

from __future__ import annotations

from dataclasses import dataclass

from propmat._typing import Array
from propmat.solvers._base import Solution, Status


@dataclass(frozen=True, eq=False)
class Matte(Solution):
    """A matte, with the solution of its linear system.

    Attributes
    ----------
    alpha : (H, W) array of float64
        In [0, 1], on all pixels, the known ones included.
    x : (n,) array of float64
        Alpha of the pixels that were solved for, row by row, not clipped.
    status : Status
        How the solve ended.
    iterations : int
        How many were made; 0 if nothing had to be solved.
    residual : float
        ‖b - A x‖₂ / ‖b‖₂. With confidences relative to ‖b - A x₀‖₂ where that is smaller, x₀ being the values that the
        confidences hold the pixels to.
    seconds : float
        Wall time of set-up and solve.
    notes : tuple of str
        What was done otherwise than asked, each in a sentence: another preconditioner used, say.
    error : float
        An estimate of the largest error of alpha (see `propmat.solvers.Solution`); 0 if nothing had to be solved.
    undetermined : (n,) array of bool or None
        Which values of x rounding leaves open, if `status` says so.
    """

    alpha: Array


def settled_matte(alpha: Array, seconds: float = 0.0) -> Matte:
    """A matte for which nothing had to be solved."""
    return Matte(alpha.ravel(), Status.converged, 0, 0.0, seconds, alpha, error=0.0)
