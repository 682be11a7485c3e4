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

from propmat.jobs._attempt import attempt
from propmat.jobs._contract import Item, Task
from propmat.jobs._log import Log
from propmat.jobs._state import POOL, log_for

READY = "ready"

Waiting = queue.SimpleQueue[tuple[Item, bool]]


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the pool ends the work, by closing the input
    answers, orders = _private_output(), sys.stdin.buffer
    sys.path[:] = pickle.load(orders)
    task, state = pickle.load(orders)
    log, waiting = log_for(state, POOL), Waiting()
    threading.Thread(target=_listen, args=(orders, waiting, log), daemon=True).start()
    _say(READY, answers)
    _serve(task, log, waiting, answers)


def _serve(task: Task[Item], log: Log, waiting: Waiting, answers: BinaryIO) -> None:
    while True:
        item, alone = waiting.get()
        _say(attempt(task, item, log, alone=alone), answers)


def _listen(orders: BinaryIO, waiting: Waiting, log: Log) -> None:
    try:
        while True:
            waiting.put(pickle.load(orders))
    finally:
        # The pool has ended, or has no more work; an unfinished item is discarded.
        with suppress(Exception):
            log.close()
        os._exit(0)


def _private_output() -> BinaryIO:
    """Reserve standard output for records; what libraries print is redirected to standard error."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def _say(answer: object, answers: BinaryIO) -> None:
    pickle.dump(answer, answers)
    answers.flush()
