"""Images, mattes, masks and trimaps."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from propmat._backend import on_device
from propmat._inputs._arrays import Memory, check_shape, ends, extremes, real_array
from propmat._typing import Array
from propmat.errors import InputError, warn

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
# Floating colours with a maximum in this range have probably been divided by white twice.
DIVIDED_TWICE = (1e-4, 0.999 / 255)


def image(value: object, name: str = "image", *, bounded: bool = True, memory: Memory = None) -> Array:
    """`value` as a C-contiguous (H, W, d) float64 array; integers are divided by their maximum.

    Unless `bounded`, floating values may have any size up to `BRIGHTEST`.
    """
    pixels = _scaled(value, name, memory, bounded)
    if bounded and pixels.size and real_array(value, name, memory).dtype.kind == "f":
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
    if np.abs(levels - np.round(levels)).max() > 1e-6:  # else a dark picture of 16 bits
        warn(f"{name}: its greatest value is {greatest:.3g} of 1, nearly black. Was it divided by 255 twice?")


def plane(value: object, name: str, shape: tuple[int, ...] | None = None, *, memory: Memory = None) -> Array:
    """`value` as a C-contiguous (H, W) float64 array in [0, 1]: a matte, a mask or a trimap."""
    pixels = _scaled(value, name, memory)
    if pixels.ndim != 2:
        raise InputError(f"{name}: takes shape (H, W), got {pixels.shape}{_way_to_a_plane(pixels, name)}")
    _not_empty(pixels, name)
    check_shape(pixels, name, shape)
    return np.ascontiguousarray(pixels, like=pixels)


def greys(value: object, name: str, *, memory: Memory = None) -> Array:
    """A mask or a trimap, as `plane`; integers that look like labels (0, 1, 2) instead of grey values are refused."""
    array = real_array(value, name, memory)
    found = _labels(array)
    if found:
        raise InputError(
            f"{name}: its values are {found}. If they are labels, say which is which: {name} == label is a mask, "
            f"{name}.astype(bool), of a tensor {name}.bool(), for 0 and 1; in uint8 background, unknown and foreground "
            f"are 0, 128 and 255"
        )
    return plane(value, name, memory=memory)


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


def _scaled(value: object, name: str, memory: Memory, bounded: bool = True) -> Array:
    """`value` as finite float64, in [0, 1] if `bounded`."""
    array = real_array(value, name, memory)
    if array.dtype.kind in "ui":
        return _scaled_integers(array, name)
    pixels = array.astype(np.float64, copy=False)
    low, high = extremes(pixels, name)
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


def _not_empty(pixels: Array, name: str) -> None:
    if not pixels.size:
        raise InputError(f"{name}: is empty, shape {pixels.shape}")
