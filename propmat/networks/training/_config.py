"""What a training is made of: a TOML file as frozen dataclasses."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from propmat import _inputs
from propmat.errors import InputError
from propmat.networks._dcnn import DCNN
from propmat.networks._deep_matte_prop_net import DeepMattePropNet
from propmat.networks._network import Network

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

T = TypeVar("T")


CHOICES = {
    "optimiser": ("sgd", "adam", "soap"),
    "decay": ("constant", "cosine"),
    "loss": ("squared", "absolute"),
    "precision": ("single", "bfloat16"),
    "symmetries": ("turns", "all"),
}


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
            if getattr(self, name) not in takes:
                raise InputError(f"{name}: takes {' or '.join(map(repr, takes))}, got {getattr(self, name)!r}")
        for name in ("iterations", "batch", "crop", "patches", "log_every", "validate_every", "checkpoint_every"):
            _inputs.whole_number(getattr(self, name), name)
        _inputs.positive(self.rate, "rate")


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

    def build(self) -> Network:
        """The network with its first weights, the same whenever it is built."""
        return KINDS[self.network].preset(self.preset, **self.options)

    @property
    def mattes(self) -> tuple[str, ...]:
        """The mattes that the problems must come with."""
        network = self.build()
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
        If it cannot be read or has a setting that there is not.
    """
    try:
        with open(path, "rb") as file:
            given = tomllib.load(file)
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"config: cannot read {path}: {error}") from None
    return parse_config(given)


def parse_config(given: Mapping[str, Any]) -> Config:
    """A configuration from a mapping as TOML gives it."""
    network = given.get("network")
    if network not in KINDS:
        raise InputError(f"network: takes {' or '.join(map(repr, KINDS))}, got {network!r}")
    training = dict(given.get("training", {}))
    schedules, name = SCHEDULES[network], training.pop("schedule", "fast")
    if name not in schedules:
        raise InputError(f"schedule: takes {' or '.join(map(repr, schedules))}, got {name!r}")
    rest = {key: value for key, value in given.items() if key != "training"}
    rest["schedule"] = _made(Schedule, dataclasses.asdict(schedules[name]) | training, "training")
    rest["data"] = tuple(_made(Source, source, "data") for source in given.get("data", ()))
    if not rest["data"]:
        raise InputError("data: takes at least one table [[data]]")
    return _made(Config, rest | {key: Path(rest[key]) for key in ("cache", "output") if key in rest}, "config")


def _made(kind: type[T], given: Mapping[str, Any], where: str) -> T:
    fields = {item.name: item for item in dataclasses.fields(kind)}  # type: ignore[arg-type]
    if strange := sorted(given.keys() - fields):
        raise InputError(f"{where}: there is no setting {strange[0]!r}; takes {', '.join(fields)}")
    try:
        return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in given.items()})
    except TypeError as error:
        raise InputError(f"{where}: {str(error).partition(' ')[2]}") from None
