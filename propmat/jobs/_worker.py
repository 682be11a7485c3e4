"""A process of the pool, started by `propmat.jobs._process`.

It reads pickles: the module path, what it is to do, then items; and writes a pickled record for each.
"""

from __future__ import annotations

import os
import pickle
import queue
import signal
import sys
import threading
from contextlib import suppress
from typing import BinaryIO

from propmat.jobs._attempt import Log, attempt
from propmat.jobs._contract import Item, Task
from propmat.jobs._records import Record
from propmat.jobs._state import POOL, log_for

READY = "ready"


class Work:
    """Items that wait, the one that is at work, and the log of both threads."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.waiting: queue.SimpleQueue[tuple[Item, bool]] = queue.SimpleQueue()
        self.item: Item | None = None


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the pool ends the work, by closing the input
    answers, orders = _private_output(), sys.stdin.buffer
    sys.path[:] = pickle.load(orders)
    task, state = pickle.load(orders)
    work = Work(log_for(state, POOL))
    threading.Thread(target=_listen, args=(orders, work), daemon=True).start()
    _say(READY, answers)
    _serve(task, work, answers)


def _serve(task: Task[Item], work: Work, answers: BinaryIO) -> None:
    while True:
        work.item, alone = work.waiting.get()
        record = attempt(task, work.item, work.log, alone=alone)
        work.item = None
        _say(record, answers)


def _listen(orders: BinaryIO, work: Work) -> None:
    try:
        while True:
            work.waiting.put(pickle.load(orders))
    finally:
        # The pool has ended, or has no more work; an unfinished item is discarded.
        with suppress(Exception):
            if (item := work.item) is not None:
                work.log.write(Record(item.name, item.key, "stopped"))
            work.log.close()
        os._exit(0)


def _private_output() -> BinaryIO:
    """Reserve standard output for records; what libraries print is redirected to standard error."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def _say(answer: object, answers: BinaryIO) -> None:
    pickle.dump(answer, answers)
    answers.flush()
