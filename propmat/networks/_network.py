"""What the networks share: a name, options they can be built from again, presets."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

from torch import nn

from propmat.errors import InputError

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
            If there is no such preset.
        """
        if name not in cls.presets:
            raise InputError(f"preset: takes {' or '.join(map(repr, cls.presets))}, got {name!r}")
        return cls(**cls.presets[name] | options)
