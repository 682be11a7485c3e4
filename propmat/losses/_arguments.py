"""Checks of arrays of any library, and what all losses do with them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar, cast

import numpy as np

from propmat._typing import Differentiable, Shaped
from propmat.errors import InputError, shown

N = TypeVar("N", bound=Differentiable | float)
P = ParamSpec("P")
R = TypeVar("R")


def with_silent_overflow(loss: Callable[P, R]) -> Callable[P, R]:
    """Let arrays of NumPy give infinity and NaN silently, as tensors do, whatever `numpy.seterr` says."""

    @functools.wraps(loss)
    def call(*arguments: P.args, **options: P.kwargs) -> R:
        if not any(isinstance(argument, np.ndarray) for argument in (*arguments, *options.values())):
            return loss(*arguments, **options)
        with np.errstate(all="ignore"):
            return loss(*arguments, **options)

    return call


def check(alpha: Shaped, truth: Shaped, unknown: Shaped) -> None:
    """Refuse arrays of several libraries, other dtypes, and shapes that differ."""
    check_floating({"alpha": alpha, "truth": truth})
    if not str(getattr(unknown, "dtype", None)).endswith("bool"):
        got = getattr(unknown, "dtype", type(unknown).__name__)
        raise InputError(f"unknown: takes a mask of bool, got {got}; of a trimap that is trimap == 0.5, say")
    check_dense(unknown, "unknown")
    check_shapes(alpha, {"truth": truth, "unknown": unknown})


def check_shapes(alpha: Shaped, others: Mapping[str, Shaped]) -> None:
    """Refuse arrays of several libraries, and shapes that differ."""
    check_library({"alpha": alpha, **others})
    for name, array in others.items():
        if tuple(array.shape) != tuple(alpha.shape):
            raise InputError(f"{name}: shape {tuple(array.shape)} is not that of alpha, {tuple(alpha.shape)}")


def check_colours(alpha: Shaped, colours: Mapping[str, Shaped], channel_axis: int) -> None:
    if not isinstance(channel_axis, int) or channel_axis not in (-1, -3):
        raise InputError(f"channel_axis: takes -1 or -3, got {shown(channel_axis)}")
    check_floating(colours)
    check_library({"alpha": alpha, **colours})
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


def check_floating(arrays: Mapping[str, object]) -> None:
    for name, array in arrays.items():
        dtype = str(getattr(array, "dtype", None))
        if "float" not in dtype:
            got = type(array).__name__ if dtype == "None" else f"dtype {dtype}"
            raise InputError(f"{name}: takes a floating array or tensor in [0, 1], got {got}; divide uint8 by 255")
        check_dense(array, name)


def check_dense(array: object, name: str) -> None:
    """Refuse masked arrays and tensors that are not dense, and `numpy.matrix`, whose products differ."""
    if isinstance(array, np.ma.MaskedArray):
        raise InputError(f"{name}: is a masked array; fill it first, {name}.filled(...)")
    if isinstance(array, np.matrix):
        raise InputError(f"{name}: is a numpy.matrix; pass numpy.asarray({name})")
    layout = str(getattr(array, "layout", "torch.strided"))
    if layout != "torch.strided" or getattr(array, "is_nested", False) or hasattr(array, "get_mask"):
        kind = type(array).__name__ if layout == "torch.strided" else layout
        raise InputError(f"{name}: takes a dense tensor, got {kind}")


def check_library(arrays: Mapping[str, object]) -> None:
    """Refuse a mixture of tensors and arrays of NumPy or JAX, which no operator accepts."""
    tensors = [name for name, array in arrays.items() if hasattr(array, "requires_grad")]
    others = [name for name in arrays if name not in tensors]
    if tensors and others:
        raise InputError(f"{others[0]}: is no tensor, but {tensors[0]} is; takes all of one library")


def in_single(array: N) -> N:
    """Half precision converted to single: it has neither the range for 1e-12 nor for sums over many pixels."""
    if isinstance(array, (int, float)) or array.dtype.itemsize >= 4:
        return array
    half: Any = array  # libraries do not share a name for this conversion
    return cast(N, half.float() if hasattr(half, "requires_grad") else half.astype("float32"))
