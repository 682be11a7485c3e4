"""The work list of a batch: patterns or a manifest, of which each item is made when it is asked for."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from hashlib import blake2b
from typing import overload

from propmat.errors import InputError, refused_as, warn
from propmat.io._remote import is_url
from propmat.jobs._manifest import columns_of, columns_of_rows, is_manifest
from propmat.jobs._options import Options, Picture
from propmat.jobs._patterns import NAME, check_names, fixed_folder, legible, named_files, placeholders, template
from propmat.jobs._state import JOBS

# Arguments, and the columns of manifests that say the same.
KINDS = {"trimaps": "trimap", "masks": "mask", "alphas": "alpha"}
PLACES = ("image", *KINDS.values())
SETTINGS = tuple(item.name for item in fields(Options))

Columns = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class WorkList(Sequence[Picture]):
    """Photographs by their columns, and patterns for all that is not a column."""

    columns: Columns
    patterns: Mapping[str, str]
    settings: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.columns[NAME])

    @overload
    def __getitem__(self, index: int) -> Picture: ...

    @overload
    def __getitem__(self, index: slice) -> list[Picture]: ...

    def __getitem__(self, index: int | slice) -> Picture | list[Picture]:
        if isinstance(index, slice):
            return [self[k] for k in range(*index.indices(len(self)))]
        columns, places = self.columns, self._places(index)
        settings = self._settings_of(index)
        stamps = [_stamp(place) for kind, place in places.items() if kind != "output"]
        told = repr((places, settings, stamps)).encode("utf-8", "surrogateescape")
        return Picture(columns[NAME][index], blake2b(told, digest_size=8).hexdigest(), settings=settings, **places)

    def kinds(self) -> set[tuple[tuple[tuple[str, str], ...], bool]]:
        """The settings that there are, with and without a mask."""
        if not self.settings and "mask" not in self.columns:
            return {((), "mask" in self.patterns)}
        masks = self.columns.get("mask", [""] * len(self))
        always = "mask" in self.patterns
        return {(self._settings_of(index), always or bool(mask)) for index, mask in enumerate(masks)}

    def _settings_of(self, index: int) -> tuple[tuple[str, str], ...]:
        """The settings of an item that are columns, as text."""
        columns = self.columns
        return tuple([(name, columns[name][index]) for name in self.settings if columns[name][index]])

    def _places(self, index: int) -> dict[str, str]:
        """The paths or URLs of an item, by their kinds."""
        columns = self.columns
        places = {kind: form % tuple([columns[name][index] for name in names]) for kind, form, names in self._templates}
        for kind in self._given:
            if place := columns[kind][index]:
                places[kind] = place
        return places

    @cached_property
    def _templates(self) -> list[tuple[str, str, list[str]]]:
        """Of every kind of place that a pattern gives: the pattern, and the columns in it."""
        return [(kind, template(pattern), placeholders(pattern)) for kind, pattern in sorted(self.patterns.items())]

    @cached_property
    def _given(self) -> list[str]:
        """Kinds of places that are columns, which go before patterns."""
        return [kind for kind in PLACES if kind in self.columns]

    def check(self, what: str) -> None:
        """Refuse, before any work, items without what they need, and outputs in the place of other files."""
        needs = ("alpha",) if what == "foreground" else ("trimap", "mask")
        for argument, kind in KINDS.items():
            if kind in self.patterns and kind not in needs:
                raise InputError(f"{argument}: does not go with {what}, which takes {' or '.join(needs)}")
        resolved, outputs = Resolved(), dict[str, str]()
        inputs: set[str] = set()
        for index, name in enumerate(self.columns[NAME]):
            places = self._places(index)
            given = [places[kind] for kind in needs if kind in places]
            if len(given) != 1:
                which = f"one of {' and '.join(needs)}, as a pattern or a column"
                raise InputError(f"images: {legible(name)} takes {which}; got {len(given)}")
            if (other := outputs.setdefault(resolved(places["output"]), name)) != name:
                both = f"{legible(other)} and {legible(name)}"
                raise InputError(f"output: {both} would both be written to {legible(places['output'])}")
            inputs.update((resolved(places["image"]), resolved(given[0])))
        if lost := sorted(outputs.keys() & inputs):
            raise InputError(f"output: {legible(lost[0])} is also an input, and would be lost; name another folder")


def work_list(images: str | Sequence[Mapping[str, str]], output: str, **patterns: str | None) -> WorkList:
    """The items of a pattern, a folder or a manifest.

    Parameters
    ----------
    images : str or sequence of mappings
        A pattern, a folder, a manifest, or the rows of one.
    output : str
        A pattern, as those of `patterns`: with the names of columns in braces, of ``{name}`` at least.
    **patterns
        ``trimaps``, ``masks``, ``alphas``.
    """
    given = {KINDS[kind]: pattern for kind, pattern in patterns.items() if pattern is not None}
    columns = _columns(images)
    settings = tuple(name for name in SETTINGS if name in columns)
    _check_columns(columns, [*given.values(), output])
    check_names(columns[NAME], lambda index: columns["image"][index])
    for name in {*placeholders(output)} & (columns.keys() - {NAME}):
        _check_within(columns[name], name)
    for kind, pattern in {**given, "output": output}.items():
        argument = next((name for name, own in KINDS.items() if own == kind), kind)
        for name in placeholders(pattern):
            if name not in columns:
                raise InputError(f"{argument}: {pattern!r} has {{{name}}}; there is {', '.join(sorted(columns))}")
        if not placeholders(pattern) and (kind == "output" and len(columns[NAME]) > 1):
            raise InputError(f"{argument}: takes a pattern with {{name}}, got {pattern!r}")
    return WorkList(columns, {**given, "output": output}, settings)


def _check_within(values: Sequence[str], name: str) -> None:
    """Refuse values of a column that would lead out of the folder of the outputs."""
    for value in values:
        if ".." in value.replace("\\", "/").split("/") or any(ord(c) < 32 for c in value):
            raise InputError(f"output: the column {name} has {value!r}, which leads to another folder")


def state_of(output: str) -> str:
    """The folder of records: beside the outputs, one for each pattern of them."""
    folder = fixed_folder(output)
    rest = output[len(folder) :].lstrip("/") if folder != "." else output
    own = rest.replace("%", "%25").replace("/", "%2F").replace(":", "%3A")
    place = f"{folder}/{JOBS}/{own}.job"
    return place if is_url(output) else os.path.abspath(place)


def _columns(images: str | Sequence[Mapping[str, str]]) -> dict[str, Sequence[str]]:
    if not isinstance(images, str):
        with refused_as(InputError, "images: cannot read the rows"):
            found: dict[str, Sequence[str]] = dict(columns_of_rows(map(dict, images)))
    elif is_manifest(images):
        found = dict(columns_of(images))
        _relate(found, fixed_folder(images))
    else:
        found = dict(zip((NAME, "image"), named_files(images), strict=True))
    if "image" not in found or not found["image"]:
        given = f"none at {images!r}" if isinstance(images, str) else "none"
        columns = f"; its columns are {', '.join(map(repr, found))}" if found.keys() - {NAME, "image"} else ""
        raise InputError(
            f"images: there are {given}; takes a pattern, a folder or a manifest with a column image{columns}"
        )
    if not all(found["image"]):
        raise InputError(f"images: line {[*found['image']].index('') + 1} of the list, counted from 1, has no image")
    if NAME not in found:
        found[NAME] = [os.path.splitext(os.path.basename(place))[0] for place in found["image"]]
    return found


def _relate(columns: dict[str, Sequence[str]], folder: str) -> None:
    """Places in a manifest are relative to its folder."""
    if folder == ".":
        return
    for kind in PLACES:
        if kind in columns:
            columns[kind] = [_under(folder, place) for place in columns[kind]]


def _under(folder: str, place: str) -> str:
    return place if not place or is_url(place) or os.path.isabs(place) else f"{folder}/{place}"


def _check_columns(columns: Columns, patterns: Iterable[str]) -> None:
    used = {name for pattern in patterns for name in placeholders(pattern)}
    known = {NAME, *PLACES, *SETTINGS, *used}
    if unused := sorted(columns.keys() - known):
        warn(
            f"images: the columns {', '.join(unused)} of the manifest are not used; settings are {', '.join(SETTINGS)}"
        )


def _stamp(place: str) -> tuple[int, int] | None:
    """Size and time of the last change of a file; None if there is none, and behind URLs, where it takes a request."""
    try:
        found = None if is_url(place) else os.stat(place)
    except (OSError, ValueError):
        return None
    return None if found is None else (found.st_size, found.st_mtime_ns)


class Resolved:
    """Absolute paths in which no part is a link, so that one file has one; URLs as they are.

    Each folder is resolved and searched for links once, for speed.
    """

    def __init__(self) -> None:
        self._folders: dict[str, tuple[str, frozenset[str]]] = {}

    def __call__(self, place: str) -> str:
        if is_url(place):
            return place
        folder, _, name = place.rpartition("/")
        if place[:1] == "/" and not folder:
            folder = "/"
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder), _links_in(folder)
        resolved, links = self._folders[folder]
        return os.path.realpath(place) if name in links or name == ".." else f"{resolved.rstrip('/')}/{name}"


def _links_in(folder: str) -> frozenset[str]:
    try:
        with os.scandir(folder or ".") as entries:
            return frozenset(entry.name for entry in entries if entry.is_symlink())
    except OSError:  # it is not there yet, say
        return frozenset()
