"""One checker for each kind of argument; it returns the canonical array or raises `InputError`.

Public functions call them before any work. The keyword `beside` says in which memory an argument may be: None, the
default, allows host memory only; `{}` allows host memory or a GPU; a mapping of names to arrays requires the memory
of these arrays, so that all arguments of a call are either in host memory or on one GPU.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, SupportsFloat, cast

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

from propmat._backend import ON_DEVICE, on_device, same_backend, to_device, to_host
from propmat._typing import Array, Mask
from propmat.errors import InputError, UnsupportedError, shown, warn

Beside = Mapping[str, Any] | None

# Resampling with negative lobes overshoots [0, 1] by this much; values from 0 to 255 exceed it by far.
OVERSHOOT = 0.25

# Larger than any colour, and small enough that sums of a few still fit in single precision.
BRIGHTEST = 1e20

# Floating colours that are all whole numbers, the largest at least this, are taken for levels of 8 or 16 bits.
LEVELS_FROM = 16

# Greys up to this are background in a trimap and in a mask.
BACKGROUND_AT_MOST = 0.1

# By width of the type: if this many upper bits are 0 in all pixels, the values are labels (0 to 3 of 255) or from a
# sensor of fewer bits (0 to 4095 of 65535).
UNUSED_BITS = {8: 6, 16: 4}

# Modes of Pillow whose numbers are not the colours shown, but indices or coordinates of another colour space.
ENCODED_MODES = ("P", "PA", "LA", "CMYK", "YCbCr", "LAB", "HSV", "RGBX", "RGBa", "La")

# Floating colours with a maximum in this range have probably been divided by white twice.
DIVIDED_TWICE = (1e-4, 0.999 / 255)


def image(value: object, name: str = "image", *, bounded: bool = True, beside: Beside = None) -> Array:
    """`value` as a C-contiguous (H, W, d) float64 array; integers are divided by their maximum.

    Unless `bounded`, floating values may have any size up to `BRIGHTEST`.
    """
    pixels = _scaled(value, name, beside, bounded)
    if bounded and pixels.size and _real(value, name, beside).dtype.kind == "f":
        _tell_divided_twice(pixels, name)
    if pixels.ndim == 2:
        pixels = pixels[:, :, np.newaxis]
    if pixels.ndim != 3:
        raise InputError(f"{name}: takes shape (H, W) or (H, W, channels), got {pixels.shape}")
    if pixels.shape[2] == 4:
        raise InputError(
            f"{name}: has 4 channels, shape {pixels.shape}. If the fourth is transparency, pass "
            f"{name}[:, :, :3]; propmat takes colours only."
        )
    _not_empty(pixels, name)
    pixels = np.ascontiguousarray(pixels, like=pixels)
    # Made writeable, although nothing writes: numba compiles kernels again for read-only arrays, and that takes longer
    # than a copy.
    return pixels if on_device(pixels) else np.require(pixels, requirements="W")


def _tell_divided_twice(pixels: Array, name: str) -> None:
    (low, high), greatest = DIVIDED_TWICE, float(pixels.max())
    levels = 65535 * pixels if low <= greatest <= high else np.zeros(1)
    if np.abs(levels - np.round(levels)).max() > 1e-6:  # not those of a dark picture of 16 bits
        warn(f"{name}: its greatest value is {greatest:.3g} of 1, nearly black. Was it divided by 255 twice?")


def plane(value: object, name: str, shape: tuple[int, ...] | None = None, *, beside: Beside = None) -> Array:
    """`value` as a C-contiguous (H, W) float64 array in [0, 1]: a matte, a mask or a trimap."""
    pixels = _scaled(value, name, beside)
    if pixels.ndim != 2:
        raise InputError(f"{name}: takes shape (H, W), got {pixels.shape}{_way_to_a_plane(pixels, name)}")
    _not_empty(pixels, name)
    _fits(pixels, name, shape)
    return np.ascontiguousarray(pixels, like=pixels)


def greys(value: object, name: str, *, beside: Beside = None) -> Array:
    """A mask or a trimap, as `plane`; integers that look like labels (0, 1, 2) instead of grey values are refused."""
    array = _real(value, name, beside)
    found = _labels(array)
    if found:
        raise InputError(
            f"{name}: its values are {found}. If they are labels, say which is which: {name} == label is a mask, "
            f"{name}.astype(bool) for 0 and 1; in uint8 background, unknown and foreground are 0, 128 and 255"
        )
    return plane(value, name, beside=beside)


def _labels(array: NDArray[Any]) -> str:
    """A description of values that look like labels instead of greys; empty if they do not.

    Checked are integers, and floats that are integers of 8 bits divided by 255.
    """
    if array.dtype.kind == "f" and array.size and not on_device(array):  # on a GPU the host would have to wait
        array = _bytes_of(array)
    if array.dtype.kind != "u" or array.dtype.itemsize > 2 or not array.size:
        return ""
    white = np.iinfo(array.dtype).max
    others = array[array < white]
    top = int(others.max()) if others.size else 0
    if 0 < top <= BACKGROUND_AT_MOST * white and others.size == array.size:
        return f"0 to {top} of {white}, as greys all of them background"
    if 0 < top < 1 << (8 * array.dtype.itemsize - UNUSED_BITS[8 * array.dtype.itemsize]):
        return f"0 to {top}, and {white}, which in label maps is what to ignore"
    return ""


def _bytes_of(array: NDArray[Any]) -> NDArray[Any]:
    """Dark floats that are all multiples of 1/255 as uint8, others as they are.

    Conversions to tensors divide labels of 8 bits by 255.
    """
    low, high = ends(array)
    if not (low >= 0 and 0 < high <= BACKGROUND_AT_MOST):
        return array
    levels = np.round(255 * array)
    return levels.astype(np.uint8) if levels.any() and np.abs(255 * array - levels).max() < 1e-3 else array


def _way_to_a_plane(pixels: Array, name: str) -> str:
    """A hint how to get an (H, W) array from a picture with channels, or from a batch of one."""
    if pixels.ndim != 3:
        return ""
    if pixels.shape[0] == 1:
        return f"; pass {name}[0]"
    return f"; if its channels are equal, pass {name}[:, :, 0]" if 1 <= pixels.shape[2] <= 4 else ""


def weights(value: object, name: str, shape: tuple[int, ...], *, beside: Beside = None) -> Array:
    """A number or an (H, W) map of numbers >= 0, as a map; integers are not divided by their maximum."""
    given = _spread(value, name, shape, beside)
    _fits(given, name, shape)
    return _nonnegative(given, name)


def edge_weights(horizontal: object, vertical: object, *, beside: Beside = None) -> tuple[Array, Array]:
    """Weights >= 0 of the edges to the right, (H, W - 1), and downwards, (H - 1, W)."""
    across = _real(horizontal, "horizontal", beside)
    down = _real(vertical, "vertical", None if beside is None else {**beside, "horizontal": across})
    if across.ndim != 2 or not across.shape[0]:
        raise InputError(f"horizontal: takes shape (H, W - 1), got {across.shape}")
    expected = (across.shape[0] - 1, across.shape[1] + 1)
    if down.shape != expected:
        raise InputError(
            f"vertical: shape {down.shape} does not fit horizontal of shape {across.shape}; takes {expected}"
        )
    return _nonnegative(across.astype(np.float64), "horizontal"), _nonnegative(down.astype(np.float64), "vertical")


def vector(value: object, name: str, count: int) -> Array:
    """An (n,) array of real numbers of any size, finite or not, in host memory or on a GPU."""
    given = _real(value, name, {})
    if given.shape != (count,):
        raise InputError(f"{name}: takes shape ({count},), got {given.shape}")
    return given.astype(np.float64, copy=False)


def mask(value: object, name: str) -> Mask:
    """An (H, W) array of bool, in host memory or on a GPU."""
    given = as_array(value, name)
    if given.dtype != np.bool_ or given.ndim != 2 or not given.size:
        raise InputError(f"{name}: takes an (H, W) mask of bool, got {given.dtype} of shape {given.shape}")
    return given


def size(value: object, name: str = "shape") -> tuple[int, int]:
    """Height and width."""
    height, width = pair(value, name, "(height, width)")
    return whole_number(height, name), whole_number(width, name)


def real_map(value: object, name: str, shape: tuple[int, ...], *, beside: Beside = None) -> Array:
    """A number or an (H, W) map of finite numbers of any size, as a map."""
    given = _spread(value, name, shape, beside)
    _fits(given, name, shape)
    _extremes(given, name)
    return given


def in_memory(array: object, name: str, beside: Beside) -> None:
    """Refuse an array that is not in the memory that `beside` allows."""
    if beside is not None:
        same_backend(**beside, **{name: array})
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


def choice(value: object, name: str, choices: Iterable[str]) -> str:
    """One of several names."""
    if not isinstance(value, str) or value not in choices:
        raise InputError(f"{name}: takes {' or '.join(map(repr, choices))}, got {shown(value)}")
    return value


def flag(value: object, name: str) -> bool:
    """True or False; "False" and arrays are neither."""
    if not isinstance(value, (bool, np.bool_)):
        raise InputError(f"{name}: takes True or False, got {shown(value)}")
    return bool(value)


def several(value: object, name: str, takes: str) -> Iterator[Any]:
    """An iterator over an iterable."""
    try:
        return iter(cast(Iterable[Any], value))
    except Exception:  # of whatever the value is an object of
        raise InputError(f"{name}: takes {takes}, got {shown(value)}") from None


def pair(value: object, name: str, meaning: str) -> tuple[Any, Any]:
    """Two things, given as a tuple or a list."""
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        got = f"{len(value)} things" if isinstance(value, (tuple, list)) else type(value).__name__
        raise InputError(f"{name}: takes a pair {meaning}, got {got}")
    return value[0], value[1]


def settings(value: object, name: str, takes: str) -> None:
    """Refuse a solver or a preconditioner without ``prepare``, and a class given in place of an object."""
    if isinstance(value, type):
        raise InputError(f"{name}: takes {takes}, got the class {value.__name__}; make one, {value.__name__}()")
    if not callable(getattr(value, "prepare", None)):
        raise InputError(f"{name}: takes {takes}, got {shown(value)}")


def solving(solver: object, callback: object = None) -> None:
    """Refuse objects that are not a solver or not a callback; both may be None."""
    if solver is not None:
        settings(solver, "solver", "propmat.solvers.CG(), Direct() or an object with their prepare and strict")
        if not hasattr(solver, "strict"):
            raise InputError(f"solver: {type(solver).__name__} has no attribute strict; takes True or False there")
    if callback is not None and (isinstance(callback, type) or not callable(callback)):
        raise InputError(f"callback: takes a function of (iteration, relative residual), got {shown(callback)}")


def positive(value: object, name: str) -> float:
    """A finite number above 0."""
    number = _number(value, name)
    if not (math.isfinite(number) and number > 0):
        raise InputError(f"{name}: takes a finite number > 0, got {shown(value)}")
    return number


def whole_number(value: object, name: str, meaning: str = "") -> int:
    """A whole number, from 1 to what 32 bits hold."""
    number = _number(value, name)
    if not math.isfinite(number) or number != int(number) or number < 1:
        raise InputError(f"{name}: takes a whole number >= 1{meaning}, got {shown(value)}")
    if number > np.iinfo(np.int32).max:
        raise InputError(f"{name}: takes a whole number up to {np.iinfo(np.int32).max}{meaning}, got {number:g}")
    return int(number)


def tolerance(value: object, name: str) -> float:
    """A finite number, 0 or above."""
    number = _number(value, name)
    if not (math.isfinite(number) and number >= 0):
        raise InputError(f"{name}: takes a finite number >= 0, got {shown(value)}")
    return number


def _nonnegative(given: Array, name: str) -> Array:
    low, _ = _extremes(given, name)
    if low < 0:
        raise InputError(f"{name}: takes numbers >= 0, got {low:g} at {_first(given < 0)}")
    return np.ascontiguousarray(given, like=given)


def _number(value: object, name: str) -> float:
    """`value` as a float; bool, text and arrays of one number are refused."""
    try:
        if isinstance(value, (bool, np.bool_, str, bytes)) or shape_of(value):
            raise TypeError
        number = float(cast(SupportsFloat, value))
    except OverflowError:
        raise InputError(f"{name}: takes a number up to {np.finfo(np.float64).max:.2g}, got a greater one") from None
    except Exception:  # an object of any class may raise anything
        raise InputError(f"{name}: takes a number, got {shown(value)}") from None
    if math.isnan(number):
        raise InputError(f"{name}: takes a number, got {shown(value)}")
    return number


def _spread(value: object, name: str, shape: tuple[int, ...], beside: Beside) -> Array:
    """An array in float64; a number becomes a constant map."""
    given = _real(value, name, None if beside and is_number(value) else beside)
    if given.ndim == 0:
        return np.full(shape, float(given), like=next(iter(beside.values())) if beside else None)
    return given.astype(np.float64, copy=False)


def shape_of(value: object) -> tuple[int, ...]:
    """The shape of an argument as it was given."""
    return np.shape(cast(npt.ArrayLike, value))


def is_number(value: object) -> bool:
    """Whether a value is a single number in host memory, which can be combined with arrays on a GPU."""
    try:
        return not on_device(value) and not shape_of(value)
    except Exception:  # of whatever the value is an object of
        return False


def _real(value: object, name: str, beside: Beside) -> NDArray[Any]:
    """`value` as an array of a real dtype."""
    in_memory(value, name, beside)
    array = as_array(value, name)
    if array.dtype.kind not in "buif":
        raise InputError(f"{name}: takes floating numbers, integers or bool, got dtype {array.dtype}")
    return array


def _scaled(value: object, name: str, beside: Beside, bounded: bool = True) -> Array:
    """`value` as finite float64, in [0, 1] if `bounded`."""
    array = _real(value, name, beside)
    if array.dtype.kind in "ui":
        return _scaled_integers(array, name)
    pixels = array.astype(np.float64, copy=False)
    low, high = _extremes(pixels, name)
    if bounded and (low < -OVERSHOOT or high > 1 + OVERSHOOT):
        raise InputError(
            f"{name}: floating values are in [0, 1], got {low:g} to {high:g}. "
            f"Divide by the value of white (255 for 8 bits), or pass uint8 or uint16."
        )
    if max(-low, high) > BRIGHTEST:
        raise InputError(f"{name}: takes values up to {BRIGHTEST:g}, got {low:g} to {high:g}")
    if not bounded and LEVELS_FROM <= high <= np.iinfo(np.uint16).max and not np.any(pixels % 1):
        raise InputError(
            f"{name}: floating whole numbers from {low:g} to {high:g} are levels of 8 or 16 bits. Divide by the value "
            f"of white (255 for 8 bits), or pass uint8 or uint16."
        )
    return pixels


def _scaled_integers(array: NDArray[Any], name: str) -> Array:
    if array.dtype.kind != "u" or array.dtype.itemsize > 2:
        raise InputError(
            f"{name}: integer pixels are uint8 or uint16, scaled by 255 or 65535; got dtype {array.dtype}. "
            f"If they go up to 255, pass {name}.astype(numpy.uint8); if they are 0 and 1, {name}.astype(bool)."
        )
    _tell_unused_bits(array, name)
    return array / np.float64(np.iinfo(array.dtype).max)


def _tell_unused_bits(array: NDArray[Any], name: str) -> None:
    """Warn of integers that use few bits of their type: labels, or pixels of a sensor with fewer bits."""
    top, bits = int(array.max()) if array.size else 0, 8 * array.dtype.itemsize
    if 0 < top < 1 << (bits - UNUSED_BITS[bits]):
        white = np.iinfo(array.dtype).max
        warn(f"{name}: its values are 0 to {top} of {white}, nearly black. If {top} is white, divide by it.")


def _extremes(array: Array, name: str) -> tuple[float, float]:
    """The smallest and the largest value, both 0 of an empty array; refuses NaN and infinity."""
    if not array.size:
        return 0.0, 0.0
    low, high = ends(array)
    if not (math.isfinite(low) and math.isfinite(high)):
        bad = ~np.isfinite(array)
        raise InputError(f"{name}: has {int(bad.sum())} values that are NaN or infinite, the first at {_first(bad)}")
    return low, high


def ends(array: NDArray[Any]) -> tuple[float, float]:
    """The smallest and the largest value, in one transfer if they are on a GPU."""
    low, high = to_host(np.stack([array.min(), array.max()]))
    return float(low), float(high)


def _first(mask: Mask) -> tuple[int, ...]:
    """Index of the first true element."""
    return tuple(int(k) for k in np.unravel_index(int(np.argmax(mask)), mask.shape))


def _not_empty(pixels: Array, name: str) -> None:
    if not pixels.size:
        raise InputError(f"{name}: is empty, shape {pixels.shape}")


def _fits(array: Array, name: str, shape: tuple[int, ...] | None) -> None:
    if shape is not None and array.shape != tuple(shape):
        raise InputError(f"{name}: shape {array.shape} does not fit an image of shape {tuple(shape)}")
