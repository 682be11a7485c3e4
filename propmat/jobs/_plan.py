"""Which items are still to be done, from the records and from the files that are there."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from propmat.io._remote import is_url
from propmat.jobs._contract import I, Item, Job
from propmat.jobs._folder import Folder
from propmat.jobs._history import History


@dataclass
class Plan:
    """Indices of items: those to be done, those to be tried last and alone, those to be given up; and the rest.

    Attributes
    ----------
    todo : list of int
    suspected : list of int
        A process died at them once: they are tried again, when all others are done.
    given_up : list of int
        A process died at them while they were alone.
    done, failed : int
        How many others are done, and how many have failed or been given up before.
    changed : int
        How many of `todo` were done or failed before with other inputs or settings.
    """

    todo: list[int] = field(default_factory=list)
    suspected: list[int] = field(default_factory=list)
    given_up: list[int] = field(default_factory=list)
    done: int = 0
    failed: int = 0
    changed: int = 0

    @property
    def total(self) -> int:
        """All items that were looked at."""
        return len(self.todo) + len(self.suspected) + len(self.given_up) + self.done + self.failed


class Files:
    """Which files are there; folders behind URLs are listed once."""

    def __init__(self) -> None:
        self._listed: dict[str, frozenset[str]] = {}

    def there(self, place: str) -> bool:
        """Whether there is a file at a path or URL."""
        if not is_url(place):
            return os.path.exists(place)
        folder, _, name = place.rpartition("/")
        if folder not in self._listed:
            self._listed[folder] = frozenset(Folder(folder).names())
        return name in self._listed[folder]


def planned(job: Job[I], history: History, *, rank: int = 0, ranks: int = 1, retry: bool = False) -> Plan:
    """What is left to be done of every item of one rank: one is done if its record and its outputs are there."""
    plan, files = Plan(), Files()
    for index in range(rank, len(job.items), ranks):
        _place(plan, index, job.items[index], history, files, retry)
    return plan


def _place(plan: Plan, index: int, item: Item, history: History, files: Files, retry: bool) -> None:
    last, unended = history.last.get(item.name), history.unended(item.name)
    same = last is not None and last.key == item.key
    if unended is not None:
        (plan.given_up if unended.alone and not retry else plan.suspected).append(index)
    elif last is not None and same and last.status == "done" and all(map(files.there, item.outputs)):
        plan.done += 1
    elif last is not None and same and last.status != "done" and not retry:
        plan.failed += 1
    else:
        plan.changed += last is not None and not same
        plan.todo.append(index)
