"""How accurate a solution is: the error that is left, and what rounding alone leaves undetermined."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from propmat._operators._contract import Operator
from propmat._typing import Array

WINDOW = 3  # fewest steps that are summed
HALVING = 0.35  # iterations in which conjugate gradients halve an error are this times the root of the condition
PROBES = 3  # random rounding errors that are tried
ROUNDING = 2 * float(np.finfo(np.float64).eps)  # of a product A x, relative to the diagonal of A and the largest |x|
HARMLESS = 1e-6 / ROUNDING  # an amplification of errors by no more than this
EXPECTED = 1e-2  # error with which a small residual is no convergence, relative to the largest |x|
SMALL = 1e-4  # a relative residual; of greater ones nobody expects an accuracy


class Steps:
    """What the steps of conjugate gradients tell about the error: their sizes max |x_k - x_(k-1)|, rᵀz and pᵀAp.

    Attributes
    ----------
    sums : list of float
        Of the sizes of the first steps.
    """

    def __init__(self) -> None:
        self.sums = [0.0]
        self.restart()

    def restart(self) -> None:
        """Begin with new directions, from the residual alone."""
        self.products: list[float] = []
        self.curvatures: list[float] = []

    def add(self, size: float, product: float, curvature: float) -> None:
        self.sums.append(self.sums[-1] + size)
        self.products.append(product)
        self.curvatures.append(curvature)

    def last(self, count: int) -> float:
        """The sum of the last steps; infinite if there are fewer."""
        return self.sums[-1] - self.sums[-1 - count] if len(self.sums) > count else math.inf

    def error(self) -> float:
        """An estimate of the largest error of the last iterate; infinite after too few steps.

        The sum of the last steps, of three, or as many as halve an error by the condition that has been seen: if they
        do, those to come are together as long. It is experience and no bound: `python -m benchmarks.robustness`.
        """
        return self.last(self.halving())

    def halving(self) -> int:
        """How many steps halve an error, by the condition that has been seen, but at least three."""
        if len(self.products) < WINDOW:
            return WINDOW
        least, most = self.ritz_values()
        return max(WINDOW, math.ceil(HALVING * math.sqrt(most / least)))

    def ritz_values(self) -> tuple[float, float]:
        """The least and the greatest eigenvalue of M⁻¹ A that have been seen (Saad 2003, 6.7.3); 1 before a step."""
        if not self.products:
            return 1.0, 1.0
        from scipy.linalg import eigh_tridiagonal

        rz, curvature = np.array(self.products), np.array(self.curvatures)
        steps, ratios = rz / curvature, rz[1:] / rz[:-1]
        diagonal = 1 / steps
        diagonal[1:] += ratios / steps[:-1]
        off_diagonal = np.sqrt(ratios) / steps[:-1]
        ends = (
            eigh_tridiagonal(diagonal, off_diagonal, True, select="i", select_range=(k, k))[0]
            for k in (0, len(diagonal) - 1)
        )
        least, most = (float(value) for value in ends)
        return max(least, np.finfo(np.float64).eps * most), most


def acceptable(rtol: float) -> float:
    """The largest error, relative to the largest |x|, that a relative residual of `rtol` should imply."""
    return EXPECTED if rtol <= SMALL else math.inf


def rounding_errors(matrix: Operator, inverse: Callable[[Array], Array]) -> Array:
    """How far rounding moves each value of a solution whose largest value is 1, (n,).

    Products with A are rounded by about ε times its diagonal; `inverse` tells what a residual of that size, of random
    signs, is in x (Rice 1966 and CESTAC, Vignes 1993, perturb likewise).
    """
    diagonal = matrix.diagonal()
    noise = matrix.backend.kernels("lanczos").noise
    everywhere = np.ones(PROBES * diagonal.size, np.bool_, like=diagonal)
    signs = np.sign(noise(everywhere, np.float64)).reshape(PROBES, -1)
    moved = np.zeros_like(diagonal)
    for row in signs:
        moved = np.maximum(moved, np.abs(inverse(ROUNDING * diagonal * row)))
    return moved
