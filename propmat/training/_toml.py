"""From the values of a TOML file to dataclasses of settings."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from propmat._inputs._settings import known_names
from propmat.errors import InputError, shown

T = TypeVar("T")


def table(given: object, where: str) -> Mapping[str, Any]:
    """A table of TOML."""
    if not isinstance(given, Mapping):
        raise InputError(f"{where}: takes a table of settings, got {shown(given)}")
    return given


def settings(kind: type, but: str = "") -> list[str]:
    """The names of the fields of a dataclass."""
    return [item.name for item in dataclasses.fields(kind) if item.name != but]


def made(kind: type[T], given: Mapping[str, Any], where: str) -> T:
    """A dataclass of settings, each of the kind that its field has."""
    known_names(given, settings(kind), where, "setting")
    for item in dataclasses.fields(kind):  # type: ignore[arg-type]
        required = item.default is item.default_factory is dataclasses.MISSING
        if required and item.name not in given:
            raise InputError(f"{where}: missing setting {item.name!r}")
    kinds = get_type_hints(kind)
    return kind(**{name: _taken(kinds[name], value, name) for name, value in given.items()})


def _taken(kind: object, value: object, name: str) -> object:
    """A value of TOML as the kind of a field; its limits are checked by the dataclass."""
    if kind is Path:
        return Path(text(value, name))
    if kind is str:
        return text(value, name)
    if get_origin(kind) is dict:
        entries = {text(key, name): entry for key, entry in table(value, name).items()}
        return entries if get_args(kind)[1] is Any else {key: text(entry, key) for key, entry in entries.items()}
    if get_origin(kind) is tuple and not dataclasses.is_dataclass(get_args(kind)[0]):
        kinds = get_args(kind)
        if not isinstance(value, list | tuple) or (kinds[1] is not ... and len(value) != len(kinds)):
            length = "" if kinds[1] is ... else f"{len(kinds)} "
            raise InputError(f"{name}: takes a list of {length}values, got {shown(value)}")
        return tuple(text(entry, name) if kinds[0] is str else entry for entry in value)
    return value


def text(value: object, name: str) -> str:
    """A text that may be a path."""
    if not isinstance(value, str) or "\0" in value:
        raise InputError(f"{name}: takes text, got {shown(value)}")
    return value
