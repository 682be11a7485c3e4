"""The one table of differentiable verbs: what PyTorch and JAX call, and how several images are solved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from propmat._batching import _poses
from propmat._batching._arguments import (
    ALPHA,
    CONFIDENCE,
    EPSILON,
    FOUR,
    IMAGE,
    ONE_CONFIDENCE,
    PAIR,
    PRIOR,
    SMALL_ALPHA,
    TRIMAP,
    VALUES,
    WINDOWS,
    Array,
    size_of_directed_edges,
    size_of_edges,
    size_of_image,
    size_of_windows,
)
from propmat._batching._verb import Pullback, Reader, Tall, Verb
from propmat.adjoint import _closed_form, _directed, _knn, _propagate, _refine, _upsample, _weighted_windows
from propmat.laplacian._closed_form import known_radius
from propmat.laplacian._knn_presets import known_preset

RADIUS: Mapping[str, Reader] = {"radius": known_radius}
PRESET: Mapping[str, Reader] = {"preset": known_preset}


def _of_pair(horizontal: Array, vertical: Array, **rest: Any) -> tuple[Array, Pullback]:
    return _propagate.propagate((horizontal, vertical), **rest)


def _of_four(right: Array, left: Array, down: Array, up: Array, **rest: Any) -> tuple[Array, Pullback]:
    return _directed.propagate_directed((right, left, down, up), **rest)


def _of_windows(
    horizontal: Array | None = None,
    vertical: Array | None = None,
    prior: Array | None = None,
    prior_confidence: Array | None = None,
    **rest: Any,
) -> tuple[Array, Pullback]:
    edges = None if horizontal is None or vertical is None else (horizontal, vertical)
    held = None if prior is None or prior_confidence is None else (prior, prior_confidence)
    return _weighted_windows.weighted_windows(**rest, edges=edges, prior=held)


CLOSED_FORM = Verb(
    "closed_form",
    _closed_form.closed_form,
    (IMAGE, TRIMAP, VALUES, CONFIDENCE, EPSILON),
    optional=("values", "confidence"),
    size=size_of_image,
    options=RADIUS,
    windows=True,
    tall=Tall(_poses.closed_form, alike=("epsilon",), options={"radius": 1}),
)
KNN = Verb(
    "knn",
    _knn.knn,
    (IMAGE, TRIMAP, VALUES, CONFIDENCE),
    optional=("values", "confidence"),
    size=size_of_image,
    options=PRESET,
)
REFINE = Verb(
    "refine",
    _refine.refine,
    (IMAGE, ALPHA, TRIMAP, VALUES, EPSILON, CONFIDENCE),
    optional=("values", "trimap"),
    size=size_of_image,
    windows=True,
    tall=Tall(_poses.refine, alike=("epsilon",)),
)
UPSAMPLE = Verb(
    "upsample",
    _upsample.upsample,
    (IMAGE, SMALL_ALPHA, TRIMAP, EPSILON, ONE_CONFIDENCE),
    optional=("trimap",),
    size=size_of_image,
    of_any_size=("alpha",),
    windows=True,
)
PROPAGATE = Verb(
    "propagate",
    _of_pair,
    (*PAIR, TRIMAP, VALUES, CONFIDENCE),
    optional=("values", "confidence"),
    size=size_of_edges,
    tall=Tall(_poses.propagate),
)
PROPAGATE_DIRECTED = Verb(
    "propagate_directed",
    _of_four,
    (*FOUR, TRIMAP, VALUES, CONFIDENCE),
    optional=("values", "confidence"),
    size=size_of_directed_edges,
)
WEIGHTED_WINDOWS = Verb(
    "weighted_windows",
    _of_windows,
    (WINDOWS, *PAIR, IMAGE, TRIMAP, VALUES, CONFIDENCE, *PRIOR, EPSILON),
    optional=("horizontal", "vertical", "values", "confidence", "prior", "prior_confidence"),
    size=size_of_windows,
    constant=("image", "trimap", "epsilon"),
    windows=True,
)
VERBS = {
    verb.name: verb for verb in (CLOSED_FORM, KNN, REFINE, UPSAMPLE, PROPAGATE, PROPAGATE_DIRECTED, WEIGHTED_WINDOWS)
}
