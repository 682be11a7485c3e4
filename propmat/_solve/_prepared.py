"""An assembled linear system, with a solver that is set up for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from propmat import _inputs
from propmat._arithmetic import usual_arithmetic
from propmat._backend import guarded
from propmat._constraints import System, check_known, zero_map
from propmat._locks import FORK_GATE
from propmat._operators._contract import Operator
from propmat._solve._matte import Matte
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike
from propmat.errors import InputError
from propmat.laplacian._contract import Laplacian
from propmat.solvers._answers import nearby, relabelled, solved
from propmat.solvers._base import Callback, Progress, Solve, Solver


@dataclass(frozen=True, eq=False)
class Prepared:
    """A constrained Laplacian whose preconditioner or factorisation is ready; made by `prepare`.

    Attributes
    ----------
    system : System
        The matrix, and how right-hand sides are made of values and priors.
    trimap : Trimap
        Which pixels are known, and their labels.
    prior : (H, W) array or None
        The value of the prior, if one was given.
    solver : propmat.solvers.Solver
        As given to `prepare`, or the one chosen.
    solve_linear : propmat.solvers.Solve
        The solver, set up for the matrix.
    graph : Laplacian
        As given to `prepare`.
    confidence : (H, W) array or None
        Of known pixels, as given to `prepare`; None if they are eliminated.
    choose : callable (matrix) -> Solver, or None
        How the solver was chosen; None if it was given.

    Methods
    -------
    solve
        For one matte.
    solve_all
        For several sets of values.
    with_confidence
        The same problem with other confidences.
    relabelled
        The same problem with other labels.
    """

    system: System
    trimap: Trimap
    prior: Array | None
    solver: Solver
    solve_linear: Solve
    graph: Laplacian
    confidence: Array | None
    choose: Callable[[Operator], Solver] | None

    @usual_arithmetic
    def solve(
        self,
        values: ArrayLike | None = None,
        *,
        prior: ArrayLike | None = None,
        x0: ArrayLike | None = None,
        callback: Callback | None = None,
        show: Callable[[Array], object] | None = None,
    ) -> Matte:
        """Solve for one matte.

        Parameters
        ----------
        values : (H, W) array, optional
            In [0, 1], other values than the trimap's labels on its known pixels: one layer of several, say.
        prior : (H, W) array, optional
            Other values of the prior; its confidence stays. Refused if there is none.
        x0 : (H, W) array, optional
            Where to start: alpha of the frame before, or of a similar problem.
        callback : callable (iteration, relative residual), optional
            As in `propmat.solve`.
        show : callable (alpha), optional
            Called with alpha (H, W) after 2, 4, 8, … iterations of `propmat.solvers.CG`; returning True stops.

        Returns
        -------
        Matte

        Raises
        ------
        InputError
            If an argument is not as above.
        ConvergenceError
            If the solver is strict and did not converge.

        Warns
        -----
        ConvergenceWarning
            If another solver did not converge.
        """
        start = time.perf_counter()
        shape, memory = self.trimap.shape, {"trimap": self.trimap.known}
        labels = self.trimap.labels if values is None else _inputs.plane(values, "values", shape, memory=memory)
        belief = self._belief(prior)
        begin = None if x0 is None else _inputs.plane(x0, "x0", shape, memory=memory)
        _inputs.solving(None, callback)
        _inputs.function(show, "show", "alpha")
        with guarded(labels):
            point, rhs = self.system.centred(labels, belief)
            first = None if begin is None else self.system.restrict(begin) - point
            if show is not None:
                showing = show
                callback = Progress(callback, lambda x: showing(self._alpha(point + x, labels)))
            solution = solved(self.solve_linear, rhs, first, callback)
            x = point + solution.x
            alpha = self._alpha(x, labels)
        fields = vars(solution) | {"x": x, "seconds": time.perf_counter() - start}
        matte = Matte(**fields, alpha=alpha)
        matte.check(self.solver.strict)
        return matte

    def _alpha(self, x: Array, labels: Array) -> Array:
        alpha = self.system.expand(x, labels)
        return np.clip(alpha, 0.0, 1.0, out=alpha)

    def _belief(self, prior: ArrayLike | None) -> Array:
        """The values of the prior; a prior needs both values and a confidence, neither makes sense alone."""
        if prior is not None:
            value = _inputs.plane(prior, "prior", self.trimap.shape, memory={"trimap": self.trimap.known})
            if self.prior is None and not self.system.prior_confidence.any():
                raise InputError("prior: has no confidence here; takes prepare(..., prior=(value, confidence))")
            return value
        if self.prior is None and self.system.prior_confidence.any():
            raise InputError("prior: has a confidence and no value; takes solve(prior=value)")
        return zero_map(self.trimap.known) if self.prior is None else self.prior

    def solve_all(self, stack: Iterable[ArrayLike]) -> Iterator[Matte]:
        """Solve for several sets of values, one after another with the same set-up.

        Parameters
        ----------
        stack : iterable of (H, W) arrays
            The values of each solve, as in `solve`; an array (k, H, W), say.

        Yields
        ------
        Matte
            Computed when it is asked for.

        Raises
        ------
        InputError
            If `stack` is not iterable; an array that is not as above raises it when its matte is asked for.
        """
        return (self.solve(values) for values in _inputs.several(stack, "stack", "a sequence of (H, W) arrays"))

    @usual_arithmetic
    def with_confidence(self, confidence: ArrayLike, prior_confidence: ArrayLike | None = None) -> Prepared:
        """The same problem with other confidences; the Laplacian and the preconditioner are kept.

        The preconditioner was made for the previous confidences, so that a large change costs iterations.

        Parameters
        ----------
        confidence : float or (H, W) array, >= 0
            As in `prepare`.
        prior_confidence : float or (H, W) array, >= 0, optional
            That of the prior; unchanged if not given.

        Returns
        -------
        Prepared

        Raises
        ------
        InputError
            If known pixels were eliminated, a confidence is not as above, or the solver is a user's and what it
            prepared has no method ``nearby``.
        """
        shape = self.trimap.shape
        if not self.system.solved_for.all():
            raise InputError("confidence: known pixels were eliminated and have none; prepare(..., confidence=...)")
        memory = {"trimap": self.trimap.known}
        confidence = _inputs.weights(confidence, "confidence", shape, memory=memory)
        of_prior = self.system.prior_confidence
        if prior_confidence is not None:
            of_prior = _inputs.weights(prior_confidence, "prior_confidence", shape, memory=memory)
        system = self.system.reweighed(np.where(self.trimap.known, confidence, 0.0), of_prior)
        ready = nearby(self.solve_linear, system.matrix)
        return replace(self, system=system, solve_linear=ready, confidence=confidence)

    @usual_arithmetic
    def relabelled(self, trimap: ArrayLike | Trimap) -> Prepared:
        """The same problem with other labels: known pixels added, removed or changed, by strokes of a brush say.

        Its mattes are those of `prepare`, to the tolerance of the solver; `solve` with ``x0=alpha`` begins at a matte
        before. With `propmat.preconditioners.Multigrid` in host memory only what the changed pixels touch is set up
        again, from the second call on: the first one sets up so that parts can change, as does a call with unknown
        pixels that were known from the start. With other solvers, graphs whose parts are not connected, and on a GPU
        everything is set up again. All results may be used at any time, also after an error; those of several calls
        share one set-up, which changing from one to the other takes along.

        Parameters
        ----------
        trimap : (H, W) array or Trimap
            As in `prepare`.

        Returns
        -------
        Prepared

        Raises
        ------
        InputError
            If the trimap is not as above or of another shape, nothing is known or nothing unknown.

        Examples
        --------
        >>> import propmat
        >>> sample = propmat.datasets.synthetic(seed=0, shape=(48, 64))
        >>> trimap = propmat.Trimap.parse(sample.trimap).labels
        >>> before = propmat.prepare(propmat.laplacian.closed_form(sample.image), trimap)
        >>> alpha = before.solve().alpha
        >>> trimap[20:24, 20:40] = 1  # a stroke
        >>> alpha = before.relabelled(trimap).solve(x0=alpha).alpha
        >>> bool((alpha[20:24, 20:40] == 1).all())
        True
        """
        labels = Trimap.parse(trimap, self.trimap.shape, memory={"first trimap": self.trimap.known})
        check_known(labels, bool(self.system.prior_confidence.any()))
        with guarded(labels.known), FORK_GATE:
            system = self.system.relabelled(self.graph, labels, self.confidence)
            solver = self.solver if self.choose is None else self.choose(system.matrix)
            ready = relabelled(self.solve_linear, solver, system.matrix, system.near_null_space)
        return replace(self, system=system, trimap=labels, solver=solver, solve_linear=ready)
