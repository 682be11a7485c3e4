"""Likely mistakes in a trimap, each as a sentence. None of them is an error."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from propmat._inputs._arrays import first_true
from propmat._typing import Array, Mask

# Levels of 255 by which rounding of files and ringing of JPEG can change a flat grey.
SAME_GREY = 2

# The levels between background, 0.1, and foreground, 0.9.
UNKNOWN = slice(26, 230)


def of_labels(foreground: Mask, background: Mask) -> Iterator[str]:
    """Findings from the two masks: missing labels, a band too thin, unknown pixels enclosed by one label."""
    unknown = ~(foreground | background)
    missing = [name for name, mask in (("foreground", foreground), ("background", background)) if not mask.any()]
    if missing:
        yield f"no pixel is known {' or '.join(missing)}"
    if not unknown.any():
        yield "no pixel is unknown: it is a mask, and propmat.trimap_from_mask gives it a band"
    elif not missing:
        yield from _thin_band(foreground, background)
        yield from _enclosed(foreground, background, unknown)


def _thin_band(foreground: Mask, background: Mask) -> Iterator[str]:
    """Background within two pixels of foreground: fewer than two unknown pixels are between."""
    from scipy.ndimage import maximum_filter

    near = maximum_filter(foreground, size=5) & background
    if near.any():
        yield (
            f"the unknown band is thinner than 2 pixels at {_count(near, 'background pixel')}, the first at "
            f"{first_true(near)}: mixed pixels there are called pure"
        )


def _enclosed(foreground: Mask, background: Mask, unknown: Mask) -> Iterator[str]:
    """Unknown islands with one label around them."""
    from scipy.ndimage import label, maximum, maximum_filter

    islands, count = label(unknown, np.ones((3, 3)))
    every = np.arange(1, count + 1)
    touches = [maximum(maximum_filter(mask, size=3), islands, every) for mask in (foreground, background)]
    for name, here, there in (("foreground", *touches), ("background", *reversed(touches))):
        alone = np.concatenate([[False], here & ~there])[islands]
        if alone.any():
            yield (
                f"{_count(here & ~there, 'unknown island')} of {_count(alone, 'pixel')} in all with only {name} "
                f"around, the first at {first_true(alone)}: a method that goes by neighbours answers {name} there"
            )


def of_greys(values: Array) -> Iterator[str]:
    """Findings from the greys in [0, 1] that a trimap was read from: soft edges."""
    levels = np.rint(255 * np.clip(values, 0, 1)).astype(np.intp)
    counts = np.bincount(levels.ravel(), minlength=256)
    usual = UNKNOWN.start + int(np.argmax(counts[UNKNOWN]))
    expected = np.array([0, usual, 255])
    odd = np.abs(np.arange(256)[:, np.newaxis] - expected).min(axis=1) > SAME_GREY
    if counts[odd].any():
        other = int(counts[odd].sum())
        yield (
            f"{other} pixels ({other / levels.size:.1%}) are neither black nor white nor the usual grey "
            f"({usual} of 255), in {np.count_nonzero(counts[odd])} levels: soft edges, or a matte? Up to 0.1 is "
            "background, from 0.9 foreground, between unknown"
        )


def _count(mask: Mask, noun: str) -> str:
    number = int(np.count_nonzero(mask))
    return f"{number} {noun}" + ("s" if number > 1 else "")
