"""The error of the change from frame to frame."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import pairwise, zip_longest

import numpy as np

from propmat import _inputs
from propmat._arithmetic import usual_arithmetic
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike, Mask
from propmat.errors import InputError
from propmat.metrics._mattes import mean, read, read_pair


@usual_arithmetic
def dtssd(
    alphas: Iterable[ArrayLike], truths: Iterable[ArrayLike], trimaps: Iterable[ArrayLike | Trimap] | None = None
) -> float:
    r"""Flicker: the error of the change from frame to frame.

    .. math::
        \frac{100}{T - 1} \sum_{t=2}^{T} \sqrt{\frac{1}{|U_t|} \sum_{i \in U_t}
        \bigl((\alpha_{t,i} - \alpha_{t-1,i}) - (\alpha^*_{t,i} - \alpha^*_{t-1,i})\bigr)^2}

    Parameters
    ----------
    alphas, truths : iterables of (H, W) arrays
        The frames, as many of both, at least two; read one at a time.
    trimaps : iterable of (H, W) arrays or Trimaps, optional
        :math:`U_t` are the unknown pixels of the trimap of frame *t*; without trimaps, all pixels.

    Returns
    -------
    float
        >= 0, in hundredths.

    Raises
    ------
    InputError
        As `sad`; also if lengths differ or there are fewer than two frames.

    Notes
    -----
    Reference [1]_ takes the sum; later work prints the mean times 100. Some of it counts the first
    frame as a 0, which gives :math:`(T - 1) / T` of this.

    References
    ----------
    .. [1] M. Erofeev, Y. Gitman, D. Vatolin, A. Fedorov, J. Wang: Perceptually Motivated Benchmark for
       Video Matting. BMVC 2015.

    Examples
    --------
    >>> from propmat import metrics
    >>> metrics.dtssd([[[0.0, 0.5]], [[0.5, 1.0]]], [[[0.0, 0.5]], [[0.0, 0.5]]])
    50.0
    """
    flicker = [
        100 * math.sqrt(mean(np.square(after - before)[unknown]))
        for (before, _), (after, unknown) in successive_errors(alphas, truths, trimaps)
    ]
    return mean(np.array(flicker))


def successive_errors(
    alphas: Iterable[ArrayLike], truths: Iterable[ArrayLike], trimaps: Iterable[ArrayLike | Trimap] | None
) -> Iterator[tuple[tuple[Array, Mask], tuple[Array, Mask]]]:
    """Error and unknown pixels of each frame and of the next."""
    several = False
    for before, after in pairwise(_errors(alphas, truths, trimaps)):
        if before[0].shape != after[0].shape:
            raise InputError(f"alphas: shape {after[0].shape} follows a frame of shape {before[0].shape}")
        several = True
        yield before, after
    if not several:
        raise InputError("alphas: fewer than two frames; it takes two to see a change")


def _errors(
    alphas: Iterable[ArrayLike], truths: Iterable[ArrayLike], trimaps: Iterable[ArrayLike | Trimap] | None
) -> Iterator[tuple[Array, Mask]]:
    """Error and unknown pixels of frame after frame."""
    given = {"alphas": alphas, "truths": truths} | ({} if trimaps is None else {"trimaps": trimaps})
    sequences = [_inputs.several(frames, name, "a sequence of frames") for name, frames in given.items()]
    for number, frame in enumerate(zip_longest(*sequences)):
        if any(part is None for part in frame):
            raise InputError(f"alphas, truths, trimaps: one of them ends after {number} frames")
        alpha, truth = read_pair(*frame[:2])
        whole = trimaps is None
        yield alpha - truth, np.ones(alpha.shape, bool) if whole else read(*frame).trimap.unknown
