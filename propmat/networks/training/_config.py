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
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from propmat.errors import InputError, refused_as, shown
from propmat.networks._dcnn import DCNN
from propmat.networks._deep_matte_prop_net import DeepMattePropNet
from propmat.networks._network import Network, known_names, one_of, real, whole

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

T = TypeVar("T")

LONGEST = 1 << 20  # bytes of a configuration

CHOICES = {
    "optimiser": ("sgd", "adam", "soap"),
    "decay": ("constant", "cosine"),
    "loss": ("squared", "absolute"),
    "precision": ("single", "bfloat16"),
    "symmetries": ("turns", "all"),
}


# Limits, beyond which a batch or the problems would not fit in memory.
COUNTS = {
    "iterations": 10**9,
    "batch": 2**16,
    "crop": 2**13,
    "patches": 10**7,
    "log_every": 10**9,
    "validate_every": 10**9,
    "checkpoint_every": 10**9,
}
SIZES = {"rate": 1e6, "momentum": 1.0, "weight_decay": 1e6, "clip": 1e20}


@dataclass(frozen=True)
class Schedule:
    """How the weights are moved, and how often one looks."""

    iterations: int
    batch: int
    rate: float
    optimiser: str = "adam"
    momentum: float = 0.9
    weight_decay: float = 0.0
    decay: str = "constant"  # or "cosine", to 0 at the end
    loss: str = "squared"  # of DCNN, as in the paper; or "absolute"
    precision: str = "single"  # or "bfloat16", of DCNN's convolutions: faster where processors have it
    symmetries: str = "turns"  # and mirror images; or "all", also orders of colours, and background for foreground
    clip: float = 0.0  # the longest gradient; 0 for no limit
    crop: int = 256  # pixels a side; patches of DCNN are 27
    patches: int = 20_000  # of each problem, at most
    log_every: int = 100
    validate_every: int = 1000
    checkpoint_every: int = 1000

    def __post_init__(self) -> None:
        for name, takes in CHOICES.items():
            one_of(getattr(self, name), name, takes)
        for name, most in COUNTS.items():
            whole(getattr(self, name), name, 1, most)
        for name, limit in SIZES.items():
            real(getattr(self, name), name, 0, limit)
        if self.rate == 0:
            raise InputError("rate: takes a finite number > 0, got 0")


# The papers' schedules, and some that end within minutes or hours.
SCHEDULES = {
    "dcnn": {
        "faithful": Schedule(1_000_000, 128, 1e-5, "sgd"),
        "fast": Schedule(5_000, 64, 3e-3, "soap", decay="cosine", loss="absolute", symmetries="all"),
    },
    "deep_matte_prop_net": {
        "faithful": Schedule(750_000, 4, 0.1, "sgd", weight_decay=5e-4, clip=1.0, crop=320),
        "fast": Schedule(20_000, 4, 1e-3, decay="cosine", clip=1.0),
    },
}


@dataclass(frozen=True)
class Source:
    """Where pictures come from: a data set by its name in `propmat.datasets`, and what is made of it."""

    source: str
    root: str = ""
    trimaps: tuple[int, ...] = (1, 2)  # of alphamatting
    patterns: dict[str, str] = field(default_factory=dict)  # of folder: image, trimap, alpha
    foregrounds: str = ""  # of composites: patterns of files, under root
    alphas: str = ""
    backgrounds: str = ""
    count: int = 0  # of synthetic scenes
    shape: tuple[int, int] = (360, 480)  # of synthetic scenes
    composites: int = 0  # of each picture, over others of this source
    scale: tuple[float, float] = (0.5, 1.0)  # of composites
    reach: tuple[int, int] = (3, 20)  # of the trimaps of composites

    def __post_init__(self) -> None:
        takes = SETTINGS[one_of(self.source, "source", SETTINGS)]
        for name in ("foregrounds", "alphas", "backgrounds", "count"):
            if name in takes and not getattr(self, name):
                raise InputError(f"data: a source {self.source!r} takes {name}, which is missing or empty")
        for name, most in {"count": 10**6, "composites": 10**4}.items():
            whole(getattr(self, name), name, 0, most)
        numbers = {whole(number, "trimaps", 1, 3) for number in self.trimaps}
        if not numbers or len(numbers) < len(self.trimaps):
            raise InputError(f"trimaps: takes different numbers out of 1, 2, 3, got {shown(self.trimaps)}")
        known_names(self.patterns, ["image", "trimap", "alpha"], "patterns", "pattern")
        for side in self.shape:
            whole(side, "shape", 16, 2**12)
        _ascending("scale", *(real(value, "scale", 0.01, 1) for value in self.scale))
        _ascending("reach", *(whole(value, "reach", 1, 10**4) for value in self.reach))


def _ascending(name: str, least: float, most: float) -> None:
    if least > most:
        raise InputError(f"{name}: takes (least, most), got ({least:g}, {most:g})")


# What each source has beside source, composites, scale and reach.
SETTINGS: dict[str, tuple[str, ...]] = {
    "alphamatting": ("root", "trimaps"),
    "folder": ("root", "patterns"),
    "synthetic": ("count", "shape"),
    "composites": ("root", "foregrounds", "alphas", "backgrounds", "count"),
}


