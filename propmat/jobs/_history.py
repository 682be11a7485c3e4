"""What earlier attempts came to, from all records of a job."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from propmat.jobs._folder import Folder
from propmat.jobs._records import Record, Status, parsed


class Last(NamedTuple):
    """The last end of an item."""

    status: Status
    key: str
    at: float


class Unended(NamedTuple):
    """Attempts at an item that have started, and of which no end was recorded: their processes died."""

    times: int
    alone: bool
    at: float


class History:
    """The last end of every item, and the starts without an end since."""

    def __init__(self) -> None:
        self.last: dict[str, Last] = {}
        self._unended: dict[str, Unended] = {}

    def add(self, records: Iterable[Record]) -> None:
        """Take the records of one process, in their order."""
        at_work: dict[str, Record] = {}
        for record in records:
            if record.status == "started":
                at_work[record.name] = record
                continue
            at_work.pop(record.name, None)
            known = self.last.get(record.name)
            if known is None or known.at <= record.at:
                self.last[record.name] = Last(record.status, record.key, record.at)
        for name, start in at_work.items():
            known_start = self._unended.get(name, Unended(0, False, 0.0))
            alone, at = known_start.alone or start.alone, max(known_start.at, start.at)
            self._unended[name] = Unended(known_start.times + 1, alone, at)

    def at_work(self) -> int:
        """How many items have starts without an end."""
        return sum(self.unended(name) is not None for name in self._unended)

    def unended(self, name: str) -> Unended | None:
        """Starts of an item without an end, if the last of them is later than its last end."""
        found, last = self._unended.get(name), self.last.get(name)
        return None if found is None or (last is not None and last.at >= found.at) else found


def read_history(records: Folder) -> History:
    """The history in a folder that has a folder of files for every group of processes."""
    history = History()
    for found in all_files(records):
        history.add(found)
    return history


def all_files(records: Folder) -> Iterator[Iterator[Record]]:
    """The records of one file after another, of all groups."""
    for group in records.names():
        yield from files_of(records.within(group))


def files_of(group: Folder, prefix: str = "") -> Iterator[Iterator[Record]]:
    """The records of one file after another, of those whose names begin so."""
    for name in group.names():
        if name.startswith(prefix) and name.endswith(".jsonl"):
            yield parsed(group.lines(name))
