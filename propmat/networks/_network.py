"""What the networks share: a name, options they can be built from again, presets."""

from __future__ import annotations

import difflib
import inspect
import math
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, TypeVar

import numpy as np
import torch
from torch import nn

from propmat.errors import InputError, refused_as, shown

N = TypeVar("N", bound="Network")


class Network(nn.Module):
    """A network that its name and options tell all about but the weights."""

    name: ClassVar[str]
    presets: ClassVar[dict[str, dict[str, Any]]]
    options: dict[str, Any]

    @classmethod
    def preset(cls: type[N], name: str = "faithful", **options: Any) -> N:
        """The network of a preset; `options` go before it.

        Raises
        ------
        InputError
            If there is no such preset or option.
        """
        return cls.of(cls.presets[one_of(name, "preset", cls.presets)] | options)

    @classmethod
    def of(cls: type[N], options: Any) -> N:
        """The network of options by their names, as a file has them.

        Raises
        ------
        InputError
            If they are no mapping, or an option is not one of this network.
        """
        if not isinstance(options, Mapping):
            raise InputError(f"options: takes names and values, got {shown(options)}")
        known_names(options, list(inspect.signature(cls).parameters), "options", "option")
        return cls(**options)

    @classmethod
    def outline(cls: type[N], options: Any) -> N:
        """The network of options with weights of which there are shapes alone: it takes no memory."""
        with refused_as(InputError, "options"), torch.device("meta"):
            return cls.of(options)


def check_planes(value: Any, name: str, channels: int, beside: torch.Tensor | None = None) -> None:
    """Refuse what is no floating tensor (B, channels, H, W), of the batch and the size of the one `beside`."""
    shape = tuple(value.shape) if isinstance(value, torch.Tensor) else ()
    sides = ("B", "H", "W") if beside is None else (beside.shape[0], *beside.shape[2:])
    takes = f"({sides[0]}, {channels}, {sides[1]}, {sides[2]})"
    fits = len(shape) == 4 and shape[1] == channels and (beside is None or (shape[0], *shape[2:]) == sides)
    if not fits or not value.is_floating_point():
        got = f"{value.dtype} of shape {shape}" if shape else shown(value)
        raise InputError(f"{name}: takes a floating tensor of shape {takes}, got {got}")


def known_names(given: Iterable[Any], takes: list[str], where: str, noun: str) -> None:
    """Refuse a name that there is not, and tell the one that may have been meant."""
    for name in sorted(map(str, set(given) - set(takes))):
        near = difflib.get_close_matches(name, takes, 1)
        meant = f", did you mean {near[0]!r}?" if near else ""
        raise InputError(f"{where}: there is no {noun} {shown(name)}{meant or ';'} takes {', '.join(takes)}")


def one_of(value: Any, name: str, takes: Iterable[str]) -> str:
    """One of some words."""
    if not isinstance(value, str) or value not in takes:
        raise InputError(f"{name}: takes {' or '.join(map(repr, takes))}, got {shown(value)}")
    return value


def whole(value: Any, name: str, least: int, most: int) -> int:
    """A whole number within limits, which keep what is built of it from filling the memory."""
    number = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not number or value < least:
        raise InputError(f"{name}: takes a whole number >= {least}, got {shown(value)}")
    if value > most:
        raise InputError(f"{name}: takes a whole number up to {most}, got {shown(value)}")
    return int(value)


def real(value: Any, name: str, least: float, most: float = math.inf) -> float:
    """A finite number within limits."""
    number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not number or not (least <= value <= most and abs(value) < math.inf):
        limits = f"from {least:g} to {most:g}" if math.isfinite(most) else f">= {least:g}"
        raise InputError(f"{name}: takes a finite number {limits}, got {shown(value)}")
    return float(value)


def flag(value: Any, name: str) -> bool:
    """True or False, and nothing that stands for it."""
    if not isinstance(value, bool | np.bool_):
        raise InputError(f"{name}: takes True or False, got {shown(value)}")
    return bool(value)
