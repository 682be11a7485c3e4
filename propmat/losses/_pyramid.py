"""Errors of alpha by the levels of Laplacian pyramids."""

from __future__ import annotations

import math
from typing import TypeVar, cast

import numpy as np
import numpy.typing as npt

from propmat._typing import Differentiable
from propmat.errors import InputError, shown
from propmat.losses._arguments import check_floating, check_shapes, in_single, with_silent_overflow

A = TypeVar("A", bound=Differentiable)

# Of the filter, along either axis.
BINOMIAL = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)


@with_silent_overflow
def laplacian_pyramid_loss(alpha: A, truth: A, *, levels: int = 5) -> A:
    """Error of alpha at several scales: Σ 2ˡ mean|Lₗ(α) - Lₗ(α')| / levels, L being levels of Laplacian pyramids.

    A level is a picture less what is left of it at half its size, by a binomial filter of 5 x 5 pixels, reflected
    beyond the borders; a last odd row or column is left out. The mean is over all pixels of all images.

    Parameters
    ----------
    alpha, truth : (..., H, W) array or tensor
        Floating, in any range, to which the loss is proportional; half precision is converted to single precision.
    levels : int, default 5
        At most log2 of the shorter side.

    Returns
    -------
    number or tensor ()
        >= 0, of the same library as the arguments.

    Raises
    ------
    InputError
        If the two differ in shape, one is of another dtype, or they are too small.

    References
    ----------
    P. Burt, E. Adelson, "The Laplacian Pyramid as a Compact Image Code", IEEE Transactions on Communications 31(4),
    1983; as a loss of mattes Q. Hou, F. Liu, "Context-Aware Image Matting", ICCV 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from propmat.losses import laplacian_pyramid_loss
    >>> laplacian_pyramid_loss(np.eye(8), np.zeros((8, 8)), levels=2).round(4)
    np.float64(0.1966)
    """
    check_floating({"alpha": alpha, "truth": truth})
    check_shapes(alpha, {"truth": truth})
    least = min(alpha.shape[-2:], default=0) if len(alpha.shape) > 1 else 0
    if not isinstance(levels, int) or isinstance(levels, bool) or not 1 <= levels < least.bit_length():
        raise InputError(
            f"levels: takes a whole number from 1 to log2 of the shorter side, {least}, got {shown(levels)}"
        )
    rest = in_single(alpha) - in_single(truth)
    loss = rest.sum() * 0.0
    for level in range(levels):
        rest = rest[..., : rest.shape[-2] // 2 * 2, : rest.shape[-1] // 2 * 2]
        half = _halved(_halved(rest, -2), -1)
        loss = loss + _departure(rest, half) * (2**level / (levels * max(math.prod(rest.shape), 1)))
        rest = half
    return loss


def _departure(picture: A, half: A) -> A:
    """Σ|picture - half at the full size|, by even and odd rows and columns."""
    total = half.sum() * 0.0
    for row, rows in enumerate(_doubled(half, -2)):
        for column, both in enumerate(_doubled(rows, -1)):
            total = total + cast(A, abs(picture[..., row::2, column::2] - both)).sum()
    return total


def _halved(picture: A, axis: int) -> A:
    """Every other row or column of a picture that is smoothed along them, their number being even."""
    size = picture.shape[axis]
    total = picture.sum() * 0.0
    for step, weight in enumerate(BINOMIAL, -2):
        beside = _taken(picture, _reflected(np.arange(0, size, 2) + step, size), axis)
        total = total + beside * weight
    return total


def _doubled(half: A, axis: int) -> tuple[A, A]:
    """Even and odd rows or columns of twice as many: zeros between those that there are, smoothed, times two."""
    size = half.shape[axis]
    places = np.arange(size)
    before, after = (_taken(half, _reflected(2 * (places + step), 2 * size) // 2, axis) for step in (-1, 1))
    outer, middle, beside = (2 * weight for weight in (BINOMIAL[0], BINOMIAL[2], BINOMIAL[1]))
    return before * outer + half * middle + after * outer, half * beside + after * beside


def _reflected(places: npt.NDArray[np.intp], size: int) -> npt.NDArray[np.intp]:
    """Places beyond 0 and `size` - 1 reflected at these."""
    within = np.abs(places) % max(2 * size - 2, 1)
    return np.minimum(within, 2 * size - 2 - within)


def _taken(picture: A, places: npt.NDArray[np.intp], axis: int) -> A:
    return picture[..., places] if axis == -1 else picture[..., places, :]
