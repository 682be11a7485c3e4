"""The definition of a method: the Laplacian, and perhaps a prior, for a given image and trimap."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from propmat._typing import Prior
from propmat.laplacian._contract import Laplacian


class Posed(NamedTuple):
    """The arguments of `propmat.solve` that define a method.

    Attributes
    ----------
    graph : Laplacian
    prior : (matte, confidence) or None
        As in `propmat.solve`.
    """

    graph: Laplacian
    prior: Prior | None = None


# (pixels, labels, **settings) → Posed, for an (H, W, d) image and a Trimap that have been checked, and unchecked
# settings.
Pose: TypeAlias = Callable[..., Posed]
