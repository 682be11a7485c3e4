"""Numbered pictures: which files a folder or a pattern means, and the frames in them."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fractions import Fraction
from hashlib import blake2b

from propmat._photographs import _photograph
from propmat._photographs._photograph import Photograph
from propmat.datasets._patterns import PICTURES
from propmat.errors import InputError
from propmat.io._size import size_of
from propmat.video._pattern import Pattern
from propmat.video._pyav import RATE, Tags


def numbered_files(place: str, name: str, *, single: bool = False) -> dict[int, str]:
    """The files of a pattern or in a folder by their numbers, in order; `name` is that of the argument.

    With `single` it may be one file with a number in its name, too.

    Raises
    ------
    InputError
        If there is none, or a folder has pictures without a number or of several names.
    """
    pattern, alone = Pattern.parsed(place), Pattern.of_name(os.path.basename(place))
    if single and alone is not None and os.path.isfile(place):
        return {alone[1]: place}
    if pattern is None and not os.path.isdir(place):
        found_there = "is one file" if os.path.exists(place) else "is not there"
        raise InputError(
            f"{name}: {place} {found_there}; takes a folder of numbered pictures or a pattern like shot.%04d.exr"
        )
    found = _in_folder(place, name) if pattern is None else _fitting(pattern)
    if not found:
        raise InputError(
            f"{name}: there is no numbered picture {'in' if pattern is None else 'of the pattern'} {place}"
        )
    return dict(sorted(found.items()))


def _fitting(pattern: Pattern) -> dict[int, str]:
    folder = os.path.dirname(pattern.before)
    names = os.listdir(folder or ".") if os.path.isdir(folder or ".") else []
    paths = (os.path.join(folder, entry) for entry in names)
    return {number: path for path in paths if (number := pattern.number(path)) is not None}


def _in_folder(folder: str, name: str) -> dict[int, str]:
    found: dict[int, str] = {}
    shapes: set[str] = set()
    for entry in sorted(os.listdir(folder)):
        if entry.startswith(".") or os.path.splitext(entry)[1].lower() not in PICTURES:
            continue
        parsed = Pattern.of_name(entry)
        if parsed is None:
            raise InputError(f"{name}: {os.path.join(folder, entry)} has no number before its suffix")
        pattern, number = parsed
        shapes.add(f"{pattern.before}#{pattern.after}")
        if len(shapes) > 1:
            raise InputError(
                f"{name}: {folder} has pictures of several names, {' and '.join(sorted(shapes))}; give a pattern"
            )
        if number in found:
            raise InputError(f"{name}: {found[number]} and {entry} have the same number")
        found[number] = os.path.join(folder, entry)
    return found


@dataclass(frozen=True)
class NumberedPictures:
    """A `Clip` of numbered pictures, whose sizes have been read from their headers."""

    files: Mapping[int, str]
    shape: tuple[int, int]

    tags = Tags()

    @classmethod
    def found(cls, place: str, name: str) -> NumberedPictures:
        """The pictures of a folder or a pattern.

        Raises
        ------
        InputError
            If a number is missing between the first and the last, or sizes differ.
        """
        files = numbered_files(place, name)
        first = next(iter(files))
        for number in range(first, max(files)):
            if number not in files:
                raise InputError(f"{name}: frame {number} is missing in {place}, between {first} and {max(files)}")
        return cls(files, checked_sizes(files, name))

    @property
    def numbers(self) -> range:
        return range(min(self.files), max(self.files) + 1)

    @property
    def stamp(self) -> str:
        told = [(path, os.stat(path).st_size, os.stat(path).st_mtime_ns) for path in self.files.values()]
        return blake2b(repr(told).encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()

    @property
    def names(self) -> Pattern:
        path = self.files[self.numbers[0]]
        parsed = Pattern.of_name(os.path.basename(path))
        return parsed[0] if parsed else Pattern("", 6, ".png")

    @property
    def paths(self) -> Collection[str]:
        return self.files.values()

    def seconds(self, numbers: range) -> list[Fraction]:
        return [index / RATE for index in range(len(numbers))]

    def read(self, number: int) -> Photograph:
        photograph = _photograph.read(self.files[number])
        if photograph.shape != self.shape:
            raise InputError(f"{self.files[number]}: {_sizes(photograph.shape, self.shape)}")
        return photograph


def checked_sizes(files: Mapping[int, str], name: str, shape: tuple[int, int] | None = None) -> tuple[int, int]:
    """The size of pictures, by their headers; refused if it differs, or is not `shape`."""
    for path in files.values():
        found = size_of(path)
        if found is None:
            found = _photograph.read(path).shape  # it says what is wrong with the file, or the header tells no size
        shape = found if shape is None else shape
        if found != shape:
            raise InputError(f"{name}: {path} {_sizes(found, shape)}")
    if shape is None:
        raise InputError(f"{name}: there are no pictures")
    return shape


def _sizes(found: tuple[int, int], others: tuple[int, int]) -> str:
    return f"is {found[1]} x {found[0]} pixels, other frames are {others[1]} x {others[0]}"
