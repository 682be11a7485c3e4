"""Every method that goes from image and trimap to alpha, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from propmat import laplacian
from propmat.trimap import Trimap


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


def _knn(image: Any, trimap: Trimap, *, preset: str = "rgb") -> Posed:
    return Posed(laplacian.knn(image, preset))


def _learning_based(image: Any, trimap: Trimap, *, epsilon: float = 1e-7, radius: int = 1) -> Posed:
    return Posed(laplacian.learning_based(image, epsilon, radius))


def _large_kernel(image: Any, trimap: Trimap, *, epsilon: float = 1e-7, radius: int = 10) -> Posed:
    return Posed(laplacian.large_kernel(image, epsilon, radius))


def _random_walk(image: Any, trimap: Trimap, *, sigma: float = 0.033) -> Posed:
    return Posed(laplacian.random_walk(image, sigma))


METHODS: dict[str, Callable[..., Posed]] = {
    "closed_form": _closed_form,
    "knn": _knn,
    "learning_based": _learning_based,
    "large_kernel": _large_kernel,
    "random_walk": _random_walk,
}