@dataclass(frozen=True)
class Config:
    """One training. Problems that show a picture that is held out are kept for validation."""

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
        one_of(self.network, "network", KINDS)
        one_of(self.preset, "preset", KINDS[self.network].presets)
        self.outline()
        whole(self.seed, "seed", 0, 2**32)
        if self.schedule.precision != "single" and self.network != DCNN.name:
            # Features of neighbours differ by less than its roundings: gradients lose their direction.
            raise InputError(f"precision: takes 'single' for {self.network}, got {self.schedule.precision!r}")

    def build(self) -> Network:
        """The network with its first weights, the same whenever it is built from the same state of the generator."""
        return KINDS[self.network].preset(self.preset, **self.options)

    def outline(self) -> Network:
        """The network with weights of which there are shapes alone."""
        kind = KINDS[self.network]
        return kind.outline(kind.presets[self.preset] | self.options)

    @property
    def mattes(self) -> tuple[str, ...]:
        """The mattes that the problems must come with."""
        network = self.outline()
        return network.mattes if isinstance(network, DCNN) else ()

    def digest(self) -> str:
        """Tells trainings apart; where files lie makes no difference."""
        rest = {name: value for name, value in dataclasses.asdict(self).items() if name not in ("cache", "output")}
        return digest(rest)


KINDS: dict[str, type[Network]] = {kind.name: kind for kind in (DCNN, DeepMattePropNet)}


def digest(value: Any) -> str:
    """A short name for what JSON can hold."""
    return hashlib.blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=8).hexdigest()


def read_config(path: str | os.PathLike[str]) -> Config:
    """Read a configuration; relative paths start at the current folder.

    Raises
    ------
    InputError
        If it cannot be read, has a setting that there is not, or one is of a wrong kind or beyond its limits.
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


def check_config(config: Any) -> None:
    """Refuse what is no configuration, such as the path of one."""
    if not isinstance(config, Config):
        raise InputError(f"config: takes what read_config returns, got {shown(config)}")


def parse_config(given: Mapping[str, Any]) -> Config:
    """A configuration from a mapping as TOML gives it."""
    known_names(given, [*_settings(Config, but="schedule"), "training"], "config", "setting")
    network = one_of(given.get("network"), "network", KINDS)
    training = dict(_table(given.get("training", {}), "training"))
    known_names(training, ["schedule", *_settings(Schedule)], "training", "setting")
    schedules = SCHEDULES[network]
    start = schedules[one_of(training.pop("schedule", "fast"), "schedule", schedules)]
    rest = {key: value for key, value in given.items() if key not in ("training", "data")}
    rest["schedule"] = _made(Schedule, dataclasses.asdict(start) | training, "training")
    rest["data"] = tuple(_source(source) for source in _tables(given.get("data", [])))
    return _made(Config, rest, "config")


def _source(given: Any) -> Source:
    given = _table(given, "data")
    takes = SETTINGS[one_of(given.get("source"), "source", SETTINGS)]
    known_names(given, ["source", *takes, "composites", "scale", "reach"], "data", f"setting of {given['source']!r}")
    return _made(Source, given, "data")


def _table(given: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise InputError(f"{where}: takes a table of settings, got {shown(given)}")
    return given


def _tables(given: Any) -> Sequence[Any]:
    if not isinstance(given, list | tuple) or not given:
        raise InputError(f"data: takes at least one table [[data]], got {shown(given)}")
    return given


def _settings(kind: type, but: str = "") -> list[str]:
    return [item.name for item in dataclasses.fields(kind) if item.name != but]


def _made(kind: type[T], given: Mapping[str, Any], where: str) -> T:
    """A dataclass of settings, each of the kind that its field has."""
    known_names(given, _settings(kind), where, "setting")
    for item in dataclasses.fields(kind):  # type: ignore[arg-type]
        required = item.default is item.default_factory is dataclasses.MISSING
        if required and item.name not in given:
            raise InputError(f"{where}: missing setting {item.name!r}")
    kinds = get_type_hints(kind)
    return kind(**{name: _taken(kinds[name], value, name) for name, value in given.items()})


def _taken(kind: Any, value: Any, name: str) -> Any:
    """A value of TOML as the kind of a field; what its limits are, the dataclass knows."""
    if kind is Path:
        return Path(_text(value, name))
    if kind is str:
        return _text(value, name)
    if get_origin(kind) is dict:
        entries = {_text(key, name): entry for key, entry in _table(value, name).items()}
        return entries if get_args(kind)[1] is Any else {key: _text(entry, key) for key, entry in entries.items()}
    if get_origin(kind) is tuple and not dataclasses.is_dataclass(get_args(kind)[0]):
        kinds = get_args(kind)
        if not isinstance(value, list | tuple) or (kinds[1] is not ... and len(value) != len(kinds)):
            length = "" if kinds[1] is ... else f"{len(kinds)} "
            raise InputError(f"{name}: takes a list of {length}values, got {shown(value)}")
        return tuple(_text(entry, name) if kinds[0] is str else entry for entry in value)
    return value


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise InputError(f"{name}: takes text, got {shown(value)}")
    return value
