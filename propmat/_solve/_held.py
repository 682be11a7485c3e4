"""A problem whose unknown values are held to a prior as well, from the problem without it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from propmat._backend import guarded
from propmat._locks import FORK_GATE
from propmat._solve._prepared import Prepared
from propmat._typing import Array
from propmat.solvers._shifting import shifted


def held(prepared: Prepared, value: Array, confidence: Array) -> Prepared:
    """The same problem with a prior (H, W) beside the one that it has; arguments must have been checked.

    The Laplacian is kept, and most of the preconditioner if it was prepared for a `prior` that is changing.
    """
    system, prior = prepared.system, (value, confidence)
    if prepared.prior is not None:
        prior = together([prior, (prepared.prior, system.prior_confidence)])
    with guarded(prepared.trimap.known), FORK_GATE:
        system = system.reweighed(system.confidence, prior[1])
        solver = prepared.solver if prepared.choose is None else prepared.choose(system.matrix)
        ready = shifted(prepared.solve_linear, solver, system.matrix, system.near_null_space)
    return replace(prepared, system=system, prior=prior[0], solver=solver, solve_linear=ready)


def together(priors: Sequence[tuple[Array, Array]]) -> tuple[Array, Array]:
    """The prior whose energy is the sum of those of some priors, but for a constant."""
    confidence = np.sum([confidence for _, confidence in priors], axis=0)
    mean = np.sum([value * confidence for value, confidence in priors], axis=0)
    return np.divide(mean, confidence, out=np.full_like(mean, 0.5), where=confidence > 0), confidence
