"""Arrays of any kind: their memory, dtype, shape and finiteness."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from propmat._backend import ON_DEVICE, on_device, same_backend, to_device, to_host
from propmat._inputs._numbers import shape_of, whole_number
from propmat._inputs._settings import pair
from propmat._typing import Array, Mask
from propmat.errors import InputError, UnsupportedError

# In which memory an argument may be: None for the host's only, ANYWHERE for any, or a mapping of the names of other
# arguments to their arrays, whose memory it must share.
Memory = Mapping[str, Any] | None
ANYWHERE: Mapping[str, Any] = MappingProxyType({})
# Modes of Pillow whose numbers are not the colours shown, but indices or coordinates of another colour space.
ENCODED_MODES = ("P", "PA", "LA", "CMYK", "YCbCr", "LAB", "HSV", "RGBX", "RGBa", "La")


def vector(value: object, name: str, count: int) -> Array:
    """An (n,) array of real numbers of any size, finite or not, in host memory or on a GPU."""
    given = real_array(value, name, {})
    if given.shape != (count,):
        raise InputError(f"{name}: takes shape ({count},), got {given.shape}")
    return given.astype(np.float64, copy=False)


def is_real_like(value: object, like: Array) -> bool:
    """Whether a value is an array of real numbers, none of them masked, of the shape of another."""
    if isinstance(value, np.ma.MaskedArray):
        return False
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    return getattr(value, "shape", None) == like.shape and kind in ("f", "i", "u")


def columns(value: object, name: str, rows: int) -> Array:
    """An (n, m) array of finite real numbers, in host memory or on a GPU."""
    given = real_array(value, name, ANYWHERE)
    if given.ndim != 2 or len(given) != rows:
        raise InputError(f"{name}: takes shape ({rows}, m), got {given.shape}")
    found: Array = given.astype(np.float64, copy=False)
    extremes(found, name)
    return found


def mask(value: object, name: str) -> Mask:
    """An (H, W) array of bool, in host memory or on a GPU."""
    given = as_array(value, name)
    if given.dtype != np.bool_ or given.ndim != 2 or not given.size:
        raise InputError(f"{name}: takes an (H, W) mask of bool, got {given.dtype} of shape {given.shape}")
    return given


def in_memory(array: object, name: str, memory: Memory) -> None:
    """Refuse an array that is not in the memory that `memory` allows."""
    if memory is not None:
        same_backend(**memory, **{name: array})
    elif on_device(array):
        raise UnsupportedError(
            f"{name}: lives on a GPU, where {ON_DEVICE} run; takes an array in host memory (cupy.asnumpy, tensor.cpu)"
        )


def as_array(value: object, name: str) -> NDArray[Any]:
    """`value` as an array of any dtype, in its own memory; refused if it is masked or an encoded picture."""
    if on_device(value):
        return to_device(value)
    if isinstance(value, np.ma.MaskedArray):
        raise InputError(f"{name}: is a masked array; fill it first, {name}.filled(...)")
    mode = getattr(value, "mode", None) if type(value).__module__.startswith("PIL.") else None
    if mode in ENCODED_MODES:
        raise InputError(f"{name}: is a Pillow image of mode {mode}; pass {name}.convert('RGB') or convert('L')")
    try:
        return np.asarray(value)
    except MemoryError:
        raise
    except Exception as error:  # an object of any class may raise anything
        reason = str(error).partition("\n")[0]
        raise InputError(f"{name}: takes an array of numbers, got {type(value).__name__} ({reason})") from None


def is_number(value: object) -> bool:
    """Whether a value is a single number in host memory, which can be combined with arrays on a GPU."""
    try:
        return not on_device(value) and not shape_of(value)
    except Exception:  # an object of any class may raise anything
        return False


def real_array(value: object, name: str, memory: Memory) -> NDArray[Any]:
    """`value` as an array of a real dtype."""
    in_memory(value, name, memory)
    array = as_array(value, name)
    if array.dtype.kind not in "buif":
        raise InputError(f"{name}: takes floating numbers, integers or bool, got dtype {array.dtype}")
    return array


def extremes(array: Array, name: str) -> tuple[float, float]:
    """The smallest and the largest value, both 0 of an empty array; refuses NaN and infinity."""
    if not array.size:
        return 0.0, 0.0
    low, high = ends(array)
    if not (math.isfinite(low) and math.isfinite(high)):
        bad = ~np.isfinite(array)
        raise InputError(
            f"{name}: has {int(bad.sum())} values that are NaN or infinite, the first at {first_true(bad)}"
        )
    return low, high


def ends(array: NDArray[Any]) -> tuple[float, float]:
    """The smallest and the largest value, in one transfer if they are on a GPU."""
    low, high = to_host(np.stack([array.min(), array.max()]))
    return float(low), float(high)


def first_true(mask: Mask) -> tuple[int, ...]:
    """Index of the first true element."""
    return tuple(int(k) for k in np.unravel_index(int(np.argmax(mask)), mask.shape))


def check_shape(array: Array, name: str, shape: tuple[int, ...] | None) -> None:
    if shape is not None and array.shape != tuple(shape):
        raise InputError(f"{name}: shape {array.shape} does not fit an image of shape {tuple(shape)}")


def size(value: object, name: str = "shape") -> tuple[int, int]:
    """Height and width."""
    height, width = pair(value, name, "(height, width)")
    return whole_number(height, name), whole_number(width, name)
