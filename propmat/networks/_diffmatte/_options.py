"""Checks of the options of DiffMatte, and of times."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor, nn

from propmat._inputs._numbers import integer
from propmat.errors import InputError, shown
from propmat.networks._diffmatte._encoders import ENCODERS, STRIDES

WIDEST = 4096  # channels


def encoder_of(given: object, side: int) -> tuple[nn.Module, str]:
    """An encoder of its own or of a name, and its name."""
    if isinstance(given, nn.Module):
        return given, type(given).__name__
    if not isinstance(given, str) or given not in ENCODERS:
        raise InputError(f"encoder: takes {' or '.join(map(repr, ENCODERS))} or a module, got {shown(given)}")
    return ENCODERS[given](side), given


def features_of(encoder: nn.Module) -> tuple[int, int]:
    """Channels and stride of the features of an encoder."""
    given = [getattr(encoder, name, None) for name in ("channels", "stride")]
    channels, stride = (_whole(number) for number in given)
    if channels < 1 or stride not in STRIDES:
        raise InputError(
            f"encoder: takes a module with a whole number of channels and a stride of 4, 8, 16 or 32, got "
            f"{type(encoder).__name__} with channels {shown(given[0])} and stride {shown(given[1])}"
        )
    return channels, stride


def _whole(number: object) -> int:
    """A number of an integer type, and 0 for all else."""
    return int(number) if isinstance(number, int | np.integer) and not isinstance(number, bool) else 0


def multiple(given: object, name: str, of: int, most: int) -> int:
    """A whole number that another one divides."""
    number = integer(given, name, of, most)
    if number % of:
        raise InputError(f"{name}: takes a multiple of {of}, got {number}")
    return number


def channels_of(given: object, name: str, usual: Sequence[int]) -> tuple[int, ...]:
    """Channels of blocks, as many as the stride of the encoder asks for."""
    if given is None:
        return tuple(usual)
    if not isinstance(given, list | tuple) or len(given) != len(usual):
        raise InputError(f"{name}: takes a list of {len(usual)} whole numbers with this encoder, got {shown(given)}")
    return tuple(integer(count, name, 1, WIDEST) for count in given)


def check_times(time: object, count: int) -> None:
    """Refuse what is no floating tensor of one time for each of a batch."""
    if not isinstance(time, Tensor) or tuple(time.shape) != (count,) or not time.is_floating_point():
        got = f"{time.dtype} of shape {tuple(time.shape)}" if isinstance(time, Tensor) else shown(time)
        raise InputError(f"time: takes a floating tensor of shape ({count},), got {got}")
