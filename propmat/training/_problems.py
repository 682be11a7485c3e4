"""Problems to train on: pictures, composites of them, and the mattes that a network takes; kept in a folder."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from propmat._inputs._numbers import whole_number
from propmat.errors import InputError, PropmatError, refused_as
from propmat.io._locking import locked
from propmat.io._replacing import replace_file
from propmat.jobs._contract import Job
from propmat.jobs._pool import Settings, cores
from propmat.jobs._run import Progress, Run
from propmat.jobs._state import JOBS
from propmat.training._config import Config, check_config, digest
from propmat.training._making import Making, Place
from propmat.training._problem import Problem
from propmat.training._sources import Recipe, Source, recipes

# Of what is kept; a new number when the making changes.
VERSION = 2


def prepare(config: Config, jobs: int | None = None, progress: Progress | None = None) -> None:
    """Make the problems of a configuration, as far as they are not in its cache yet, as a job of `propmat.jobs`.

    Parameters
    ----------
    config : Config
    jobs : int, optional
        Processes of one thread each; by default as many as there are cores.
    progress : callable (propmat.jobs.Summary), optional
        Called when the work is planned, and after every problem.

    Raises
    ------
    InputError
        If the data are not as they must be, or another process prepares in the same folder.
    PropmatError
        If problems cannot be made for another reason; the others are there, and another call makes these.

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
    settings = Settings(cores() if jobs is None else whole_number(jobs, "jobs"))
    if _index(config).exists():
        return
    found = [list(recipes(source, config.seed)) for source in config.data]
    _check_held_out(config, {name for of_source in found for recipe in of_source for name in recipe.uses})
    with locked(config.cache, "cache"):
        _make(config, found, settings, progress)
        # Last, for where it is there, so are all files that it lists.
        entries = [
            {"file": _file(config, source, recipe), "uses": recipe.uses, "plain": recipe.plain}
            for source, of_source in zip(config.data, found, strict=True)
            for recipe in of_source
        ]
        replace_file(_index(config), json.dumps(entries, indent=1).encode())


def _make(config: Config, found: list[list[Recipe]], settings: Settings, progress: Progress | None) -> None:
    """Make the problems whose files are not there, and raise if one cannot be made."""
    folder = config.cache.absolute()
    places = [
        Place(Path(file).stem, source, number, str(folder / file))
        for source, of_source in enumerate(found)
        for number, recipe in enumerate(of_source)
        if not (folder / (file := _file(config, config.data[source], recipe))).exists()
    ]
    if not places:
        return
    state = folder / JOBS / f"{_index(config).stem}.job"
    job = Job(places, Making(config.data, config.seed, config.mattes), str(state))
    summary = Run(job, settings, retry=True, progress=progress)()
    for name, told in summary.failures.items():
        kind, _, message = told.partition(": ")
        raise InputError(message) if kind == InputError.__name__ else PropmatError(f"data: {name}: {told}")


def load(config: Config) -> tuple[list[Problem], list[Problem]]:
    """The problems to train on, and those that are held out: pictures as they came.

    Nothing is learned of problems with one label, such as a veil without an opaque pixel: all mattes are that label.

    Raises
    ------
    InputError
        If a name that is held out is of no picture, nothing is left to train on, or a file cannot be read.
    """
    entries = _entries(config)
    out = set(config.held_out)
    _check_held_out(config, {name for entry in entries for name in entry["uses"]})
    made = (_read(config.cache / entry["file"]) for entry in entries if not out & set(entry["uses"]))
    train = [problem for problem in made if problem.two_labels]
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


def _read(path: Path) -> Problem:
    with (
        refused_as(InputError, f"cache: cannot read {path}, remove it and prepare again"),
        open(path, "rb") as stream,
        np.load(stream, allow_pickle=False) as file,
    ):
        found = {item.name: file[item.name] for item in dataclasses.fields(Problem)}
    uses = tuple(str(name) for name in found["uses"])
    return Problem(**found | {"name": str(found["name"]), "uses": uses, "plain": bool(found["plain"])})
