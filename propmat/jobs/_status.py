"""How far a job is, from its records."""

from __future__ import annotations

import os
from collections.abc import Sequence

from propmat.errors import InputError
from propmat.io._remote import is_url
from propmat.jobs._contract import Json
from propmat.jobs._folder import Folder
from propmat.jobs._history import all_files
from propmat.jobs._records import Record
from propmat.jobs._state import JOBS, RECORDS, State
from propmat.jobs._told import Kind, Status

# The rate is that of the last records, within so many seconds.
_RECENT = 600.0
_WORST = 10
_EXAMPLES = 3


def status(output: str) -> list[Status]:
    """Tell how far the jobs are whose results lie in a folder.

    Records alone are read, while a job runs or afterwards; outputs are not looked at.

    Parameters
    ----------
    output : str
        The folder, as a path or URL.

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
    jobs = Folder(output if is_url(output) else os.path.abspath(output)).within(JOBS)
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
    for records in all_files(state.folder.within(RECORDS)):
        for record in records:
            last = history.last.get(record.name)
            if record.status != "started" and last is not None and last.at == record.at:
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
        residual = _number(facts.get("residual"))
        if residual is not None:
            told.worst = sorted([*told.worst, (record.name, residual)], key=lambda pair: -pair[1])[:_WORST]
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
