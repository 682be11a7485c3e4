"""Problems to train on: pictures, composites of them, and the mattes that a network takes; kept in a folder."""

from __future__ import annotations

import dataclasses
import io
import json
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from propmat._foreground._estimate import foreground
from propmat._trimap import Trimap
from propmat.errors import InputError, PropmatWarning, refused_as
from propmat.io._replacing import replace_file
from propmat.jobs._lock import locked
from propmat.networks._mattes import matte
from propmat.training._config import Config, check_config, digest
from propmat.training._problem import Problem
from propmat.training._sources import Recipe, Source, recipes

Progress = Callable[..., Iterable[Any]]

# Of what is kept; a new number when the making changes.
VERSION = 1


def prepare(config: Config, progress: Progress = iter) -> None:
    """Make the problems of a configuration, as far as they are not in its cache yet.

    Parameters
    ----------
    config : Config
    progress : callable, optional
        Wraps the list of problems, as tqdm does.

    Raises
    ------
    InputError
        If the data are not as they must be, or another process prepares in the same folder.

    Examples
    --------
    >>> from pathlib import Path
    >>> from propmat.training import prepare, read_config
    >>> settings = '''
    ... network = "deep_matte_prop_net"
    ... cache = "problems"
    ... output = "trained"
    ... data = [{source = "synthetic", count = 3, shape = [48, 64]}]
    ... '''
    >>> with open("small.toml", "w") as file:
    ...     _ = file.write(settings)
    >>> prepare(read_config("small.toml"))
    >>> len(list(Path("problems").glob("*.npz")))
    3
    """
    check_config(config)
    if _index(config).exists():
        return
    found = [
        (recipe, _file(config, source, recipe)) for source in config.data for recipe in recipes(source, config.seed)
    ]
    _check_held_out(config, {name for recipe, _ in found for name in recipe.uses})
    with locked(config.cache, "cache"):
        for recipe, file in progress(found):
            if not (config.cache / file).exists():
                _write(config.cache / file, _made(recipe, config.mattes))
        # Last, for where it is there, so are all files that it lists.
        entries = [{"file": file, "uses": recipe.uses, "plain": recipe.plain} for recipe, file in found]
        replace_file(_index(config), json.dumps(entries, indent=1).encode())


def load(config: Config) -> tuple[list[Problem], list[Problem]]:
    """The problems to train on, and those that are held out: pictures as they came.

    Raises
    ------
    InputError
        If a name that is held out is of no picture, nothing is left to train on, or a file cannot be read.
    """
    entries = _entries(config)
    out = set(config.held_out)
    _check_held_out(config, {name for entry in entries for name in entry["uses"]})
    train = [_read(config.cache / entry["file"]) for entry in entries if not out & set(entry["uses"])]
    kept = [_read(config.cache / entry["file"]) for entry in entries if entry["plain"] and out & set(entry["uses"])]
    if not train:
        raise InputError("held_out: leaves no problem to train on")
    return train, kept


def _check_held_out(config: Config, pictures: set[str]) -> None:
    if strange := sorted(set(config.held_out) - pictures):
        raise InputError(f"held_out: there is no picture {strange[0]!r}")


def _entries(config: Config) -> list[dict[str, Any]]:
    path = _index(config)
    if not path.exists():
        raise InputError(f"cache: {config.cache} lacks the problems of this configuration; prepare them first")
    with refused_as(InputError, f"cache: cannot read {path}, remove it and prepare again"):
        entries: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        return [{"file": str(e["file"]), "uses": [str(u) for u in e["uses"]], "plain": e["plain"]} for e in entries]


def _index(config: Config) -> Path:
    about = [VERSION, [dataclasses.asdict(source) for source in config.data], config.seed, config.mattes]
    return config.cache / f"{digest(about)}.json"


def _file(config: Config, source: Source, recipe: Recipe) -> str:
    about = [VERSION, dataclasses.asdict(source), config.seed, config.mattes, recipe.name, recipe.uses]
    return f"{recipe.name}-{digest(about)}.npz"


def _made(recipe: Recipe, mattes: Sequence[str]) -> Problem:
    sample = recipe.make()
    if sample.alpha is None:
        raise InputError(f"data: {recipe.name} has no true matte to learn from")
    levels = np.rint(255 * sample.image.clip(0, 1)).astype(np.uint8)
    labels = Trimap.parse(sample.trimap)
    pixels, unknown = levels / 255, labels.unknown
    if unknown.all() or not unknown.any():
        raise InputError(f"data: {recipe.name} has no {'known' if unknown.all() else 'unknown'} pixel; change reach")
    front, behind = sample.foreground, sample.background
    if front is None or behind is None:
        front, behind = foreground(pixels, sample.alpha)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PropmatWarning)  # of odd trimaps; they are worth learning too
        planes = [matte(name, pixels, labels)[unknown] for name in mattes]
    half = np.float16
    return Problem(
        recipe.name,
        recipe.uses,
        recipe.plain,
        levels,
        (2 * labels.labels).astype(np.uint8),
        sample.alpha[unknown].astype(half),
        (front - behind)[unknown].astype(half),
        np.array(planes, dtype=half).reshape(len(mattes), np.count_nonzero(unknown)),
    )


def _write(path: Path, problem: Problem) -> None:
    given = {item.name: getattr(problem, item.name) for item in dataclasses.fields(problem)}
    content = io.BytesIO()
    np.savez_compressed(content, **given)
    replace_file(path, content.getvalue())


def _read(path: Path) -> Problem:
    with (
        refused_as(InputError, f"cache: cannot read {path}, remove it and prepare again"),
        open(path, "rb") as stream,
        np.load(stream, allow_pickle=False) as file,
    ):
        found = {item.name: file[item.name] for item in dataclasses.fields(Problem)}
    uses = tuple(str(name) for name in found["uses"])
    return Problem(**found | {"name": str(found["name"]), "uses": uses, "plain": bool(found["plain"])})
