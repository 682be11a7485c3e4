"""Names, flags, pairs, solvers and callbacks."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator
from typing import Any, cast

import numpy as np

from propmat.errors import InputError, shown


def choice(value: object, name: str, choices: Iterable[str]) -> str:
    """One of several names."""
    if not isinstance(value, str) or value not in choices:
        raise InputError(f"{name}: takes {' or '.join(map(repr, choices))}, got {shown(value)}")
    return value


def flag(value: object, name: str) -> bool:
    """True or False; the text "False" and arrays are refused."""
    if not isinstance(value, (bool, np.bool_)):
        raise InputError(f"{name}: takes True or False, got {shown(value)}")
    return bool(value)


def known_names(given: Iterable[object], takes: Collection[str], where: str, noun: str) -> None:
    """Refuse names other than those in `takes`, and suggest the most similar one."""
    for name in given:
        if not isinstance(name, str) or name not in takes:
            near = difflib.get_close_matches(str(name), takes, 1)
            meant = f", did you mean {near[0]!r}?" if near else ";"
            raise InputError(f"{where}: there is no {noun} {shown(name)}{meant} takes {', '.join(takes)}")


def several(value: object, name: str, takes: str) -> Iterator[Any]:
    """An iterator over an iterable."""
    try:
        return iter(cast(Iterable[Any], value))
    except Exception:  # an object of any class may raise anything
        raise InputError(f"{name}: takes {takes}, got {shown(value)}") from None


def pair(value: object, name: str, meaning: str) -> tuple[Any, Any]:
    """The two elements of a tuple or a list."""
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
        flag(getattr(solver, "strict", None), f"solver: {type(solver).__name__}.strict")
    function(callback, "callback", "(iteration, relative residual)")


def function(value: object, name: str, of: str) -> None:
    """Refuse what is neither a function nor None."""
    if value is not None and (isinstance(value, type) or not callable(value)):
        raise InputError(f"{name}: takes a function of {of}, got {shown(value)}")
