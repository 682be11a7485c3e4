"""Tasks for tests of the engine: small files, errors, and processes that die."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from propmat.io._replacing import replace_file
from propmat.jobs._contract import Job


@dataclass(frozen=True)
class Note:
    """An item with what its task shall do: "well", "error", "memory", "die", "die once", "exit", "sleep"."""

    name: str
    output: str
    does: str = "well"
    bytes: int = 0
    key: str = "a"

    @property
    def outputs(self):
        return (self.output,)


@dataclass(frozen=True)
class Noting:
    """Writes the name of an item into its file, and a line into a file of attempts."""

    attempts: str
    setting: int = 1

    @property
    def configuration(self):
        return {"setting": self.setting}

    def memory(self, item):
        return item.bytes

    def __call__(self, item):
        tried = Path(self.attempts).read_text().split().count(item.name) if os.path.exists(self.attempts) else 0
        with open(self.attempts, "a") as file:
            file.write(f"{item.name}\n")
        _act(item.does, tried)
        replace_file(item.output, item.name.encode())
        return {"threads": int(os.environ.get("NUMBA_NUM_THREADS", 0))}


def _act(does, tried):
    if does == "error":
        raise ValueError("not this one,\nno")
    if does == "memory":
        raise MemoryError
    if does == "sleep":
        time.sleep(600)
    if does == "die" or (does == "die once" and not tried):
        os.kill(os.getpid(), signal.SIGKILL)
    if does == "exit":
        os._exit(7)


def job_of(folder, doings, *, setting=1, **changes):
    """A job with an item for each of `doings`; `changes` are fields of all items."""
    items = [Note(f"n{k}", str(folder / f"n{k}"), does, **changes) for k, does in enumerate(doings)]
    return Job(items, Noting(str(folder / "attempts"), setting), str(folder / "state"))
