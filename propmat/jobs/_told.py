"""What is told of a run and of a job."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from propmat.jobs._contract import Json


@dataclass
class Summary:
    """The result of a run.

    Attributes
    ----------
    total : int
        Items of the job, or of the rank.
    done_before, failed_before : int
        How many of them earlier runs had done, and how many had failed and were not tried again.
    changed : int
        How many were done before from other inputs or with other settings, and are done again.
    done, failed, killed : int
        How many this run has done; how many raised an error; at how many their process died.
    unrecorded : int
        How many records could not be written, as on a full disk: a next run does these items again.
    failures : dict of str to str
        Errors of this run by name of the item, at most a hundred.
    """

    total: int = 0
    done_before: int = 0
    failed_before: int = 0
    changed: int = 0
    done: int = 0
    failed: int = 0
    killed: int = 0
    unrecorded: int = 0
    failures: dict[str, str] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether everything is done."""
        return self.done_before + self.done == self.total


Progress = Callable[[Summary], object]


@dataclass
class Kind:
    """A kind of failure: how often, and the names and messages of some."""

    count: int = 0
    examples: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Status:
    """How far a job is.

    Attributes
    ----------
    place : str
        The folder of its records.
    configuration : dict
        What is asked for of every photograph.
    items, done, failed, killed : int
        All items; how many are done, by their records; how many raised an error; at how many their process died.
    at_work : int
        How many were begun of which no end is recorded: they are at work, or their process died.
    unconverged, odd : int
        How many of the mattes are of a solver that did not converge, and of a trimap with an unusual trait.
    rate : float or None
        Items per second over the last ten minutes of work.
    seconds : float
        Of all items together: the time of one thread.
    worst : list of (str, float)
        Names and residuals of the mattes with the largest.
    failures : dict of str to Kind
        By the class of the error.
    versions : dict of str to int
        How many items each version of propmat has done.
    """

    place: str
    configuration: dict[str, Json]
    items: int
    done: int = 0
    failed: int = 0
    killed: int = 0
    at_work: int = 0
    unconverged: int = 0
    odd: int = 0
    rate: float | None = None
    seconds: float = 0.0
    worst: list[tuple[str, float]] = field(default_factory=list)
    failures: dict[str, Kind] = field(default_factory=dict)
    versions: Counter[str] = field(default_factory=Counter)

    @property
    def left(self) -> int:
        """Items that are neither done nor have failed."""
        return max(0, self.items - self.done - self.failed - self.killed)

    @property
    def seconds_left(self) -> float | None:
        """Until all is done at this rate; None where nothing tells the rate."""
        return self.left / self.rate if self.rate else None


def duration(seconds: float) -> str:
    """Seconds as 0:07, 12:34, 1:02:03 or 3 d 4 h."""
    whole = round(seconds)
    if whole >= 2 * 86400:
        return f"{whole // 86400} d {whole % 86400 // 3600} h"
    minutes, rest = divmod(whole, 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"
