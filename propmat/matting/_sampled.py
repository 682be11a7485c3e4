"""Common definitions of the sampling methods."""

from __future__ import annotations

from collections.abc import Callable

from propmat import _inputs
from propmat._trimap import Trimap
from propmat._typing import Array
from propmat.laplacian._closed_form import ClosedForm
from propmat.matting._posed import Posed
from propmat.sampling._samples import Labels, SampledMatte, numbers_of

# Weight of a sampled matte relative to the closed form: gamma of Gastal and Oliveira 2010, section 5, also used by
# Shahrian et al. 2013.
TRUST_IN_SAMPLES = 0.1


def sampled(samples_of: Callable[[Array, Labels], SampledMatte], pixels: Array, labels: Trimap) -> Posed:
    """The closed form, with the sampled matte as its prior."""
    graph = ClosedForm.of(pixels, 1e-7, 1)
    if not has_all(labels):
        return Posed(graph)
    _inputs.in_memory(pixels, "image", None)
    samples = samples_of(pixels, numbers_of(labels))
    return Posed(graph, (samples.alpha, TRUST_IN_SAMPLES * samples.confidence))


def has_all(labels: Trimap) -> bool:
    """Whether there are foreground, background and unknown pixels; without all three there is nothing to sample."""
    return bool(labels.foreground.any() and labels.background.any() and labels.unknown.any())
