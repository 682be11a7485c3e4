"""A small matte at the size of its image, with gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from propmat import _inputs
from propmat._arithmetic import usual_arithmetic
from propmat._operators._averages import spread_means
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike, Mask
from propmat.adjoint._pullback import Gradients, passes_clip, wanted_names
from propmat.matting._enlarged import gathered
from propmat.matting._upsample import CONFIDENCE, EPSILON, SOLVER, Upsampling, posed
from propmat.solvers._base import Callback, Solve, Solver

NAMES = ("image", "alpha", "confidence", "epsilon")


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
) -> tuple[Array, UpsamplingPullback]:
    """`propmat.upsample` with gradients.

    Gradients: ``image``, ``alpha``, ``confidence``, ``epsilon``. Which pixels are solved for counts as constant.

    Parameters
    ----------
    image, alpha, trimap, confidence, epsilon, solver, callback
        As in `propmat.upsample`. The default solver leaves relative errors of about 1e-4 in gradients.

    Returns
    -------
    alpha : (H, W) array
    pullback : UpsamplingPullback
        Called as `propmat.adjoint.Pullback` is.

    Raises
    ------
    InputError, UnsupportedError, ConvergenceError
        As `propmat.upsample`.

    Examples
    --------
    The mean of alpha is about that of the small matte, so that a cell contributes about its 4 pixels to the sum:

    >>> import numpy as np
    >>> import propmat
    >>> sample = propmat.datasets.synthetic(seed=0, shape=(24, 32))
    >>> small = sample.alpha.reshape(12, 2, 16, 2).mean(axis=(1, 3))
    >>> alpha, pullback = propmat.adjoint.upsample(sample.image, small)
    >>> alpha.shape, float(pullback(1.0).alpha.mean().round())
    ((24, 32), 4.0)
    """
    problem, solve = posed(image, alpha, trimap, confidence, epsilon, solver, callback)
    found, strict = problem.start, (solver or SOLVER).strict
    if solve is not None:
        found, solution = problem.solve(solve, callback)
        solution.check(strict)
    within = passes_clip(_inputs.plane(alpha, "alpha"))
    pullback = UpsamplingPullback(problem, solve, strict, found, within, _inputs.shape_of(image))
    return np.clip(found, 0.0, 1.0), pullback


@dataclass(frozen=True, eq=False)
class UpsamplingPullback:
    """The function from dℓ/dα to the gradients of ℓ; it is called as `Pullback` is.

    With A λ = dℓ/dα over the pixels that are solved for, w the weights and M the means of held cells: the gradient of
    the matte's cells is w M λ, and where pixels have the value of their cell the sum of dℓ/dα - L λ - Mᵀ w M λ.

    Attributes
    ----------
    parameters : tuple of str
        The names of the gradients.
    problem : Upsampling
        The linear system.
    prepared : Solve or None
        Its solver, set up; None where no pixel was left open.
    strict : bool
        Whether a solver that does not converge is an error.
    alpha : (H, W) array of float64
        The solution, not clipped.
    within : (h, w) array of bool
        The cells whose values were not clipped.
    image_shape : tuple of int
        The shape of the image as it was given.
    """

    problem: Upsampling = field(repr=False)
    prepared: Solve | None = field(repr=False)
    strict: bool
    alpha: Array = field(repr=False)
    within: Mask = field(repr=False)
    image_shape: tuple[int, ...]

    parameters = NAMES

    @usual_arithmetic
    def __call__(self, gradient: ArrayLike, wanted: Iterable[str] | None = None) -> Gradients:
        """Solve A λ = dℓ/dα and return the gradients of ℓ.

        Parameters
        ----------
        gradient, wanted
            As in `Pullback`.

        Returns
        -------
        Gradients

        Raises
        ------
        InputError, ConvergenceError
            As `Pullback`.

        Warns
        -----
        ConvergenceWarning
            As `Pullback`.
        """
        names = wanted_names(wanted, NAMES)
        upstream = _inputs.real_map(gradient, "gradient", self.alpha.shape) * passes_clip(self.alpha)
        adjoint = self._adjoint(upstream)
        of_graph = [name for name in names if name in ("image", "epsilon")]
        found = self.problem.graph.pullback(adjoint, self.alpha, of_graph)
        means = self._means(adjoint)
        others: dict[str, Callable[[], object]] = {
            "alpha": lambda: self._matte(upstream, adjoint, means),
            "confidence": lambda: self._confidence(means),
        }
        found |= {name: others[name]() for name in names if name in others}
        if "image" in found:
            found["image"] = found["image"].reshape(self.image_shape)
        return Gradients(**{name: found[name] for name in names})

    def _adjoint(self, upstream: Array) -> Array:
        """λ, 0 on pixels that are not solved for."""
        adjoint = np.zeros_like(upstream)
        if self.prepared is not None:
            solution = self.prepared(upstream[self.problem.unknown])
            solution.check(self.strict)
            adjoint[self.problem.unknown] = solution.x
        return adjoint

    def _means(self, adjoint: Array) -> Array:
        """The means M λ of held cells."""
        return self.problem.matrix.means_over(adjoint[self.problem.unknown])

    def _matte(self, upstream: Array, adjoint: Array, means: Array) -> Array:
        problem = self.problem
        held = np.zeros(problem.matte.shape)
        held.flat[problem.held] = problem.matrix.weights * means
        known = upstream - problem.graph.times(adjoint) - spread_means(held, upstream.shape)
        return self.within * (held + gathered(np.where(problem.certain, known, 0.0), problem.matte.shape))

    def _confidence(self, means: Array) -> float:
        area = self.alpha.size / self.problem.matte.size
        return -area * float(np.vdot(means, self.problem.misfits(self.alpha)))
