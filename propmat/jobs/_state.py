"""The folder of a job: its configuration, its records, and a lock."""

from __future__ import annotations

import json
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypedDict

from propmat.errors import InputError
from propmat.io._locking import locked
from propmat.jobs._attempt import Log
from propmat.jobs._contract import I, Job, Json
from propmat.jobs._folder import Folder
from propmat.jobs._history import History, read_history

# The folder of all jobs beside their outputs, and what is in that of one.
JOBS = ".propmat"
JOB, RECORDS, POOL = "job.json", "records", "pool"
_LOCK = ".lock"


class About(TypedDict):
    """The contents of job.json."""

    configuration: dict[str, Json]
    items: int


class State:
    """What a job has left in its folder."""

    def __init__(self, place: str) -> None:
        self.folder = Folder(place)

    def about(self) -> About | None:
        """The configuration and the number of items, if a job has begun here."""
        content = self.folder.read(JOB)
        if content is None:
            return None
        try:
            told = json.loads(content)
            return {"configuration": dict(told["configuration"]), "items": int(told["items"])}
        except (ValueError, TypeError, KeyError) as error:
            raise InputError(f"output: {self.folder.place_of(JOB)} is damaged; remove it to begin anew") from error

    def history(self) -> History:
        return read_history(self.folder.within(RECORDS))

    @contextmanager
    def claimed(self, job: Job[I], rank: int, ranks: int) -> Iterator[History]:
        """Hold the folder for one process, or for one of each rank; refuse results of another configuration."""
        self.folder.make()
        with ExitStack() as locks:
            if not self.folder.is_remote:
                place = Path(self.folder.place)
                locks.enter_context(locked(place, "output", "job", _LOCK, shared=ranks > 1))
                if ranks > 1:
                    locks.enter_context(locked(place, "output", "job", f"{_LOCK}-{rank}-of-{ranks}"))
            history = self.history()
            self._agree(job, history)
            yield history

    def _agree(self, job: Job[I], history: History) -> None:
        wanted: dict[str, Json] = json.loads(json.dumps(job.task.configuration))
        about = self.about()
        differs = about is not None and about["configuration"] != wanted
        if about is not None and differs and any(last.status == "done" for last in history.last.values()):
            differing = _differing(about["configuration"], wanted)
            raise InputError(
                f"output: {self.folder.place} has results of another configuration ({differing}); name another output"
            )
        if about is None or differs or about["items"] != len(job.items):
            told: About = {"configuration": wanted, "items": len(job.items)}
            self.folder.write(JOB, json.dumps(told, indent=1).encode())


def log_for(place: str, group: str, run: str = "", *, delayed: bool = True) -> Log:
    """A new file of records, for one process and, within it, for one group."""
    folder = Folder(place).within(RECORDS).within(group)
    host = "".join(c if c.isalnum() else "-" for c in socket.gethostname())[:40]
    return Log(folder, f"{run}-{host}-{os.getpid()}-{secrets.token_hex(4)}".lstrip("-"), delayed=delayed)


def _differing(before: dict[str, Json], now: dict[str, Json]) -> str:
    names = [name for name in sorted({*before, *now}) if before.get(name) != now.get(name)]
    return ", ".join(f"{name} {_shown(before.get(name))}, not {_shown(now.get(name))}" for name in names)


def _shown(value: Json) -> str:
    return json.dumps(value) if value is not None else "by default"
