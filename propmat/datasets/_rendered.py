"""Rendered foregrounds with their mattes, and the backgrounds that are free to use with them."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from propmat import _inputs, io, pictures
from propmat._typing import PathLike
from propmat.datasets._folder import colours
from propmat.datasets._patterns import folder_of
from propmat.datasets._sample import Sample, trimap_around
from propmat.datasets._samples import Samples
from propmat.errors import InputError, refused_as, shown

SPLITS = ("train", "test")
GREY = 0.5  # the background of a foreground that is alone
REACH = 5  # of its trimap in pixels


@dataclass(frozen=True)
class Rendered:
    """The files of one foreground."""

    name: str
    foreground: Path
    alpha: Path

    def read(self) -> Sample:
        """Read them, and put the foreground on grey."""
        front = colours(io.read_image(self.foreground), str(self.foreground))
        alpha = _inputs.plane(io.read_matte(self.alpha), str(self.alpha), front.shape[:2])
        grey = np.full_like(front, GREY)
        return Sample(self.name, pictures.over(front, alpha, grey), trimap_around(alpha, REACH), alpha, front, grey)


def rendered(root: PathLike, split: str = "train", *, kinds: tuple[str, ...] | list[str] | None = None) -> Samples:
    """Foregrounds that ``tools/render_foregrounds.py`` made, with straight colours and alpha.

    As images they are on plain grey. `composites` puts them on other backgrounds. docs/dataset.md tells how the set is
    made and how exact alpha is.

    Parameters
    ----------
    root : str or os.PathLike
        The folder with ``index.csv``, ``foreground/NAME.jpg`` and ``alpha/NAME.png``.
    split : {"train", "test"}
        As the index tells. A foreground for tests is never one to train on, whatever the number of items of the set.
    kinds : sequence of str, optional
        Only foregrounds of these kinds, such as ``("hair", "fur")``; all by default.

    Returns
    -------
    Samples
        A sequence of `Sample` with alpha, foreground and background, in the order of the index; files are read when a
        sample is asked for. The trimap is unknown within 5 pixels of every fractional alpha.

    Raises
    ------
    InputError
        If an argument is not as above, there is no index, it is not one of such a set, or it has a name twice; if
        nothing is left, or a file of an item is missing. On reading: if a file cannot be read or sizes differ.

    Examples
    --------
    >>> import propmat
    >>> samples = propmat.datasets.rendered("rendered", kinds=["hair"])  # doctest: +SKIP
    >>> samples[0].foreground.shape, samples[0].alpha.shape  # doctest: +SKIP
    ((352, 352, 3), (352, 352))
    """
    base = folder_of(root)
    _inputs.choice(split, "split", SPLITS)
    rows = [row for row in _table(base / "index.csv", ("name", "kind", "split")) if row["split"] == split]
    if kinds is not None:
        rows = _of_kinds(rows, kinds)
    if not rows:
        raise InputError(f"root: {base / 'index.csv'} has no foreground of the split {split!r}")
    return Samples(Rendered(row["name"], *_layers(base, row["name"])) for row in rows)


def backgrounds(root: PathLike, split: str = "train") -> list[Path]:
    """Photographs to put foregrounds on, of one split.

    Parameters
    ----------
    root : str or os.PathLike
        A folder of pictures with ``credits.csv``, whose columns include ``file`` and ``split``.
    split : {"train", "test"}
        As the credits tell.

    Returns
    -------
    list of Path
        In the order of the credits, for `composites`.

    Raises
    ------
    InputError
        If an argument is not as above, there are no credits, they have a file twice, none is of that split, or a file
        is missing.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import propmat
    >>> with tempfile.TemporaryDirectory() as root:
    ...     _ = (Path(root) / "credits.csv").write_text("file,split\\nsky.png,train\\nsea.png,test\\n")
    ...     propmat.io.write_image(f"{root}/sky.png", propmat.datasets.flower().image)
    ...     [path.name for path in propmat.datasets.backgrounds(root)]
    ['sky.png']
    """
    base = folder_of(root)
    _inputs.choice(split, "split", SPLITS)
    rows = _table(base / "credits.csv", ("file", "split"))
    paths = [_inside(base, row["file"]) for row in rows if row["split"] == split]
    if not paths:
        raise InputError(f"root: {base / 'credits.csv'} has no background of the split {split!r}")
    return paths


def _table(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    """The rows of a table, which has these columns at least; the first names what a row is of, once."""
    with refused_as(InputError, f"root: cannot read {path}"):
        with path.open(encoding="utf-8-sig", newline="") as file:  # spreadsheets put a mark before the first name
            table = csv.DictReader(file)
            found, rows = table.fieldnames or (), list(table)
    missing = set(columns) - set(found)
    if missing:
        raise InputError(f"root: {path} lacks the columns {', '.join(sorted(missing))}")
    for row in rows:
        if row["split"] not in SPLITS:
            raise InputError(f"root: {path} has a split {shown(row['split'])}, takes 'train' and 'test'")
    _check_once([row[columns[0]] for row in rows], path)
    return rows


def _check_once(names: list[str], path: Path) -> None:
    """Refuse a name in two rows, which may be of both splits."""
    twice = next((name for name, number in Counter(names).items() if number > 1), None)
    if twice is not None:
        raise InputError(f"root: {path} has {shown(twice)} in several rows, takes one row for each")


def _of_kinds(rows: list[dict[str, str]], kinds: object) -> list[dict[str, str]]:
    """The rows of some kinds, each of which there has to be."""
    present = sorted({row["kind"] for row in rows})
    wanted = {_inputs.choice(kind, "kinds", present) for kind in _inputs.several(kinds, "kinds", "names of kinds")}
    if not wanted:
        raise InputError(f"kinds: takes at least one of {', '.join(map(repr, present))}, got none")
    return [row for row in rows if row["kind"] in wanted]


def _layers(base: Path, name: str) -> Iterator[Path]:
    """The files of colours and of alpha."""
    for place in (f"foreground/{name}.jpg", f"alpha/{name}.png"):
        yield _inside(base, place)


def _inside(base: Path, place: str) -> Path:
    """An existing file under a folder."""
    path = base / place
    with refused_as(InputError, f"root: cannot look for {shown(place)} under {base}"):  # a name that no file can have
        found = path.resolve().is_relative_to(base.resolve()) and path.is_file()
    if not found:
        raise InputError(f"root: there is no file {shown(place)} under {base}")
    return path
