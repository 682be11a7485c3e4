"""Patterns of names: which files are meant, how each is called, and where its output goes."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable, Sequence

from propmat.datasets._patterns import PICTURES
from propmat.errors import InputError, warn
from propmat.io import _remote
from propmat.jobs._folder import Folder

NAME = "name"

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_WILD = re.compile(r"[*?\[]")


def placeholders(pattern: str) -> list[str]:
    """The names in braces, in their order."""
    return _PLACEHOLDER.findall(pattern)


def template(pattern: str) -> str:
    """The pattern in the notation of the operator %, for values in the order of `placeholders`."""
    return _PLACEHOLDER.sub("%s", pattern.replace("%", "%%"))


def fixed_folder(pattern: str, wild: re.Pattern[str] = _PLACEHOLDER) -> str:
    """The folder above the first part of a path that varies."""
    found = wild.search(pattern)
    before = pattern[: found.start()] if found else pattern
    return before[: before.rfind("/") + 1].rstrip("/") or ("/" if before.startswith("/") else ".")


def named_files(pattern: str) -> tuple[list[str], list[str]]:
    """Names and places of the files that a pattern means, sorted by place.

    A pattern has one ``{name}``, or ``*``, ``?``, ``[...]`` and ``**`` for any number of folders; a folder stands for
    the pictures in it. The name is the part of the path that varies, without its suffix, or of a single file its own.
    """
    if NAME in placeholders(pattern):
        return _by_name(pattern)
    found = _found(pattern)
    start = len(_start(pattern))
    return [os.path.splitext(place[start:])[0] for place in found], found


def _by_name(pattern: str) -> tuple[list[str], list[str]]:
    """Files by a pattern with ``{name}``, which stands for a part of one name."""
    if pattern.count("{name}") != 1 or len(placeholders(pattern)) != 1:
        raise InputError(f"images: takes a pattern with {{name}} in it once, got {pattern!r}")
    before, after = pattern.split("{name}")
    fitting = re.compile(f"{_expression(before)}([^/]+){_expression(after)}", re.DOTALL)
    found = [(match[1], place) for place in _found(f"{before}*{after}") if (match := fitting.fullmatch(place))]
    return [name for name, _ in found], [place for _, place in found]


def _expression(pattern: str) -> str:
    return "[^/]*".join(re.escape(part) for part in re.split(r"\*+", pattern))


def _found(pattern: str) -> list[str]:
    if _remote.is_url(pattern):
        places = _remote.fitting(pattern if _WILD.search(pattern) else f"{pattern.rstrip('/')}/*")
    elif os.path.isdir(pattern):
        places = [os.path.join(pattern, name) for name in Folder(pattern).names() if not name.startswith(".")]
    else:
        places = _fitting(pattern)
    if not _WILD.search(pattern) or pattern.endswith((".*", "/*")):
        places = [place for place in places if os.path.splitext(place)[1].lower() in PICTURES]
    return [place.replace(os.sep, "/") for place in places]


def _fitting(pattern: str) -> list[str]:
    """Files of this machine, sorted; a warning if others differ from the pattern in the letters of their suffix."""
    start = _start(pattern)
    rest = pattern[len(start) :]
    places = sorted(glob.glob(glob.escape(start) + rest, recursive=True))
    stem, suffix = os.path.splitext(rest)
    either = "".join(f"[{c.lower()}{c.upper()}]" if c.isalpha() else c for c in suffix)
    if suffix[1:].isalnum() and (
        others := sorted({*glob.glob(glob.escape(start) + stem + either, recursive=True)} - {*places})
    ):
        some = legible(others[0])
        warn(f"images: {len(others)} that end in other letters than {pattern!r} are left out, such as {some}")
    return places


def _start(pattern: str) -> str:
    """The part of every path that does not vary: folders above the first wildcard, or that are there as written."""
    if _remote.is_url(pattern):
        return fixed_folder(pattern, _WILD) + "/" if _WILD.search(pattern) else pattern.rstrip("/") + "/"
    if os.path.isdir(pattern):
        return pattern.rstrip("/") + "/"
    parts = pattern.split("/")
    for count in range(len(parts) - 1, 0, -1):
        if os.path.isdir(start := "/".join(parts[:count]) + "/"):
            return start
    return ""


def check_names(names: Sequence[str], whence: Callable[[int], str]) -> None:
    """Refuse names that would lead out of the folder of the outputs, and two of one name."""
    seen: dict[str, int] = {}
    for index, name in enumerate(names):
        parts = name.split("/")
        if not name or name.startswith("/") or ".." in parts or any(ord(c) < 32 or c == "\\" for c in name):
            place = legible(whence(index))
            raise InputError(f"images: {place} has the name {name!r}; takes names of files, or a/b")
        if (first := seen.setdefault(name, index)) != index:
            both = f"{legible(whence(first))} and {legible(whence(index))}"
            raise InputError(f"images: {both} have the same name, {name!r}")


def legible(place: str) -> str:
    """A path, name or URL in one line of a message."""
    return place if place.isprintable() else repr(place)
