"""From a Laplacian and constraints to a matte, with the status of its solve."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from propmat import _inputs, solvers
from propmat._arithmetic import usual_arithmetic
from propmat._backend import guarded
from propmat._constraints import System, eliminate, nowhere, weigh
from propmat._locks import FORK_GATE
from propmat._operators import Sparse
from propmat._typing import Array, ArrayLike
from propmat.errors import InputError, warn
from propmat.laplacian import Graph, Laplacian
from propmat.solvers import Callback, Solution, Solver, Status
from propmat.trimap import Trimap

GraphLike: TypeAlias = Laplacian | Sparse
Prior: TypeAlias = tuple[ArrayLike, ArrayLike]


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
    """

    alpha: Array


@dataclass(frozen=True, eq=False)
class Prepared:
    """A constrained Laplacian whose preconditioner or factorisation is ready; made by `prepare`.

    Attributes
    ----------
    trimap : Trimap
        Which pixels are known, and their labels.
    solver : propmat.solvers.Solver
        As given to `prepare`, or the one chosen.

    Methods
    -------
    solve
        For one matte.
    solve_all
        For several sets of values.
    with_confidence
        The same problem with other confidences.
    """

    system: System
    trimap: Trimap
    prior: Array | None  # its value, where one was given
    solver: Solver
    solve_linear: solvers.Solve

    @usual_arithmetic
    def solve(
        self,
        values: ArrayLike | None = None,
        *,
        prior: ArrayLike | None = None,
        x0: ArrayLike | None = None,
        callback: Callback | None = None,
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

        Returns
        -------
        Matte

        Raises
        ------
        InputError
            If an array is not as above.
        ConvergenceError
            If the solver is strict and did not converge.

        Warns
        -----
        ConvergenceWarning
            If another solver did not converge.
        """
        start = time.perf_counter()
        shape, beside = self.trimap.shape, {"trimap": self.trimap.known}
        labels = self.trimap.labels if values is None else _inputs.plane(values, "values", shape, beside=beside)
        belief = self._belief(prior)
        begin = None if x0 is None else _inputs.plane(x0, "x0", shape, beside=beside)
        _inputs.solving(None, callback)
        with guarded(labels):
            point, rhs = self.system.centred(labels, belief)
            first = None if begin is None else self.system.restrict(begin) - point
            solution = self.solve_linear(rhs, x0=first, callback=callback)
            x = point + solution.x
            alpha = self.system.expand(x, labels)
            np.clip(alpha, 0.0, 1.0, out=alpha)
        fields = vars(solution) | {"x": x, "seconds": time.perf_counter() - start}
        matte = Matte(**fields, alpha=alpha)
        matte.check(self.solver.strict)
        return matte

    def _belief(self, prior: ArrayLike | None) -> Array:
        """The values of the prior; a prior needs both values and a confidence, neither makes sense alone."""
        if prior is not None:
            value = _inputs.plane(prior, "prior", self.trimap.shape, beside={"trimap": self.trimap.known})
            if self.prior is None and not self.system.believed.any():
                raise InputError("prior: has no confidence here; takes prepare(..., prior=(value, confidence))")
            return value
        if self.prior is None and self.system.believed.any():
            raise InputError("prior: has a confidence and no value; takes solve(prior=value)")
        return nowhere(self.trimap.known) if self.prior is None else self.prior

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
            If known pixels were eliminated, or a confidence is not as above.
        """
        shape = self.trimap.shape
        if not self.system.solved_for.all():
            raise InputError("confidence: known pixels were eliminated and have none; prepare(..., confidence=...)")
        beside = {"trimap": self.trimap.known}
        confidence = _inputs.weights(confidence, "confidence", shape, beside=beside)
        believed = self.system.believed
        if prior_confidence is not None:
            believed = _inputs.weights(prior_confidence, "prior_confidence", shape, beside=beside)
        system = self.system.reweighed(np.where(self.trimap.known, confidence, 0.0), believed)
        return replace(self, system=system, solve_linear=self.solve_linear.nearby(system.matrix))


@usual_arithmetic
def prepare(
    graph: GraphLike,
    trimap: ArrayLike | Trimap,
    *,
    confidence: ArrayLike | None = None,
    prior: Prior | None = None,
    solver: Solver | None = None,
) -> Prepared:
    """Do the part of a solve that needs no values: assemble the system, set the solver up.

    Parameters
    ----------
    graph : Laplacian, or SciPy sparse array of shape (H * W, H * W)
    trimap : (H, W) array or Trimap
        Which pixels are known, and the labels that are used unless other values are given later.
    confidence, prior, solver
        As in `solve`.

    Returns
    -------
    Prepared
        ``.solve()``, ``.solve(values)``, ``.solve(x0=alpha)``, ``.solve_all(stack)``, ``.with_confidence(c)``.

    Raises
    ------
    InputError
        If an argument is not as above, nothing is known or nothing unknown.

    Examples
    --------
    Two layers and the rest, which sum to 1 since each solve is linear in its values:

    >>> import numpy as np
    >>> import propmat
    >>> image = np.tile(np.linspace(0, 1, 5), (3, 1))
    >>> known = np.tile([0, 0.5, 0.5, 0.5, 1], (3, 1))
    >>> prepared = propmat.prepare(propmat.laplacian.closed_form(image), known)
    >>> left, right = prepared.solve_all([1 - known, known])
    >>> np.allclose(left.alpha + right.alpha, 1)
    True
    """
    _inputs.solving(solver)
    return Problem.of(graph, trimap, confidence, prior).prepared(solver)


@dataclass(frozen=True, eq=False)
class Problem:
    """A Laplacian and its constraints, checked.

    Attributes
    ----------
    graph : Laplacian
    labels : Trimap
    held : (H, W) array or None
        The confidence in known pixels; None eliminates them.
    prior, believed : (H, W) array or None
        The prior and its confidence.
    """

    graph: Laplacian
    labels: Trimap
    held: Array | None
    prior: Array | None
    believed: Array | None

    @classmethod
    def of(
        cls,
        graph: GraphLike,
        trimap: ArrayLike | Trimap,
        confidence: ArrayLike | None = None,
        prior: Prior | None = None,
    ) -> Problem:
        """Read the arguments of `solve`."""
        if isinstance(graph, Laplacian):
            return cls.posed(graph, Trimap.parse(trimap, graph.shape, beside=graph.beside), confidence, prior)
        labels = Trimap.parse(trimap, beside={})
        return cls.posed(Graph(graph, labels.shape), labels, confidence, prior)

    @classmethod
    def posed(
        cls, graph: Laplacian, labels: Trimap, confidence: ArrayLike | None = None, prior: Prior | None = None
    ) -> Problem:
        """The problem of a graph and labels that are checked, with constraints that are not."""
        value, believed = (None, None) if prior is None else _prior(prior, labels)
        beside = {"trimap": labels.known}
        held = None if confidence is None else _inputs.weights(confidence, "confidence", labels.shape, beside=beside)
        if not labels.known.any() and prior is None:
            raise InputError("trimap: has no known pixel; label at least one foreground and one background pixel")
        return cls(graph, labels, held, value, believed)

    def without_solving(self, values: ArrayLike | None = None) -> Array | None:
        """Alpha if it needs no solve (see `without_solving`), else None; `values` other than the labels need one."""
        alone = self.prior is None and values is None
        return without_solving(self.labels, soft=self.held is not None, labels_alone=alone)

    def solve(
        self, solver: Solver | None = None, *, x0: Array | None = None, callback: Callback | None = None
    ) -> Matte:
        """Assemble, set up and solve; all arguments are checked."""
        start = time.perf_counter()
        alpha = self.without_solving()
        if alpha is not None:
            return Matte(alpha.ravel(), Status.converged, 0, 0.0, time.perf_counter() - start, alpha)
        matte = self.prepared(solver).solve(x0=x0, callback=callback)
        return replace(matte, seconds=time.perf_counter() - start)

    def prepared(self, solver: Solver | None) -> Prepared:
        """Assemble the system, and set the solver up."""
        with guarded(self.labels.known), FORK_GATE:
            system = self._system()
            solver = solvers.choose(system.matrix) if solver is None else solver
            ready = solver.prepare(system.matrix, system.near_null_space)
        return Prepared(system, self.labels, self.prior, solver, ready)

    def _system(self) -> System:
        if self.held is not None:
            return weigh(self.graph, self.labels, self.held, self.believed)
        if not self.labels.unknown.any():
            raise InputError("trimap: has no unknown pixel, so there is nothing to solve for")
        return eliminate(self.graph, self.labels, self.believed)


@usual_arithmetic
def solve(
    graph: GraphLike,
    trimap: ArrayLike | Trimap,
    *,
    confidence: ArrayLike | None = None,
    prior: Prior | None = None,
    solver: Solver | None = None,
    x0: ArrayLike | None = None,
    callback: Callback | None = None,
) -> Matte:
    """Solve for alpha with any Laplacian, and return it with the status of the solve.

    Parameters
    ----------
    graph : Laplacian, or SciPy sparse array of shape (H * W, H * W)
        From `propmat.laplacian`, or any symmetric matrix.
    trimap : (H, W) array or Trimap
        At most 0.1 is background, at least 0.9 foreground, the rest unknown.
    confidence : float or (H, W) array, >= 0, optional
        By default known pixels are eliminated, so that alpha is exact there. With a confidence they are penalised
        instead: (L + C) α = C α*, with C on the known pixels only.
    prior : tuple (value, confidence), optional
        Each a number or an (H, W) array: an estimate of alpha in [0, 1] on all pixels that are solved for, and its
        weight >= 0, on the scale of L.
    solver : propmat.solvers.CG or Direct, optional
        Chosen for the matrix if not given.
    x0 : (H, W) array, optional
        Where to start.
    callback : callable (iteration, relative residual), optional
        Called after every iteration; returning True stops with the best alpha so far.

    Returns
    -------
    Matte
        ``.alpha`` (H, W) in [0, 1], ``.x`` as solved for (not clipped), ``.iterations``, ``.residual``,
        ``.converged``, ``.status``, ``.seconds``, ``.notes``.

    Raises
    ------
    InputError
        If an argument is not as above, or unknown pixels are connected to no known one.
    ConvergenceError
        If a solver with ``strict=True`` did not converge.

    Warns
    -----
    PropmatWarning
        If alpha needs no solve: no pixel is unknown, or all known pixels have one label and there is no prior.
    ConvergenceWarning
        If the solver did not converge.

    Examples
    --------
    >>> import numpy as np
    >>> import propmat
    >>> graph = propmat.laplacian.closed_form(np.tile(np.linspace(0, 1, 5), (3, 1)))
    >>> solution = propmat.solve(graph, np.tile([0, 0.5, 0.5, 0.5, 1], (3, 1)))
    >>> solution.converged, solution.alpha.shape
    (True, (3, 5))
    """
    _inputs.solving(solver, callback)
    problem = Problem.of(graph, trimap, confidence, prior)
    beside = {"trimap": problem.labels.known}
    start = None if x0 is None else _inputs.plane(x0, "x0", problem.labels.shape, beside=beside)
    return problem.solve(solver, x0=start, callback=callback)


def checked(
    image: ArrayLike, trimap: ArrayLike | Trimap | None, solver: Solver | None, callback: Callback | None
) -> tuple[Array, Trimap]:
    """The image and labels of a method, and its other common arguments, checked in one order for all methods."""
    _inputs.solving(solver, callback)
    pixels = _inputs.image(image, beside={})
    if trimap is None:
        return pixels, Trimap.unlabelled(pixels.shape[:2], like=pixels)
    return pixels, Trimap.parse(trimap, pixels.shape, beside={"image": pixels})


def without_solving(trimap: Trimap, *, soft: bool, labels_alone: bool) -> Array | None:
    """Alpha if it needs no solve, with a warning: no pixel is unknown, or there is one label only; else None.

    `soft`: a confidence is given, so that all pixels are solved for. `labels_alone`: neither a prior nor values other
    than the labels are given.
    """
    if not soft and not trimap.unknown.any():
        warn(
            "trimap: no pixel is unknown, so there is nothing to solve for. A mask gets an unknown band from "
            "propmat.trimap_from_mask (--mask on the command line); greys above 0.1 and below 0.9 are unknown"
        )
        return trimap.labels.copy()
    label = only_label(trimap) if labels_alone else None
    if label is None:
        return None
    warn(
        f"trimap: every known pixel is {'foreground' if label else 'background'}, so alpha is {label:g} "
        f"everywhere. Label some pixels of the other kind."
    )
    return np.full(trimap.shape, label, like=trimap.known)


def only_label(trimap: Trimap) -> float | None:
    """The label of the known pixels if they all have the same, else None."""
    if not trimap.known.any() or (trimap.foreground.any() and trimap.background.any()):
        return None
    return float(trimap.foreground.any())


def _prior(prior: Prior, trimap: Trimap) -> tuple[Array, Array]:
    """Value and confidence as (H, W) maps."""
    value, confidence = _inputs.pair(prior, "prior", "(value, confidence)")
    shape, beside = trimap.shape, {"trimap": trimap.known}
    if _inputs.is_number(value):
        value = float(value) if isinstance(value, int) else value
        value = np.broadcast_to(np.asarray(value, like=trimap.known), shape)
    value = _inputs.plane(value, "prior value", shape, beside=beside)
    return value, _inputs.weights(confidence, "prior confidence", shape, beside=beside)
