"""A small matte at the size of its image."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from propmat import _inputs
from propmat._arithmetic import usual_arithmetic
from propmat._operators._averages import Averaged, means_of
from propmat._solve._matte import Matte
from propmat._solve._problem import checked
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike, Mask
from propmat.errors import InputError
from propmat.laplacian._closed_form import ClosedForm
from propmat.laplacian._split import Split
from propmat.matting._enlarged import checked_matte, enlarged, interpolated, open_cells
from propmat.preconditioners._jacobi import Jacobi
from propmat.solvers._base import Callback, Solution, Solve, Solver, Status
from propmat.solvers._cg import CG

# Chosen on ten photographs, judged on ten others: docs/measurements/upsampling.md.
CONFIDENCE, EPSILON = 0.3, 1e-6

# Of the confidence: squares of the matrix's entries are finite.
GREATEST = 1e100

# The penalty bounds the condition number by the size of the cells, whatever the size of the image, so that the diagonal
# is preconditioner enough: setting multigrid up would take longer than the solve.
SOLVER = CG(rtol=1e-4, preconditioner=Jacobi())


@dataclass(frozen=True, eq=False)
class Upsampling:
    """The linear system of `upsample`.

    Attributes
    ----------
    graph : ClosedForm
        L.
    matte : (h, w) array
        The values of cells.
    certain : (H, W) mask
        The pixels that have the value of their cell.
    unknown : (H, W) mask
        The n pixels that are solved for.
    start : (H, W) array
        The interpolated matte on pixels that are solved for, the final values on others.
    split : Split
        L over the pixels that are solved for.
    matrix : Averaged
        A.
    held : (m,) array of int
        The cells with pixels that are solved for.
    """

    graph: ClosedForm
    matte: Array
    certain: Mask
    unknown: Mask
    start: Array
    split: Split
    matrix: Averaged
    held: NDArray[np.int64]

    @classmethod
    def of(cls, pixels: Array, labels: Trimap, matte: Array, confidence: float, epsilon: float) -> Upsampling:
        """Pose the problem; arguments must have been checked."""
        graph = ClosedForm.of(pixels, epsilon, 1)
        left_open = enlarged(open_cells(matte), graph.shape)
        unknown = labels.unknown & left_open
        start = enlarged(matte, graph.shape)
        start[unknown] = interpolated(matte, graph.shape, unknown)
        start[labels.known] = labels.foreground[labels.known]
        split = graph.split(unknown)
        grid = split.matrix.grid
        assert grid is not None  # the radius is 1
        matrix, held = Averaged.of(grid, matte.shape, confidence * unknown.size / matte.size)
        return cls(graph, matte, labels.unknown & ~left_open, unknown, start, split, matrix, held)

    def misfits(self, alpha: Array) -> Array:
        """For the cells with pixels that are solved for the mean of alpha (H, W) minus the value of the matte."""
        misfits: Array = (means_of(alpha, self.matte.shape) - self.matte).ravel()[self.held]
        return misfits

    def residual(self) -> Array:
        """b - A x at the start, (n,)."""
        values = self.start[self.unknown]
        smoothing = self.split.matrix @ values + self.split.times_known(self.start)
        return -smoothing - self.matrix.from_means(self.matrix.weights * self.misfits(self.start))

    def prepared(self, solver: Solver | None) -> Solve:
        """The solver, set up."""
        return (solver or SOLVER).prepare(self.matrix, lambda: self.graph.near_null_space(self.unknown))

    def solve(self, solve: Solve, callback: Callback | None = None) -> tuple[Array, Solution]:
        """Alpha (H, W), not clipped, and how the solve for its difference from the start ended."""
        solution = solve(self.residual(), callback=callback)
        alpha = self.start.copy()
        alpha[self.unknown] += solution.x
        return alpha, solution


@usual_arithmetic
def upsample(
    image: ArrayLike,
    alpha: ArrayLike,
    *,
    trimap: ArrayLike | Trimap | None = None,
    confidence: float = CONFIDENCE,
    epsilon: float = EPSILON,
    solver: Solver | None = None,
    callback: Callback | None = None,
) -> Array:
    r"""A small matte at the size of its image: reduced, it is the matte again, and its edges are the image's.

    Minimises over the pixels of all cells whose value is neither 0 nor 1

    .. math:: \alpha^\top L \alpha + \kappa \sum_c a \, \big( \bar\alpha_c - s_c \big)^2

    with L of `propmat.laplacian.closed_form`, s_c the value of cell c of the small matte, :math:`\bar\alpha_c` the mean
    of alpha over its area of a pixels, and κ the confidence. Cells need not be whole pixels, nor square.

    Parameters
    ----------
    image : (H, W), (H, W, 3) or (H, W, d) array
        As in `propmat.closed_form`, in host memory.
    alpha : (h, w) array
        The matte of the whole image at any size up to the image's: of a network, say, as it was computed, not enlarged.
        Of the image's aspect ratio, or square as networks make it of a squeezed image. Floating in [0, 1], uint8 or
        uint16.
    trimap : (H, W) array or Trimap, optional
        Known pixels are exact, whatever the matte says; without it no pixel is known.
    confidence : float, > 0, default 0.3
        κ, on the scale of L, whose diagonal is at most 9: the means of soft cells differ from the
        matte by about a hundredth with 0.3, by less with more. With 0.1 more of a blurred matte is corrected, with 1
        more of an exact one is kept.
    epsilon : float, > 0, default 1e-6
        As in `propmat.closed_form`.
    solver : propmat.solvers.Solver, optional
        `CG` with `Jacobi` and rtol 1e-4 by default, relative to the residual of the interpolated matte.
    callback
        As in `propmat.closed_form`.

    Returns
    -------
    (H, W) array of float64
        Alpha in [0, 1]. Where a cell is within 0.01 of 0 or 1 its pixels have its value, unless the cell beside it
        differs by more than 0.9.

    Raises
    ------
    InputError
        If an argument is not as above: a matte that is larger than the image, or has another aspect ratio, say.
    UnsupportedError
        If an argument lies on a GPU, or the solver needs stored entries, as `Direct` does.
    ConvergenceError
        If a solver with ``strict=True`` did not converge.

    Warns
    -----
    ConvergenceWarning
        If the solver did not converge; the best alpha it had is returned.

    See Also
    --------
    propmat.refine : A matte of the image's size, improved.

    Notes
    -----
    An edge that the small matte does not resolve is moved to that of the image; one that it does not have is not
    found. A mask without soft values is better made a trimap (`propmat.trimap_from_mask`). Errors beside those of other
    methods are in `docs/measurements/upsampling.md`.

    References
    ----------
    A. Levin, D. Lischinski, Y. Weiss, "A Closed-Form Solution to Natural Image Matting", IEEE TPAMI 30(2), 2008: L.

    Examples
    --------
    The matte of a rendered scene at a quarter of its size. The mean absolute error of the interpolated matte, and of
    this one:

    >>> import propmat
    >>> sample = propmat.datasets.synthetic(seed=0, shape=(120, 160))
    >>> small = sample.alpha.reshape(30, 4, 40, 4).mean(axis=(1, 3))
    >>> interpolated = propmat.pictures.scaled(small, (120, 160))
    >>> alpha = propmat.upsample(sample.image, small)
    >>> [round(float(abs(matte - sample.alpha).mean()), 3) for matte in (interpolated, alpha)]
    [0.057, 0.009]

    Reduced, it is the matte again:

    >>> bool(abs(alpha.reshape(30, 4, 40, 4).mean(axis=(1, 3)) - small).mean() < 0.005)
    True
    """
    return enlarged_matte(
        image, alpha, trimap=trimap, confidence=confidence, epsilon=epsilon, solver=solver, callback=callback
    ).alpha


def enlarged_matte(
    image: ArrayLike,
    alpha: ArrayLike,
    *,
    trimap: ArrayLike | Trimap | None = None,
    confidence: float = CONFIDENCE,
    epsilon: float = EPSILON,
    solver: Solver | None = None,
    callback: Callback | None = None,
) -> Matte:
    """The result of `upsample`, with the status of its solve."""
    start = time.perf_counter()
    problem, solve = posed(image, alpha, trimap, confidence, epsilon, solver, callback)
    if solve is None:
        settled = np.clip(problem.start, 0.0, 1.0)
        return Matte(np.empty(0), Status.converged, 0, 0.0, time.perf_counter() - start, settled, error=0.0)
    found, solution = problem.solve(solve, callback)
    solution.check((solver or SOLVER).strict)
    x = found[problem.unknown]
    found = np.clip(found, 0.0, 1.0, out=found)
    seconds = time.perf_counter() - start
    return Matte(x, solution.status, solution.iterations, solution.residual, seconds, found, error=solution.error)


def posed(
    image: ArrayLike,
    alpha: ArrayLike,
    trimap: ArrayLike | Trimap | None,
    confidence: float,
    epsilon: float,
    solver: Solver | None,
    callback: Callback | None,
) -> tuple[Upsampling, Solve | None]:
    """The system of arguments, which are checked, and its solver, set up; None where no pixel is left open."""
    _inputs.in_memory(image, "image", None)
    pixels, labels = checked(image, trimap, solver, callback)
    matte = checked_matte(alpha, labels.shape)
    confidence, epsilon = _inputs.positive(confidence, "confidence"), _inputs.positive(epsilon, "epsilon")
    if confidence > GREATEST:
        raise InputError(f"confidence: takes a number up to {GREATEST:g}, got {confidence:g}")
    problem = Upsampling.of(pixels, labels, matte, confidence, epsilon)
    return problem, problem.prepared(solver) if problem.unknown.any() else None
