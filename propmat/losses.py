"""Loss functions for training matting networks, for arrays of NumPy, PyTorch and JAX.

They use only operators that all three share, so that each library differentiates them itself. Shapes must be equal:
nothing is broadcast, so that a mean is never over other pixels than intended. Values are not checked, because they may
be traced: NaN makes the loss NaN.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar, cast

import numpy as np

from propmat._typing import Differentiable, Shaped
from propmat.errors import InputError, shown

# Added under the root, so that the derivative is finite where the error is 0.
SMOOTHING = 1e-12

# Larger than any colour.
BRIGHTEST = 1e20


A = TypeVar("A", bound=Differentiable)
N = TypeVar("N", bound=Differentiable | float)
P = ParamSpec("P")
R = TypeVar("R")


def _with_silent_overflow(loss: Callable[P, R]) -> Callable[P, R]:
    """Let arrays of NumPy give infinity and NaN silently, as tensors do, whatever `numpy.seterr` says."""

    @functools.wraps(loss)
    def call(*arguments: P.args, **options: P.kwargs) -> R:
        if not any(isinstance(argument, np.ndarray) for argument in (*arguments, *options.values())):
            return loss(*arguments, **options)
        with np.errstate(all="ignore"):
            return loss(*arguments, **options)

    return call


@_with_silent_overflow
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
    _check(alpha, truth, unknown)
    return _mean(_absolute(_single(alpha) - _single(truth)), unknown)


@_with_silent_overflow
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
    _check(alpha, truth, unknown)
    for name, colour in (("foreground", foreground), ("background", background)):
        if isinstance(colour, (int, float)) and not abs(colour) <= BRIGHTEST:
            raise InputError(f"{name}: takes an array, or a number up to {BRIGHTEST:g}, got {shown(colour)}")
    colours = {
        name: colour
        for name, colour in (("foreground", foreground), ("background", background))
        if isinstance(colour, bool) or not isinstance(colour, (int, float))
    }
    _check_colours(alpha, colours, channel_axis)
    single = _single(alpha) - _single(truth)
    per_channel = single[..., None] if channel_axis == -1 else single[..., None, :, :]
    apart = _single(foreground) - _single(background)
    return _mean(_absolute(per_channel * apart).mean(channel_axis) if colours else _absolute(single * apart), unknown)


def _check(alpha: Shaped, truth: Shaped, unknown: Shaped) -> None:
    """Refuse arrays of several libraries, other dtypes, and shapes that differ."""
    _check_floating({"alpha": alpha, "truth": truth})
    if not str(getattr(unknown, "dtype", None)).endswith("bool"):
        got = getattr(unknown, "dtype", type(unknown).__name__)
        raise InputError(f"unknown: takes a mask of bool, got {got}; of a trimap that is trimap == 0.5, say")
    _check_dense(unknown, "unknown")
    _check_library({"alpha": alpha, "truth": truth, "unknown": unknown})
    for name, array in (("truth", truth), ("unknown", unknown)):
        if tuple(array.shape) != tuple(alpha.shape):
            raise InputError(f"{name}: shape {tuple(array.shape)} is not that of alpha, {tuple(alpha.shape)}")


def _check_colours(alpha: Shaped, colours: Mapping[str, Shaped], channel_axis: int) -> None:
    if not isinstance(channel_axis, int) or channel_axis not in (-1, -3):
        raise InputError(f"channel_axis: takes -1 or -3, got {shown(channel_axis)}")
    _check_floating(colours)
    _check_library({"alpha": alpha, **colours})
    before = tuple(alpha.shape) if channel_axis == -1 else tuple(alpha.shape[:-2])
    channels = {name: tuple(colour.shape)[len(before) : len(before) + 1] for name, colour in colours.items()}
    for name, colour in colours.items():
        one = next(iter(channels.values()))
        expected = (*before, *one, *alpha.shape[len(before) :])
        if tuple(colour.shape) != expected or one in ((), (0,)):
            takes = "(..., H, W, C)" if channel_axis == -1 else "(..., C, H, W)"
            raise InputError(
                f"{name}: shape {tuple(colour.shape)} does not fit alpha (..., H, W) of shape {tuple(alpha.shape)}; "
                f"takes {takes} for channel_axis={channel_axis}, both colours of one shape"
            )


def _check_floating(arrays: Mapping[str, object]) -> None:
    for name, array in arrays.items():
        dtype = str(getattr(array, "dtype", None))
        if "float" not in dtype:
            got = type(array).__name__ if dtype == "None" else f"dtype {dtype}"
            raise InputError(f"{name}: takes a floating array or tensor in [0, 1], got {got}; divide uint8 by 255")
        _check_dense(array, name)


def _check_dense(array: object, name: str) -> None:
    """Refuse masked arrays and tensors that are not dense, and `numpy.matrix`, whose products differ."""
    if isinstance(array, np.ma.MaskedArray):
        raise InputError(f"{name}: is a masked array; fill it first, {name}.filled(...)")
    if isinstance(array, np.matrix):
        raise InputError(f"{name}: is a numpy.matrix; pass numpy.asarray({name})")
    layout = str(getattr(array, "layout", "torch.strided"))
    if layout != "torch.strided" or getattr(array, "is_nested", False) or hasattr(array, "get_mask"):
        kind = type(array).__name__ if layout == "torch.strided" else layout
        raise InputError(f"{name}: takes a dense tensor, got {kind}")


def _check_library(arrays: Mapping[str, object]) -> None:
    """Refuse a mixture of tensors and arrays of NumPy or JAX, which no operator accepts."""
    tensors = [name for name, array in arrays.items() if hasattr(array, "requires_grad")]
    others = [name for name in arrays if name not in tensors]
    if tensors and others:
        raise InputError(f"{others[0]}: is no tensor, but {tensors[0]} is; takes all of one library")


def _single(array: N) -> N:
    """Half precision converted to single: it has neither the range for 1e-12 nor for sums over many pixels."""
    if isinstance(array, (int, float)) or array.dtype.itemsize >= 4:
        return array
    half: Any = array  # libraries do not share a name for this conversion
    return cast(N, half.float() if hasattr(half, "requires_grad") else half.astype("float32"))


def _absolute(error: A) -> A:
    return (error * error + SMOOTHING) ** 0.5


def _mean(error: A, unknown: Shaped) -> A:
    counted = cast(A, unknown)  # of bool, which every library multiplies and sums
    return (error * counted).sum() / counted.sum().clip(1)
