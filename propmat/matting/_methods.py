"""Every method that goes from image and trimap to alpha, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from propmat import _inputs, flows, laplacian, sampling
from propmat._solve import checked, solve
from propmat.trimap import Trimap

# How strongly a sampled matte holds, beside the closed form: gamma of Gastal and Oliveira 2010, section 5, which
# Shahrian et al. 2013 take over.
TRUST_IN_SAMPLES = 0.1

# Weights of the flows in Aksoy et al. 2017, equation 10; the local flow has weight 1 and epsilon 1e-6 in their code.
KNOWN_TO_UNKNOWN, INTRA_UNKNOWN, LABELLED = 0.05, 0.01, 100.0
LOCAL_EPSILON = 1e-6


class Posed(NamedTuple):
    """What `propmat.solve` needs beside the trimap: every method is a Laplacian, and perhaps a prior.

    Attributes
    ----------
    graph : Laplacian
    prior : (matte, confidence) or None
        As in `propmat.solve`.
    """

    graph: laplacian.Laplacian
    prior: tuple[Any, Any] | None = None


def _closed_form(image: Any, trimap: Trimap, *, epsilon: float = 1e-7, radius: int = 1) -> Posed:
    return Posed(laplacian.closed_form(image, epsilon, radius))


def _knn(image: Any, trimap: Trimap, *, preset: str = "two") -> Posed:
    return Posed(laplacian.knn(image, preset))


def _learning_based(image: Any, trimap: Trimap, *, epsilon: float = 1e-7, radius: int = 1) -> Posed:
    return Posed(laplacian.learning_based(image, epsilon, radius))


def _large_kernel(image: Any, trimap: Trimap, *, epsilon: float = 1e-7, radius: int = 10) -> Posed:
    return Posed(laplacian.large_kernel(image, epsilon, radius))


def _random_walk(image: Any, trimap: Trimap, *, sigma: float = 0.033) -> Posed:
    return Posed(laplacian.random_walk(image, sigma))


def _shared_sampling(image: Any, trimap: Trimap) -> Posed:
    return _sampled(sampling.shared, image, trimap)


def _sampled(take_samples: Callable[..., sampling.Samples], image: Any, trimap: Trimap) -> Posed:
    graph = laplacian.closed_form(image)
    if not _has_all(trimap):
        return Posed(graph)
    samples = take_samples(image, trimap)
    return Posed(graph, (samples.alpha, TRUST_IN_SAMPLES * samples.confidence))


def _has_all(trimap: Trimap) -> bool:
    """Whether there are both labels to take colours of and pixels that want them; if not, alpha needs no prior."""
    return bool(trimap.foreground.any() and trimap.background.any() and trimap.unknown.any())


def _comprehensive_sampling(image: Any, trimap: Trimap) -> Posed:
    return _sampled(sampling.comprehensive, image, trimap)


def _information_flow(image: Any, trimap: Trimap, *, known_to_unknown: bool = True) -> Posed:
    _inputs.flag(known_to_unknown, "known_to_unknown")
    local = laplacian.closed_form(image, LOCAL_EPSILON)
    if not _has_all(trimap):
        return Posed(local)
    trimmed = sampling.trimmed(image, trimap)
    held = np.where(trimmed.known & trimap.unknown, LABELLED, 0.0)
    if not trimmed.unknown.any():
        return Posed(local, (trimmed.labels, held))
    graph = flows.colour_mixture(image, trimmed) + INTRA_UNKNOWN * flows.intra_unknown(image, trimmed) + local
    if not known_to_unknown:
        return Posed(graph, (trimmed.labels, held))
    alpha, confidence = flows.known_to_unknown(image, trimmed)
    return Posed(graph, (alpha, held + KNOWN_TO_UNKNOWN * confidence))


METHODS: dict[str, Callable[..., Posed]] = {
    "closed_form": _closed_form,
    "knn": _knn,
    "learning_based": _learning_based,
    "large_kernel": _large_kernel,
    "random_walk": _random_walk,
    "comprehensive_sampling": _comprehensive_sampling,
    "information_flow": _information_flow,
    "shared_sampling": _shared_sampling,
}


def solved(
    method: str, image: Any, trimap: Any, *, solver: Any = None, callback: Any = None, **settings: Any
) -> NDArray[np.float64]:
    """Alpha by a method of `METHODS`; all arguments are checked before the first of its work."""
    pixels, labels = checked(image, trimap, solver, callback)
    graph, prior = METHODS[method](pixels, labels, **settings)
    return solve(graph, labels, prior=prior, solver=solver, callback=callback).alpha
