"""Single numbers."""

from __future__ import annotations

import math
from typing import Any, SupportsFloat, cast

import numpy as np
import numpy.typing as npt

from propmat.errors import InputError, shown

TOO_LARGE = f"takes a number up to {np.finfo(np.float64).max:.2g}, got a greater one"


def positive(value: object, name: str) -> float:
    """A finite number above 0."""
    number = real_number(value, name)
    if not (math.isfinite(number) and number > 0):
        raise InputError(f"{name}: takes a finite number > 0, got {number:g}")
    return number


def whole_number(value: object, name: str, meaning: str = "") -> int:
    """A whole number from 1 to the largest 32-bit integer."""
    number = real_number(value, name)
    if not math.isfinite(number) or number != int(number) or number < 1:
        raise InputError(f"{name}: takes a whole number >= 1{meaning}, got {shown(value)}")
    if number > np.iinfo(np.int32).max:
        raise InputError(f"{name}: takes a whole number up to {np.iinfo(np.int32).max}{meaning}, got {number:g}")
    return int(number)


def tolerance(value: object, name: str) -> float:
    """A finite number, 0 or above."""
    number = real_number(value, name)
    if not (math.isfinite(number) and number >= 0):
        raise InputError(f"{name}: takes a finite number >= 0, got {shown(value)}")
    return number


def integer(value: Any, name: str, least: int, most: int) -> int:
    """A value of an integer type (64.0 is refused) within limits: a setting from a file, or a size of arrays."""
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < least:
        raise InputError(f"{name}: takes a whole number >= {least}, got {shown(value)}")
    if value > most:
        raise InputError(f"{name}: takes a whole number up to {most}, got {shown(value)}")
    return int(value)


def within(value: Any, name: str, least: float, most: float = math.inf) -> float:
    """A value of a numeric type ("0.8" is refused), finite and within limits: a setting from a file."""
    number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not number or not (least <= value <= most and abs(value) < math.inf):
        limits = f"from {least:g} to {most:g}" if math.isfinite(most) else f">= {least:g}"
        raise InputError(f"{name}: takes a finite number {limits}, got {shown(value)}")
    return float(value)


def real_number(value: object, name: str) -> float:
    """`value` as a float; bool, text and arrays of one number are refused."""
    try:
        if isinstance(value, (bool, np.bool_, str, bytes)) or shape_of(value):
            raise TypeError
        number = float(cast(SupportsFloat, value))
    except OverflowError:
        raise InputError(f"{name}: {TOO_LARGE}") from None
    except Exception:  # an object of any class may raise anything
        raise InputError(f"{name}: takes a number, got {shown(value)}") from None
    if math.isnan(number):
        raise InputError(f"{name}: takes a number, got {shown(value)}")
    return number


def shape_of(value: object) -> tuple[int, ...]:
    """The shape of an argument as it was given."""
    return np.shape(cast(npt.ArrayLike, value))
