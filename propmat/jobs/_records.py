"""Records: one line of JSON for the start and one for the end of every attempt at an item."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from typing import Literal

from propmat._version import __version__
from propmat.jobs._contract import Item, Json

Status = Literal["started", "done", "failed", "killed"]
# The error of an item at which a process died, in place of the class of an exception.
DIED = "ProcessDied"

STATUSES: tuple[Status, ...] = ("started", "done", "failed", "killed")


@dataclass(frozen=True)
class Record:
    """What became of an item.

    Attributes
    ----------
    name, key : str
        Of the item.
    status : {"started", "done", "failed", "killed"}
        A failed one raised an error, at a killed one its process ended.
    at : float
        Seconds since 1970.
    alone : bool
        Whether no other item was at work in this job's pool, or on its worker.
    facts : mapping
        Of the end: seconds, host, versions, warnings; error and message; and what the task returned.
    """

    name: str
    key: str
    status: Status
    at: float = field(default_factory=time.time)
    alone: bool = False
    facts: Mapping[str, Json] = field(default_factory=dict)

    def line(self) -> bytes:
        """One line of JSON, with its end."""
        about: dict[str, Json] = {"name": self.name, "key": self.key, "status": self.status, "at": round(self.at, 3)}
        if self.alone:
            about["alone"] = True
        return json.dumps(about | dict(self.facts), ensure_ascii=True).encode() + b"\n"


_OWN = ("name", "key", "status", "at", "alone")


def parsed(lines: Iterable[bytes]) -> Iterator[Record]:
    """The records in lines; those that a killed process left unfinished are passed over."""
    for line in lines:
        try:
            told = json.loads(line)
            name, key, status, at = str(told["name"]), str(told["key"]), told["status"], float(told["at"])
        except (ValueError, TypeError, KeyError, RecursionError):
            continue
        if status in STATUSES:
            facts = {fact: value for fact, value in told.items() if fact not in _OWN}
            yield Record(name, key, status, at, bool(told.get("alone")), facts)


def started(item: Item, *, alone: bool) -> Record:
    return Record(item.name, item.key, "started", alone=alone)


def ended(item: Item, status: Status, seconds: float, *, alone: bool, **facts: Json) -> Record:
    """The record of an end, with where and with which versions it came about."""
    where: dict[str, Json] = {"seconds": round(seconds, 4), "host": _host(), "versions": _versions()}
    return Record(item.name, item.key, status, alone=alone, facts=where | facts)


@cache
def _host() -> str:
    return socket.gethostname()


@cache
def _versions() -> dict[str, str]:
    return {"propmat": __version__} | {name: version(name) for name in ("numpy", "scipy", "numba")}
