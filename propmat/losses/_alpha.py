"""Errors of alpha and of what is composited with it, over unknown pixels."""

from __future__ import annotations

from typing import TypeVar, cast

from propmat._typing import Differentiable, Shaped
from propmat.errors import InputError, shown
from propmat.losses._arguments import check, check_colours, in_single, with_silent_overflow

A = TypeVar("A", bound=Differentiable)

# Added under the root, so that the derivative is finite where the error is 0.
SMOOTHING = 1e-12

# Larger than any colour.
BRIGHTEST = 1e20


@with_silent_overflow
def alpha_loss(alpha: A, truth: A, unknown: Shaped) -> A:
    """Mean absolute error of alpha over the unknown pixels, √((α - α')² + 1e-12).

    Parameters
    ----------
    alpha, truth : (..., H, W) array or tensor
        Floating, in [0, 1]; half precision is converted to single precision.
    unknown : (..., H, W) array or tensor of bool
        The pixels that count, of all images together; if there are none, the loss is 0.

    Returns
    -------
    number or tensor ()
        >= 0, of the same library as the arguments.

    Raises
    ------
    InputError
        If the three differ in shape, or one is of another dtype.

    References
    ----------
    N. Xu, B. Price, S. Cohen, T. Huang, "Deep Image Matting", CVPR 2017, equation 1.

    Examples
    --------
    >>> import numpy as np
    >>> from propmat.losses import alpha_loss
    >>> alpha_loss(np.array([0.0, 0.5, 1.0]), np.array([0.0, 0.25, 0.0]), np.array([True, True, False])).round(4)
    np.float64(0.125)
    """
    check(alpha, truth, unknown)
    return _mean(_absolute(in_single(alpha) - in_single(truth)), unknown)


@with_silent_overflow
def composition_loss(
    alpha: A, truth: A, foreground: A | float, background: A | float, unknown: Shaped, *, channel_axis: int = -1
) -> A:
    """Mean absolute error of the composite α F + (1 - α) B over the unknown pixels and the channels.

    Parameters
    ----------
    alpha, truth : (..., H, W) array or tensor
        As in `alpha_loss`.
    foreground, background : array or tensor, or float
        True colours, floating: (..., H, W, C), or (..., C, H, W) for ``channel_axis=-3``. A number is the same grey
        everywhere.
    unknown : (..., H, W) array or tensor of bool
        As in `alpha_loss`.
    channel_axis : {-1, -3}, default -1
        Which axis of the colours has the channels.

    Returns
    -------
    number or tensor ()
        >= 0, of the same library as the arguments.

    Raises
    ------
    InputError
        If shapes do not fit each other, one is of another dtype, or `channel_axis` is not one of the two.

    References
    ----------
    N. Xu, B. Price, S. Cohen, T. Huang, "Deep Image Matting", CVPR 2017, equation 2.

    Examples
    --------
    >>> import numpy as np
    >>> from propmat.losses import composition_loss
    >>> white, black = np.ones((1, 2, 3)), np.zeros((1, 2, 3))
    >>> composition_loss(np.array([[0.5, 1.0]]), np.ones((1, 2)), white, black, np.ones((1, 2), bool)).round(4)
    np.float64(0.25)
    """
    check(alpha, truth, unknown)
    for name, colour in (("foreground", foreground), ("background", background)):
        if isinstance(colour, (int, float)) and not abs(colour) <= BRIGHTEST:
            raise InputError(f"{name}: takes an array, or a number up to {BRIGHTEST:g}, got {shown(colour)}")
    colours = {
        name: colour
        for name, colour in (("foreground", foreground), ("background", background))
        if isinstance(colour, bool) or not isinstance(colour, (int, float))
    }
    check_colours(alpha, colours, channel_axis)
    single = in_single(alpha) - in_single(truth)
    per_channel = single[..., None] if channel_axis == -1 else single[..., None, :, :]
    apart = in_single(foreground) - in_single(background)
    return _mean(_absolute(per_channel * apart).mean(channel_axis) if colours else _absolute(single * apart), unknown)


def _absolute(error: A) -> A:
    return (error * error + SMOOTHING) ** 0.5


def _mean(error: A, unknown: Shaped) -> A:
    counted = cast(A, unknown)  # of bool, which every library multiplies and sums
    return (error * counted).sum() / counted.sum().clip(1)
