"""The solve that may end a network: its answer is the prior of the closed form."""

from __future__ import annotations

import numpy as np

from propmat._inputs._numbers import within
from propmat._solve._problem import Problem
from propmat._trimap import Trimap
from propmat._typing import Array
from propmat.laplacian._closed_form import ClosedForm

EPSILON = 1e-6  # of the closed form
LEAST_CONFIDENCE = 1e-6  # below it nothing is left of the network's answer


def checked_confidence(given: float | None, name: str = "confidence") -> float | None:
    """The confidence of a network's answer, or None for no solve."""
    return None if given is None else within(given, name, LEAST_CONFIDENCE)


def last_solved(image: Array, labels: Trimap, alpha: Array, confidence: float | None) -> Array:
    """Alpha (H, W) by the solve, or the answer as it is: without a confidence, or if it is not finite throughout."""
    if confidence is None or not np.isfinite(alpha).all():  # which `inferred` tells
        return alpha
    graph = ClosedForm.of(image, EPSILON, 1)
    return Problem.posed(graph, labels, prior=(alpha, confidence)).solve().alpha
