"""Mattes that need no solve."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from propmat._trimap import Trimap
from propmat._typing import Array
from propmat.errors import warn


class Settled(NamedTuple):
    """Alpha (H, W) that needs no solve: the labels, or the only label everywhere."""

    alpha: Array
    label: float | None


def settled(trimap: Trimap, *, soft: bool, labels_alone: bool) -> Settled | None:
    """Alpha if no solve is needed because no pixel is unknown or there is one label only; else None.

    `soft`: a confidence is given, so that all pixels are solved for. `labels_alone`: neither a prior nor values other
    than the labels are given.
    """
    if not soft and not trimap.unknown.any():
        return Settled(trimap.labels.copy(), None)
    label = only_label(trimap) if labels_alone else None
    return None if label is None else Settled(np.full(trimap.shape, label, like=trimap.known), label)


def without_solving(trimap: Trimap, *, soft: bool, labels_alone: bool) -> Array | None:
    """Alpha that is `settled`, with a warning that says why; else None."""
    return told(settled(trimap, soft=soft, labels_alone=labels_alone))


def told(found: Settled | None) -> Array | None:
    """Alpha that needs no solve, with a warning that says why; else None."""
    if found is None:
        return None
    if found.label is None:
        warn(
            "trimap: no pixel is unknown, so there is nothing to solve for. A mask gets an unknown band from "
            "propmat.trimap_from_mask (--mask on the command line); greys above 0.1 and below 0.9 are unknown"
        )
    else:
        warn(
            f"trimap: every known pixel is {'foreground' if found.label else 'background'}, so alpha is "
            f"{found.label:g} everywhere. Label some pixels of the other kind."
        )
    return found.alpha


def only_label(trimap: Trimap) -> float | None:
    """The label of the known pixels if they all have the same, else None."""
    if not trimap.known.any() or (trimap.foreground.any() and trimap.background.any()):
        return None
    return float(trimap.foreground.any())
