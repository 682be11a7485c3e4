"""A shard of a job, as a worker of a cluster carries it out; another one may have begun it and died."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic

from propmat._memory import gibibytes
from propmat._threads import set_num_threads
from propmat.jobs._attempt import Log, attempt, refused
from propmat.jobs._contract import I, Task
from propmat.jobs._folder import Folder
from propmat.jobs._history import History, files_of
from propmat.jobs._records import DIED, Record, Status
from propmat.jobs._state import RECORDS, log_for


@dataclass(frozen=True)
class Shard(Generic[I]):
    """Items that are carried out by one task of Dask; its name is that of their group of records."""

    name: str
    items: Sequence[I]


class Before(Generic[I]):
    """What earlier attempts at a shard in the same run came to."""

    def __init__(self, group: Folder, run: str) -> None:
        self.attempted = False
        self.ended: dict[str, Record] = {}
        self.history = History()
        for records in map(list, files_of(group, prefix=f"{run}-")):
            self.history.add(records)
            self.ended |= {record.name: record for record in records if record.is_end}
            self.attempted = True

    def deaths(self, item: I) -> int:
        """How often a worker died at an item."""
        unended = self.history.unended(item.name)
        return 0 if unended is None else unended.times


def carried_out(task: Task[I], state: str, run: str, shard: Shard[I]) -> list[Record]:
    """Do the items of a shard, all but those that an earlier attempt of the same run has ended.

    Items at which an earlier attempt died come last. One at which two have died is recorded and not tried again.
    """
    set_num_threads(1)
    before: Before[I] = Before(Folder(state).within(RECORDS).within(shard.name), run)
    # Of an earlier attempt a worker has died: now what is begun is written down before it can end this one too.
    log, most = log_for(state, shard.name, run, delayed=not before.attempted), _memory_of_worker()
    try:
        return [
            before.ended.get(item.name) or _carried_out(task, item, log, _refusal(task, item, before, most))
            for item in sorted(shard.items, key=before.deaths)
        ]
    finally:
        log.close()


def _carried_out(task: Task[I], item: I, log: Log, refusal: tuple[Status, str, str] | None) -> Record:
    if refusal is None:
        return attempt(task, item, log)
    return refused(item, log, *refusal)


def _refusal(task: Task[I], item: I, before: Before[I], most: int | None) -> tuple[Status, str, str] | None:
    """Why an item is not tried, as status, error and message of its record."""
    if before.deaths(item) > 1:
        return "killed", DIED, "two workers died while this item was at work"
    if most is not None and (wanted := task.memory(item)) > most:
        return "failed", "MemoryError", f"takes about {gibibytes(wanted)} of memory; the worker has {gibibytes(most)}"
    return None


def _memory_of_worker() -> int | None:
    """Each thread's share of the limit in bytes at which the worker is ended; None if it has none."""
    from distributed import get_worker

    try:
        worker = get_worker()
        limit: int | None = worker.memory_manager.memory_limit
        threads: int = worker.state.nthreads
    except (ValueError, AttributeError):  # not on a worker, or on one without a manager
        return None
    return limit // threads if limit else None
