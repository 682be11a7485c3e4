"""A matte, its truth and its trimap, checked; sums and means of errors."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from propmat import _inputs
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike
from propmat.errors import InputError, warn

_EXACT = 0.5 / 255  # what 8 bits would round to the label of a known pixel


class Mattes(NamedTuple):
    alpha: Array
    truth: Array
    trimap: Trimap


def read(alpha: ArrayLike, truth: ArrayLike, trimap: ArrayLike | Trimap) -> Mattes:
    alpha, truth = read_pair(alpha, truth)
    parsed = Trimap.parse(trimap, alpha.shape)
    if not parsed.unknown.any():
        # An error of 0 over nothing would pass for a perfect matte.
        raise InputError("trimap: no unknown pixel to score; it takes some between 0.1 and 0.9")
    return Mattes(alpha, truth, parsed)


def read_whole(alpha: ArrayLike, truth: ArrayLike, trimap: ArrayLike | Trimap) -> Mattes:
    """Read, and warn if known pixels of `alpha`, which will be read as well, are not exact."""
    mattes = read(alpha, truth, trimap)
    off = np.abs(mattes.alpha - mattes.trimap.foreground)[~mattes.trimap.unknown]
    count = np.count_nonzero(off > _EXACT)
    if count:
        warn(
            f"alpha: {count} known pixels are not the 0 or 1 of the trimap (off by up to "
            f"{off.max():.3g}); gradient and connectivity read them too"
        )
    return mattes


def read_pair(alpha: ArrayLike, truth: ArrayLike) -> tuple[Array, Array]:
    alpha, truth = _inputs.plane(alpha, "alpha"), _inputs.plane(truth, "truth")
    if truth.shape != alpha.shape:
        raise InputError(f"truth: shape {truth.shape} does not fit alpha of shape {alpha.shape}")
    return alpha, truth


def thousands(errors: Array) -> float:
    return float(errors.sum(dtype=np.float64)) / 1000


def mean(errors: Array) -> float:
    return float(errors.mean())
