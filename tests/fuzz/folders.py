"""Folders of strange names and patterns through `propmat.datasets.folder`."""

from __future__ import annotations

import operator
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from propmat import datasets
from tests.fuzz.choices import Choices
from tests.fuzz.images import png
from tests.fuzz.laws import attempt
from tests.fuzz.target import Target, require

LENGTH = 64
NAMES = (
    *(
        "cat",
        "dog",
        "Cat",
        "cat_trimap",
        "c at",
        "é",
        "e\u0301",
        "名",
        "[cat]",
        "c*t",
        "c?t",
        "{name}",
        "%s",
        "-rf",
        "~",
    ),
    *("._cat", ".cat", "Thumbs", "a.b", "cat.png", "..cat", "x" * 200, "a\nb", "\\", "'\"", "\udcff", "cat "),
)
SUFFIXES = (".png", ".png", ".jpg", "", ".txt", ".PNG", ".xml", ".png~", ".part", ".")
PLACES = (
    *(
        ("image", "trimap"),
        ("image", "trimap"),
        ("image", "trimap", "alpha"),
        ("trimap",),
        ("",),
        ("image/deeper", "[x]"),
    ),
    *(("image", "image", "trimap"), ("é", "trimap", ""), ("trimap", "image", ".")),
)
PATTERNS = (
    *("image/{name}.*", "trimap/{name}.*", "{name}.png", "{name}_trimap.png", "{name}*", "*{name}*", "*/{name}.png"),
    *("[x]/{name}.*", "**/{name}.png", "a**{name}.png", "/{name}.png", "/tmp/{name}.png", "../{name}.png", "{name}"),
    *(
        "{name}/{name}",
        "",
        "name",
        "{name}{name}",
        "{name}.*.*",
        "./{name}.png",
        "image//{name}.png",
        "{name}/",
        "~/{name}",
    ),
    *("\0{name}", "{name}\udcff", "*{name}", "{name}**", "**{name}", "{name}[", "image/{name}?.png", "{name!r}"),
)
BAD: tuple[Callable[[], Any], ...] = (lambda: None, lambda: 5, lambda: b"{name}", lambda: ["{name}"], object)
STRAY = ("._{name}", ".DS_Store", "Thumbs.db", "desktop.ini", ".{name}.png", "{name}.png~", ".{name}.swp")
PIXELS = png(4, 3, 8, 0)


class Case(NamedTuple):
    """Files and patterns."""

    files: tuple[tuple[str, bytes], ...]
    patterns: dict[str, Any]
    stray: str


def decode(data: bytes) -> Case:
    choices = Choices(data)
    files = [
        (f"{place}/{name}{choices.pick('suffix', SUFFIXES)}", _content(choices))
        for name in [choices.pick("name", NAMES) for _ in range(1 + choices.below(3))]
        for place in choices.pick("folders", PLACES)
    ]
    patterns: dict[str, Any] = {}
    for kind in ("image", "trimap", "alpha"):
        if choices.one_in(4):
            patterns[kind] = choices.pick(kind, BAD)() if choices.one_in(20) else choices.pick(kind, PATTERNS)
    return Case(tuple(files), patterns, choices.pick("stray", STRAY))


def _content(choices: Choices) -> bytes:
    return choices.pick("content", (PIXELS, PIXELS, PIXELS, b"", b"text", PIXELS[:40], png(5, 5, 8, 2)))


def run(data: bytes) -> bool:
    case = decode(data)
    with tempfile.TemporaryDirectory() as root:
        _fill(Path(root), case)
        found = attempt(lambda: datasets.folder(root, **case.patterns))
        if found.refusal is not None:
            return False
        names = [sample.name for sample in _read(found.value)]
        require(names == sorted(set(names)), "samples have one name each, in order", names)
        _require_stray_passed_over(Path(root), case, names)
    return True


def _fill(root: Path, case: Case) -> None:
    """Make the files that the file system takes."""
    for path, content in case.files:
        with suppress(OSError, ValueError):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)


def _read(samples: Any) -> list[Any]:
    """Those of the samples that can be read; the others must be refused as files are."""
    found = [attempt(partial(operator.getitem, samples, place)) for place in range(len(samples))]
    return [one.value for one in found if one.refusal is None]


def _require_stray_passed_over(root: Path, case: Case, names: list[str]) -> None:
    """Where the pattern of images ends in any suffix, hidden files and what is no picture change nothing."""
    if case.patterns.get("image", "image/{name}.*") != "image/{name}.*" or not names:
        return
    stray = root / "image" / case.stray.format(name=names[0])
    if not stray.exists():
        shutil.copyfile(os.devnull, stray)
        found = attempt(lambda: datasets.folder(root, **case.patterns))
        require(found.refusal is None, "stray files are passed over", f"{stray.name!r}: {found.refusal}")
        again = [sample.name for sample in _read(found.value)]
        require(again == names, "stray files are passed over", f"{stray.name!r}: {again} instead of {names}")


def describe(data: bytes) -> str:
    case = decode(data)
    told = "\n".join(f"  {path!r} of {len(content)} bytes" for path, content in case.files)
    return f"folder(root, **{case.patterns})\n{told}\n  stray: {case.stray}"


def draw(random: Random) -> bytes:
    return random.randbytes(LENGTH)


def seeds() -> list[bytes]:
    return [b"", *(Random(number).randbytes(LENGTH) for number in range(20))]


TARGETS = {"folders": Target("folders", run, seeds, draw, describe)}
