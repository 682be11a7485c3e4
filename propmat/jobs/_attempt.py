"""One attempt at one item, within the process that makes it."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping

from propmat.errors import PropmatWarning, one_line
from propmat.jobs._contract import I, Json, Task
from propmat.jobs._log import Log
from propmat.jobs._records import Record, ended, started

UNRECORDED = "unrecorded"


def attempt(task: Task[I], item: I, log: Log, *, alone: bool = False) -> Record:
    """Call the task and write both records; an error of the task is a record.

    Where a record cannot be written, as on a full disk, the one that is returned says so under "unrecorded".
    """
    noted(log, started(item, alone=alone))
    start = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", PropmatWarning)
        try:
            facts = dict(task(item))
        except Exception as error:  # whatever it is: the next item may be well
            record = _failed(item, error, time.perf_counter() - start, alone)
        else:
            record = ended(item, "done", time.perf_counter() - start, alone=alone, **facts)
    if told := list(dict.fromkeys(str(warning.message) for warning in caught)):
        record = _with(record, {"warnings": told})
    return noted(log, record)


def _failed(item: I, error: Exception, seconds: float, alone: bool) -> Record:
    return ended(item, "failed", seconds, alone=alone, error=type(error).__name__, message=one_line(error))


def noted(log: Log, record: Record) -> Record:
    """Write a record; where that fails, the one that is returned says so."""
    try:
        log.write(record)
    except (OSError, ValueError) as error:
        return _with(record, {UNRECORDED: one_line(error)})
    return record


def _with(record: Record, more: Mapping[str, Json]) -> Record:
    return Record(record.name, record.key, record.status, record.at, record.alone, {**record.facts, **more})
