"""The change of the error along the motion."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from propmat import _inputs
from propmat._arithmetic import usual_arithmetic
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike, Mask
from propmat.errors import InputError
from propmat.metrics._mattes import mean
from propmat.metrics._sequences import successive_errors


@usual_arithmetic
def messddt(
    alphas: Iterable[ArrayLike],
    truths: Iterable[ArrayLike],
    flows: Iterable[ArrayLike],
    trimaps: Iterable[ArrayLike | Trimap] | None = None,
) -> float:
    r"""Flicker along the motion: the change of the squared error from a pixel to where it moves.

    .. math::
        \frac{1000}{T - 1} \sum_{t=1}^{T-1} \frac{1}{|U_t|} \sum_{i \in U_t}
        \bigl| (\alpha_{t,i} - \alpha^*_{t,i})^2 - (\alpha_{t+1,i+v} - \alpha^*_{t+1,i+v})^2 \bigr|

    with the displacement v of pixel i, at which the squared error of the next frame is interpolated bilinearly. An
    error that moves with the object costs nothing here, in contrast to `dtssd`.

    Parameters
    ----------
    alphas, truths : iterables of (H, W) arrays
        The frames, as many of both, at least two; read one at a time.
    flows : iterable of (H, W, 2) arrays
        For each frame but the last the displacements of its pixels to the next one, right and down in pixels, such as
        `propmat.video.flow` returns; more are not read. Pixels that leave the picture do not count.
    trimaps : iterable of (H, W) arrays or Trimaps, optional
        :math:`U_t` are the unknown pixels of the trimap of frame *t*; without trimaps, all pixels.

    Returns
    -------
    float
        >= 0, in thousandths.

    Raises
    ------
    InputError
        As `dtssd`; also if flows are missing or of another shape.

    Notes
    -----
    Reference [1]_ takes the sum over pixels and frames; here it is their mean, as with `dtssd`.

    References
    ----------
    .. [1] M. Erofeev, Y. Gitman, D. Vatolin, A. Fedorov, J. Wang: Perceptually Motivated Benchmark for
       Video Matting. BMVC 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from propmat import metrics
    >>> moved = np.array([[[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]]])
    >>> metrics.messddt([[[0.5, 0.0, 0.0]], [[0.0, 0.5, 0.0]]], np.zeros((2, 1, 3)), [moved])
    0.0
    """
    displaced = _inputs.several(flows, "flows", "a sequence of flows")
    changes = []
    for number, ((before, unknown), (after, _)) in enumerate(successive_errors(alphas, truths, trimaps)):
        flow = next(displaced, None)
        if flow is None:
            raise InputError(f"flows: end after {number}; there is one for every frame but the last")
        changes.append(1000 * _change(np.square(before), np.square(after), _read(flow, before.shape, number), unknown))
    return mean(np.array(changes))


def _read(flow: ArrayLike, shape: tuple[int, ...], number: int) -> Array:
    """The displacements, (2, H, W): down and right."""
    right, down = (
        _inputs.real_map(channel, f"flows: flow {number}", shape) for channel in _channels(flow, shape, number)
    )
    return np.stack([down, right])


def _channels(flow: ArrayLike, shape: tuple[int, ...], number: int) -> Iterator[Array]:
    given = _inputs.shape_of(flow)
    if given != (*shape, 2):
        raise InputError(f"flows: flow {number} takes shape {(*shape, 2)}, got {given}")
    return iter(np.moveaxis(np.asarray(flow), 2, 0))


def _change(before: Array, after: Array, displacement: Array, unknown: Mask) -> float:
    from scipy.ndimage import map_coordinates

    places = np.indices(before.shape) + displacement
    last = np.array(before.shape).reshape(2, 1, 1) - 1
    counted = unknown & ((places >= 0) & (places <= last)).all(axis=0)
    moved = map_coordinates(after, places[:, counted], order=1)
    return mean(np.abs(before[counted] - moved)) if counted.any() else 0.0
