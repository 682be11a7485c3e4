"""The photographs of a batch, and how they are treated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from propmat.errors import InputError, refused_as


@dataclass(frozen=True)
class Picture:
    """One photograph of a batch, with the places of what belongs to it; `settings` override those of the batch."""

    name: str
    key: str
    image: str
    output: str
    trimap: str | None = None
    mask: str | None = None
    alpha: str | None = None
    settings: tuple[tuple[str, str], ...] = ()

    @property
    def outputs(self) -> tuple[str, ...]:
        return (self.output,)


@dataclass(frozen=True)
class Options:
    """How every photograph is treated; None is as for a single one."""

    method: str = "closed_form"
    epsilon: float | None = None
    radius: int | None = None
    weights: str | None = None
    width: str | None = None
    depth: int | None = None
    background: str | None = None
    steps: int | None = None
    seed: int | None = None

    def changed(self, settings: tuple[tuple[str, str], ...]) -> Options:
        """With some settings from text, as in a manifest."""
        values: dict[str, Any] = {}
        for name, text in settings:
            with refused_as(InputError, f"{name}: takes a number, got {text!r}"):
                values[name] = _PARSERS.get(name, str)(text)
        return replace(self, **values)


def _whole(text: str) -> int:
    """A whole number, written as "2.0" by tables whose column lacks a value elsewhere."""
    number = float(text)
    if not number.is_integer():
        raise ValueError
    return int(number)


_PARSERS: dict[str, Callable[[str], object]] = {
    "epsilon": float,
    **dict.fromkeys(("radius", "depth", "steps", "seed"), _whole),
}
