"""Verbs on a tall image: several of one size, one above the other, that share no window and no edge."""

from __future__ import annotations

from propmat import _inputs
from propmat._batching._arguments import Array
from propmat._operators._parts import Parts
from propmat._trimap import Trimap
from propmat.adjoint._pullback import Pullback
from propmat.adjoint._solve import solve
from propmat.laplacian._affinity import Affinity
from propmat.laplacian._closed_form import ClosedForm
from propmat.solvers._base import Solver

Made = tuple[Array, Pullback]


def closed_form(
    parts: Parts,
    image: Array,
    trimap: Array,
    *,
    values: Array | None = None,
    confidence: Array | float | None = None,
    epsilon: float = 1e-7,
    solver: Solver,
) -> Made:
    """`adjoint.closed_form` of radius 1."""
    return solve(_windows(parts, image, epsilon), trimap, values=values, confidence=confidence, solver=solver)


def refine(
    parts: Parts,
    image: Array,
    alpha: Array,
    confidence: Array | float,
    *,
    trimap: Array | None = None,
    values: Array | None = None,
    epsilon: float = 1e-7,
    solver: Solver,
) -> Made:
    """`adjoint.refine`."""
    graph = _windows(parts, image, epsilon)
    given = _inputs.plane(alpha, "alpha", graph.shape, memory=graph.memory)
    labels = Trimap.unlabelled(graph.shape, like=graph.image) if trimap is None else trimap
    refined, pullback = solve(graph, labels, values=values, prior=(given, confidence), solver=solver)
    return refined, pullback.renamed(prior="alpha", prior_confidence="confidence")


def propagate(
    parts: Parts,
    horizontal: Array,
    vertical: Array,
    trimap: Array,
    *,
    values: Array | None = None,
    confidence: Array | float | None = None,
    solver: Solver,
) -> Made:
    """`adjoint.propagate`; the edges over the seams have weight 0."""
    graph = Affinity(*_inputs.edge_weights(horizontal, vertical, memory=_inputs.ANYWHERE), parts)
    return solve(graph, trimap, values=values, confidence=confidence, solver=solver)


def _windows(parts: Parts, image: Array, epsilon: float) -> ClosedForm:
    return ClosedForm.of(_inputs.image(image, memory=_inputs.ANYWHERE), epsilon, 1, parts)
