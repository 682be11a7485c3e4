"""How far a job is, from its records."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from propmat.errors import InputError, shown
from propmat.io._remote import is_url
from propmat.jobs._contract import Json
from propmat.jobs._folder import Folder
from propmat.jobs._history import last_ends
from propmat.jobs._patterns import fixed_folder, placeholders
from propmat.jobs._records import Record
from propmat.jobs._state import JOBS, RECORDS, State

# The rate is that of the last records, within so many seconds.
_RECENT = 600.0
_WORST = 10
_EXAMPLES = 3


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
        Names and estimated errors of alpha of the mattes with the largest.
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


def status(output: str) -> list[Status]:
    """Tell how far the jobs are whose results lie in a folder.

    Records alone are read, while a job runs or afterwards; outputs are not looked at.

    Parameters
    ----------
    output : str
        The folder, as a path or URL, or the pattern that `run` was given.

    Returns
    -------
    list of Status
        One for each pattern of outputs that `run` was given for it.

    Raises
    ------
    InputError
        If there are no records.

    Examples
    --------
    >>> import propmat.jobs
    >>> propmat.jobs.status("nowhere")
    Traceback (most recent call last):
    propmat.errors.InputError: output: there are no records of a job in nowhere
    """
    if not isinstance(output, (str, os.PathLike)):
        raise InputError(f"output: takes the folder of a job or its pattern, got {shown(output)}")
    output = os.fspath(output)
    folder = fixed_folder(output) if placeholders(output) else output
    jobs = Folder(folder if is_url(folder) else os.path.abspath(folder)).within(JOBS)
    found = [told for name in jobs.names() if (told := status_of(jobs.place_of(name))) is not None]
    if not found:
        raise InputError(f"output: there are no records of a job in {output}")
    return found


def status_of(place: str) -> Status | None:
    """The status of one job by the folder of its records; None if none has begun there."""
    state = State(place)
    about = state.about()
    if about is None:
        return None
    history = state.history()
    told = Status(place, about["configuration"], about["items"], at_work=history.at_work())
    for record in last_ends(state.folder.within(RECORDS), history):
        _count(told, record)
    told.rate = _rate(sorted(last.at for last in history.last.values()))
    return told


def _count(told: Status, record: Record) -> None:
    facts = record.facts
    told.seconds += _number(facts.get("seconds")) or 0.0
    if record.status == "done":
        told.done += 1
        told.unconverged += facts.get("converged") is False
        told.odd += bool(facts.get("odd"))
        versions = facts.get("versions")
        told.versions[str(versions.get("propmat")) if isinstance(versions, dict) else "?"] += 1
        error = _number(facts.get("error_of_alpha"))
        if error is not None:
            told.worst = sorted([*told.worst, (record.name, error)], key=lambda pair: -pair[1])[:_WORST]
        return
    told.failed += record.status == "failed"
    told.killed += record.status == "killed"
    kind = told.failures.setdefault(str(facts.get("error")), Kind())
    kind.count += 1
    if len(kind.examples) < _EXAMPLES:
        kind.examples.append((record.name, str(facts.get("message"))))


def _number(value: Json) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None


def _rate(ends: Sequence[float]) -> float | None:
    """Ends per second in the last stretch of work."""
    if len(ends) < 2:
        return None
    recent = [at for at in ends if at >= ends[-1] - _RECENT]
    span = recent[-1] - recent[0]
    return (len(recent) - 1) / span if span > 0 else None


def duration(seconds: float) -> str:
    """Seconds as 0:07, 12:34, 1:02:03 or 3 d 4 h."""
    whole = round(seconds)
    if whole >= 2 * 86400:
        return f"{whole // 86400} d {whole % 86400 // 3600} h"
    minutes, rest = divmod(whole, 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"
