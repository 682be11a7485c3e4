"""What the page sends over its socket, checked: one JSON object a message."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from propmat import _inputs
from propmat.errors import InputError, shown
from propmat.studio._types import BACKGROUND, FOREGROUND, UNKNOWN, Point

LABELS = {"foreground": FOREGROUND, "background": BACKGROUND, "unknown": UNKNOWN, "erase": None}
ORDERS = ("undo", "redo", "clear")
LONGEST_MESSAGE = 2**16
MOST_POINTS = 2000

# Positions and radii in pixels, further than in any picture.
FARTHEST = 1e6

LEVELS = 8


@dataclass(frozen=True)
class Stroke:
    """Points that a stroke goes through next. A label of None erases."""

    identifier: str
    label: int | None
    radius: float
    points: tuple[Point, ...]
    end: bool


@dataclass(frozen=True)
class Fill:
    """The area around a point is to be filled with a label; None erases."""

    label: int | None
    point: Point


@dataclass(frozen=True)
class Order:
    """Undo, redo, or clear what is painted."""

    name: str


@dataclass(frozen=True)
class Band:
    """The width of the unknown band around the mask, as for `propmat.trimap_from_mask`."""

    width: str


@dataclass(frozen=True)
class Settings:
    """The method of the exact matte."""

    method: str = "closed_form"

    @classmethod
    def of_record(cls, record: object) -> Settings:
        """Settings as JSON holds them."""
        given = record.get("method") if isinstance(record, Mapping) else None
        return cls(_inputs.choice(given, "method", offered_methods()))


@dataclass(frozen=True)
class View:
    """What the page shows: pixels of 2**level of the picture's, and rows and columns of tiles that are seen."""

    level: int
    top: int
    bottom: int
    left: int
    right: int


Message = Stroke | Fill | Order | Band | Settings | View
Fields = Mapping[str, object]


def offered_methods() -> dict[str, str]:
    """The methods of `propmat.matte` that solve a system, which a callback can stop: all but networks."""
    propmat = importlib.import_module("propmat")
    return {name: about for name, about in propmat.methods().items() if hasattr(propmat, name)}


def parsed(text: str) -> Message:
    """The message in a frame; `InputError` names what is wrong."""
    if len(text) > LONGEST_MESSAGE:
        raise InputError(f"message: takes up to {LONGEST_MESSAGE} characters, got {len(text)}")
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        raise InputError(f"message: takes JSON, got {shown(text)}") from None
    if not isinstance(fields, dict):
        raise InputError(f"message: takes an object of JSON, got {shown(fields)}")
    return _KINDS[_inputs.choice(fields.get("type"), "type", _KINDS)](fields)


def _stroke(fields: Fields) -> Stroke:
    points = fields.get("points")
    if not isinstance(points, list) or not 0 < len(points) <= MOST_POINTS:
        raise InputError(f"points: takes a list of 1 to {MOST_POINTS} points, got {shown(points)}")
    identifier = fields.get("id")
    if not isinstance(identifier, str) or not 0 < len(identifier) <= 64:
        raise InputError(f"id: takes text of 1 to 64 characters, got {shown(identifier)}")
    end = _inputs.flag(fields.get("end", False), "end")
    radius = _inputs.within(fields.get("radius"), "radius", 0.1, FARTHEST)
    return Stroke(identifier, _label(fields), radius, tuple(map(_point, points)), end)


def _fill(fields: Fields) -> Fill:
    return Fill(_label(fields), _point(fields.get("point")))


def _order(fields: Fields) -> Order:
    return Order(_inputs.choice(fields.get("name"), "name", ORDERS))


def _band(fields: Fields) -> Band:
    width = fields.get("width")
    if not isinstance(width, str) or len(width) > 64:
        raise InputError(f"width: takes text such as '12' or '1%', got {shown(width)}")
    return Band(width)


def _view(fields: Fields) -> View:
    level = _inputs.integer(fields.get("level"), "level", 0, LEVELS)
    sides = [_inputs.integer(fields.get(name), name, 0, 2**16) for name in ("top", "bottom", "left", "right")]
    return View(level, *sides)


def _label(fields: Fields) -> int | None:
    return LABELS[_inputs.choice(fields.get("label"), "label", LABELS)]


def _point(given: object) -> Point:
    if not isinstance(given, list) or len(given) != 2:
        raise InputError(f"points: takes pairs of numbers, got {shown(given)}")
    x, y = (_inputs.within(one, "points", -FARTHEST, FARTHEST) for one in given)
    return x, y


_KINDS: dict[str, Callable[[Fields], Message]] = {
    "stroke": _stroke,
    "fill": _fill,
    "order": _order,
    "band": _band,
    "settings": Settings.of_record,
    "view": _view,
}
