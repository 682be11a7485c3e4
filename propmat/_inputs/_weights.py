"""Maps of numbers without a scale: weights, confidences, gradients."""

from __future__ import annotations

import numpy as np

from propmat._inputs._arrays import Memory, check_shape, extremes, first_true, is_number, real_array
from propmat._typing import Array
from propmat.errors import InputError


def weights(value: object, name: str, shape: tuple[int, ...], *, memory: Memory = None) -> Array:
    """A number or an (H, W) map of numbers >= 0, as a map; integers are not divided by their maximum."""
    given = _spread(value, name, shape, memory)
    check_shape(given, name, shape)
    return _nonnegative(given, name)


def edge_weights(horizontal: object, vertical: object, *, memory: Memory = None) -> tuple[Array, Array]:
    """Weights >= 0 of the edges to the right, (H, W - 1), and downwards, (H - 1, W)."""
    across = real_array(horizontal, "horizontal", memory)
    down = real_array(vertical, "vertical", None if memory is None else {**memory, "horizontal": across})
    if across.ndim != 2 or not across.shape[0]:
        raise InputError(f"horizontal: takes shape (H, W - 1), got {across.shape}")
    expected = (across.shape[0] - 1, across.shape[1] + 1)
    if down.shape != expected:
        raise InputError(
            f"vertical: shape {down.shape} does not fit horizontal of shape {across.shape}; takes {expected}"
        )
    return _nonnegative(across.astype(np.float64), "horizontal"), _nonnegative(down.astype(np.float64), "vertical")


def real_map(value: object, name: str, shape: tuple[int, ...], *, memory: Memory = None) -> Array:
    """A number or an (H, W) map of finite numbers of any size, as a map."""
    given = _spread(value, name, shape, memory)
    check_shape(given, name, shape)
    extremes(given, name)
    return given


def _nonnegative(given: Array, name: str) -> Array:
    low, _ = extremes(given, name)
    if low < 0:
        raise InputError(f"{name}: takes numbers >= 0, got {low:g} at {first_true(given < 0)}")
    return np.ascontiguousarray(given, like=given)


def _spread(value: object, name: str, shape: tuple[int, ...], memory: Memory) -> Array:
    """An array in float64; a number becomes a constant map."""
    given = real_array(value, name, None if memory and is_number(value) else memory)
    if given.ndim == 0:
        return np.full(shape, float(given), like=next(iter(memory.values())) if memory else None)
    return given.astype(np.float64, copy=False)
