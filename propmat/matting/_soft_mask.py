"""Alpha from the soft mask of a network."""

from __future__ import annotations

from propmat._trimap_making import Width, trimap_from_mask
from propmat._typing import Array, ArrayLike
from propmat.matting._refine import refine

# Chosen by `python -m benchmarks.integrations --masks`, on photographs other than those of its table.
CONFIDENCE = 1e-2


def refined(image: ArrayLike, mask: Array, width: Width, confidence: float) -> Array:
    """A mask (H, W) in [0, 1], refined in a band around its edge, in which it is a prior.

    The confidence is that of a mask of 0 and 1; it falls as (2 m - 1)² to 0 where m is 0.5.
    """
    certainty = (2 * mask - 1) ** 2
    return refine(image, mask, confidence * certainty, trimap=trimap_from_mask(mask, width=width))
