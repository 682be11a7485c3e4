"""A Laplacian and its constraints, checked and assembled."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from propmat import _inputs
from propmat._backend import guarded
from propmat._constraints import System, check_known, eliminate, weigh
from propmat._locks import FORK_GATE
from propmat._operators._stored import Sparse
from propmat._solve._matte import Matte, settled_matte
from propmat._solve._prepared import Prepared
from propmat._solve._trivial import Settled, settled, told
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike, Prior
from propmat.laplacian._contract import Laplacian
from propmat.laplacian._graph import labelled
from propmat.solvers._answers import Changing, prepared
from propmat.solvers._auto import choose
from propmat.solvers._base import Callback, Solver

GraphLike: TypeAlias = Laplacian | Sparse


@dataclass(frozen=True, eq=False)
class Problem:
    """A Laplacian and its constraints, checked.

    Attributes
    ----------
    graph : Laplacian
    labels : Trimap
    confidence : (H, W) array or None
        The confidence in known pixels; None eliminates them.
    prior, prior_confidence : (H, W) array or None
        The prior and its confidence.
    """

    graph: Laplacian
    labels: Trimap
    confidence: Array | None
    prior: Array | None
    prior_confidence: Array | None

    @classmethod
    def of(
        cls,
        graph: GraphLike,
        trimap: ArrayLike | Trimap,
        confidence: ArrayLike | None = None,
        prior: Prior | None = None,
    ) -> Problem:
        """Read the arguments of `solve`."""
        return cls.posed(*labelled(graph, trimap), confidence, prior)

    @classmethod
    def posed(
        cls, graph: Laplacian, labels: Trimap, confidence: ArrayLike | None = None, prior: Prior | None = None
    ) -> Problem:
        """The problem of a graph and labels that have been checked; the constraints are checked here."""
        value, of_prior = (None, None) if prior is None else _prior(prior, labels)
        memory = {"trimap": labels.known}
        if confidence is not None:
            confidence = _inputs.weights(confidence, "confidence", labels.shape, memory=memory)
        check_known(labels, prior is not None)
        return cls(graph, labels, confidence, value, of_prior)

    def settled(self, values: ArrayLike | None = None) -> Settled | None:
        """Alpha if it needs no solve, else None; `values` other than the labels need one."""
        alone = self.prior is None and values is None
        return settled(self.labels, soft=self.confidence is not None, labels_alone=alone)

    def without_solving(self, values: ArrayLike | None = None) -> Array | None:
        """Alpha if it needs no solve, with a warning that says why, else None."""
        return told(self.settled(values))

    def solve(
        self, solver: Solver | None = None, *, x0: Array | None = None, callback: Callback | None = None
    ) -> Matte:
        """Assemble, set up and solve; all arguments must have been checked."""
        start = time.perf_counter()
        alpha = self.without_solving()
        if alpha is not None:
            return settled_matte(alpha, time.perf_counter() - start)
        matte = self.prepared(solver).solve(x0=x0, callback=callback)
        return replace(matte, seconds=time.perf_counter() - start)

    def prepared(self, solver: Solver | None, changing: Changing = "nothing") -> Prepared:
        """Assemble the system, and set up the solver so that what is changing can be set up anew."""
        with guarded(self.labels.known), FORK_GATE:
            system = self._system()
            chosen = choose(system.matrix) if solver is None else solver
            ready = prepared(chosen, system.matrix, system.near_null_space, changing)
        given = self.graph, self.confidence, choose if solver is None else None
        return Prepared(system, self.labels, self.prior, chosen, ready, *given)

    def _system(self) -> System:
        if self.confidence is not None:
            return weigh(self.graph, self.labels, self.confidence, self.prior_confidence)
        return eliminate(self.graph, self.labels, self.prior_confidence)


def checked(
    image: ArrayLike, trimap: ArrayLike | Trimap | None, solver: Solver | None, callback: Callback | None
) -> tuple[Array, Trimap]:
    """The image and labels of a method, and its other common arguments, checked in one order for all methods."""
    _inputs.solving(solver, callback)
    pixels = _inputs.image(image, memory=_inputs.ANYWHERE)
    if trimap is None:
        return pixels, Trimap.unlabelled(pixels.shape[:2], like=pixels)
    return pixels, Trimap.parse(trimap, pixels.shape, memory={"image": pixels})


def _prior(prior: Prior, trimap: Trimap) -> tuple[Array, Array]:
    """Value and confidence as (H, W) maps."""
    value, confidence = _inputs.pair(prior, "prior", "(value, confidence)")
    shape, memory = trimap.shape, {"trimap": trimap.known}
    if _inputs.is_number(value):
        value = _inputs.real_number(int(value), "prior value") if isinstance(value, int) else value
        value = np.broadcast_to(np.asarray(value, like=trimap.known), shape)
    value = _inputs.plane(value, "prior value", shape, memory=memory)
    return value, _inputs.weights(confidence, "prior confidence", shape, memory=memory)
