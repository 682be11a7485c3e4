"""What a training is made of: a TOML file as frozen dataclasses."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from propmat._cached import cached_property
from propmat._inputs._numbers import integer
from propmat._inputs._settings import choice, known_names
from propmat.errors import InputError, refused_as, shown
from propmat.networks._network import Network
from propmat.training._schedule import Schedule
from propmat.training._sources import SETTINGS, Source
from propmat.training._task import Task
from propmat.training._tasks import TASKS, task_of
from propmat.training._toml import made, settings, table

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

LONGEST = 1 << 20  # bytes of a configuration


@dataclass(frozen=True)
class Config:
    """The settings of one training, as `read_config` makes them of a file; see `docs/weights.md`.

    Attributes
    ----------
    network : {"alphagan", "dcnn", "deep_matte_prop_net", "diffmatte", "late_fusion"}
    cache : Path
        The folder of the problems.
    output : Path
        The folder of the log, the checkpoint, the curves and the weights.
    data : tuple of Source
        The tables ``[[data]]``, of which each names a data set, and what is made of it.
    schedule : Schedule
        The table ``[training]``: optimiser, learning rate, numbers of iterations.
    preset : str, default "faithful"
        One of the presets of the network.
    options : dict
        Arguments of the network's class in place of those of the preset.
    held_out : tuple of str
        Names of pictures to validate with. Problems that show one of them are not trained on.
    seed : int, default 0
        From 0 to 2³².

    Raises
    ------
    InputError
        If a setting is not as above.
    """

    network: str
    cache: Path
    output: Path
    data: tuple[Source, ...]
    schedule: Schedule
    preset: str = "faithful"
    options: dict[str, Any] = field(default_factory=dict)
    held_out: tuple[str, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        choice(self.network, "network", TASKS)
        choice(self.preset, "preset", self.task.kind.presets)
        self.outline()
        integer(self.seed, "seed", 0, 2**32)
        if type(self.schedule) is not self.task.settings:
            raise InputError(f"schedule: takes {self.task.settings.__name__}, got {shown(self.schedule)}")

    @property
    def task(self) -> type[Task]:
        """What trains the network."""
        return task_of(self.network)

    def build(self) -> Network:
        """The network with its first weights, which PyTorch's generator of random numbers draws.

        Returns
        -------
        Network
        """
        return self.task.kind.preset(self.preset, **self.options)

    def outline(self) -> Network:
        """The network without values of its weights.

        Returns
        -------
        Network
            On PyTorch's device "meta".
        """
        return self.task.kind.outline(self.task.kind.presets[self.preset] | self.options)

    @cached_property
    def mattes(self) -> tuple[str, ...]:
        """The mattes that the problems must come with; every file of them asks."""
        return self.outline().mattes

    def digest(self) -> str:
        """A hash of all settings but the folders: trainings of equal settings have the same.

        Returns
        -------
        str
            16 hexadecimal digits.
        """
        rest = {name: value for name, value in dataclasses.asdict(self).items() if name not in ("cache", "output")}
        return digest(rest)


def digest(value: object) -> str:
    """A short name for what JSON can hold."""
    return hashlib.blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=8).hexdigest()


def read_config(path: str | os.PathLike[str]) -> Config:
    """Read a configuration; relative paths start at the current folder.

    Parameters
    ----------
    path : str or os.PathLike
        A TOML file, see `docs/weights.md`.

    Returns
    -------
    Config

    Raises
    ------
    InputError
        If it cannot be read, has a setting that there is not, or one is of a wrong kind or beyond its limits.

    Examples
    --------
    >>> from propmat.training import read_config
    >>> settings = '''
    ... network = "dcnn"
    ... cache = "problems"
    ... output = "trained"
    ... data = [{source = "synthetic", count = 3}]
    ... options = {filters = 16}
    ... '''
    >>> with open("dcnn.toml", "w") as file:
    ...     _ = file.write(settings)
    >>> config = read_config("dcnn.toml")
    >>> config.mattes, config.schedule.iterations
    (('closed_form', 'knn_hsv'), 5000)
    """
    if not isinstance(path, str | os.PathLike):
        raise InputError(f"config: takes the path of a file, got {shown(path)}")
    with refused_as(InputError, f"config: cannot read {path if str(path).isprintable() else ascii(str(path))}"):
        content = _content(path)
        if len(content) > LONGEST:
            raise InputError(f"config: {path} has more than {LONGEST} bytes")
        given = tomllib.loads(content.decode("utf-8-sig"))
    return parse_config(given)


def _content(path: str | os.PathLike[str]) -> bytes:
    """What a file or a pipe holds, and no more than can be a configuration."""
    # A pipe that nobody has opened to write to would else be waited for without end.
    at_once = getattr(os, "O_NONBLOCK", 0)
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | at_once)) as file:
        if at_once:
            os.set_blocking(file.fileno(), True)
        return file.read(LONGEST + 1)


def check_config(config: object) -> None:
    """Refuse what is no configuration, such as the path of one."""
    if not isinstance(config, Config):
        raise InputError(f"config: takes what read_config returns, got {shown(config)}")


def parse_config(given: Mapping[str, Any]) -> Config:
    """A configuration from a mapping as TOML gives it."""
    known_names(given, [*settings(Config, but="schedule"), "training"], "config", "setting")
    network = choice(given.get("network"), "network", TASKS)
    rest = {key: value for key, value in given.items() if key not in ("training", "data")}
    rest["schedule"] = _schedule(network, table(given.get("training", {}), "training"))
    rest["data"] = tuple(_source(source) for source in _tables(given.get("data", [])))
    return made(Config, rest, "config")


def _schedule(network: str, given: Mapping[str, Any]) -> Schedule:
    """A schedule by name with what is set otherwise; settings are those of the network's task."""
    task = task_of(network)
    known_names(given, ["schedule", *settings(task.settings)], "training", f"setting of {network!r}")
    start = task.schedules[choice(given.get("schedule", "fast"), "schedule", task.schedules)]
    rest = {name: value for name, value in given.items() if name != "schedule"}
    return made(task.settings, dataclasses.asdict(start) | rest, "training")


def _source(given: object) -> Source:
    given = table(given, "data")
    takes = SETTINGS[choice(given.get("source"), "source", SETTINGS)]
    known_names(given, ["source", *takes, "composites", "scale", "reach"], "data", f"setting of {given['source']!r}")
    return made(Source, given, "data")


def _tables(given: object) -> Sequence[object]:
    if not isinstance(given, list | tuple) or not given:
        raise InputError(f"data: takes at least one table [[data]], got {shown(given)}")
    return given
