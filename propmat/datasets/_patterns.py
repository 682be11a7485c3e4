"""Patterns of file names under a folder, and the files that fit them."""

from __future__ import annotations

import glob
import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath, PureWindowsPath

from propmat._typing import PathLike
from propmat.errors import InputError, refused_as

NAME = "{name}"
ANY_KIND = ".*"
# Suffixes of the formats that `propmat.io` reads. Folders of pictures also contain notes, previews and settings.
PICTURES = frozenset(
    ".apng .avif .bmp .dib .dpx .exr .gif .hdr .j2c .j2k .jfif .jp2 .jpc .jpe .jpeg .jpf .jpg .jpx .pbm .pgm .png .pnm "
    ".ppm .rgbe .tga .tif .tiff .webp".split()
)


def folder_of(root: PathLike) -> Path:
    """The path of an existing folder."""
    with refused_as(InputError, f"root: takes a folder, got {str(root)[:200]!r}"):
        base = Path(root)
        if base.is_dir():
            return base
    raise InputError(f"root: there is no folder {str(base)!r}")


def pattern_of(pattern: object, kind: str, *, names: int) -> str:
    """A pattern, relative to its folder, with ``{name}`` in it so many times."""
    if not isinstance(pattern, str):
        raise InputError(f"{kind}: takes a pattern of file names, got {type(pattern).__name__}")
    shown = repr(pattern[:200])
    if pattern.count(NAME) != names:
        once = f" with {NAME} in it once" if names else " of file names"
        raise InputError(f"{kind}: takes a pattern{once}, got {shown}")
    if _has_control_characters(pattern):
        raise InputError(f"{kind}: takes a pattern without control characters, got {shown}")
    if "**" in pattern:
        raise InputError(f"{kind}: takes a pattern in which * stands for a part of one name, without **, got {shown}")
    posix, windows = PurePosixPath(pattern), PureWindowsPath(pattern)
    if posix.is_absolute() or windows.drive or windows.root or ".." in windows.parts or not posix.parts:
        raise InputError(f"{kind}: takes a pattern of files under root, got {shown}")
    return str(posix)


def files(base: Path, pattern: str, kind: str, name: str | None = None) -> list[tuple[str, Path]]:
    """Name and path of the files that fit, sorted by path, or those of one name; without ``{name}``, stem and path.

    Passed over are folders, hidden files that the pattern does not ask for, and where it ends in ``.*`` all but
    pictures.
    """
    fitting = re.compile(_expression(pattern, name), re.DOTALL)
    found = []
    for path in _candidates(base, pattern, kind, name):
        place = path.relative_to(base).as_posix()
        match = fitting.fullmatch(place)
        if match and _is_meant(path, place, pattern):
            if _has_control_characters(place):
                raise InputError(f"{kind}: the name of the file {place!r} has control characters; rename it")
            found.append((match.groupdict().get("name", path.stem), path))
    return found


def only(base: Path, pattern: str, name: str, kind: str) -> Path:
    """The one file of a name that fits."""
    fitting = [path for _, path in files(base, pattern, kind, name)]
    if len(fitting) == 1:
        return fitting[0]
    wanted, takes = pattern.replace(NAME, name), "takes one for every trimap"
    if fitting:
        raise InputError(f"{kind}: {wanted} fits several files ({_listed(fitting)}) under {base}; {takes}")
    others = [path for path in _candidates(base, pattern, kind, name) if path.is_file()]
    present = f" that is a picture by its suffix, only {_listed(others)}" if others else ""
    raise InputError(f"{kind}: {wanted} fits no file under {base}{present}; {takes}")


def _candidates(base: Path, pattern: str, kind: str, name: str | None) -> list[Path]:
    wanted = _written(pattern, "*", "*" if name is None else glob.escape(name), glob.escape)
    with refused_as(InputError, f"{kind}: cannot look for {pattern!r} under {base}"):
        return sorted(base.glob(re.sub(r"\*+", "*", wanted)))  # of two stars pathlib makes any number of folders


def _expression(pattern: str, name: str | None) -> str:
    """A regular expression of paths; a suffix has no further dot in it, so that cat.v2.png is not cat's."""
    named = "(?P<name>[^/]+)" if name is None else re.escape(name)
    if pattern.endswith(ANY_KIND):
        return _written(pattern.removesuffix(ANY_KIND), "[^/]*", named, re.escape) + r"\.[^/.]+"
    return _written(pattern, "[^/]*", named, re.escape)


def _is_meant(path: Path, place: str, pattern: str) -> bool:
    asked = [part.startswith(".") for part in PurePosixPath(pattern).parts]
    hidden = [part.startswith(".") for part in PurePosixPath(place).parts]
    stray = any(one and not other for one, other in zip(hidden, asked, strict=True))
    picture = not pattern.endswith(ANY_KIND) or path.suffix.lower() in PICTURES
    return picture and not stray and path.is_file()


def _written(pattern: str, star: str, name: str, escape: Callable[[str], str]) -> str:
    """`pattern` in another notation: what * and ``{name}`` are there, and all else escaped."""
    parts = (star.join(escape(piece) for piece in part.split("*")) for part in pattern.split(NAME))
    return name.join(parts)


def _has_control_characters(text: str) -> bool:
    return any(ord(character) < 32 or ord(character) == 127 for character in text)


def _listed(paths: list[Path]) -> str:
    names = [repr(path.name) if _has_control_characters(path.name) else path.name for path in paths]
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
