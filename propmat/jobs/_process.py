"""The pool's side of one of its processes."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from contextlib import suppress
from typing import Generic

from propmat.errors import PropmatError
from propmat.jobs._contract import I, Task
from propmat.jobs._records import Record
from propmat.jobs._worker import READY

_COMMAND = ("-c", "from propmat.jobs._worker import main; main()")
_THREAD_VARIABLES = (
    "NUMBA_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)

# So often in a row a process may end before it takes an item, as when all are killed from outside.
_STARTS = 5


class Process(Generic[I]):
    """A process with a number of threads, started when it is needed, and again after it has died."""

    def __init__(self, task: Task[I], state: str, threads: int) -> None:
        self._orders = pickle.dumps(sys.path) + pickle.dumps((task, state))
        self._environment = os.environ | dict.fromkeys(_THREAD_VARIABLES, str(threads))
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False

    def answer(self, item: I, *, alone: bool) -> Record | str:
        """The record of an item, or how the process died of it."""
        process = self._running()
        with suppress(OSError):
            pickle.dump((item, alone), process.stdin)  # type: ignore[arg-type]
            process.stdin.flush()  # type: ignore[union-attr]
        record = _received(process)
        return record if isinstance(record, Record) else self._ended()

    def stop(self) -> None:
        """End the process, at once if it is at work; no other is started."""
        self._stopped = True
        process, self._process = self._process, None
        if process is not None:
            _close(process)

    def _running(self) -> subprocess.Popen[bytes]:
        for _ in range(_STARTS):
            if self._stopped:
                raise PropmatError("jobs: the pool was stopped")
            if self._process is None:
                self._process = self._begun()
            if self._process.poll() is None:
                return self._process
            told = self._ended()
        raise PropmatError(f"jobs: processes end before they take any work: {told}")

    def _begun(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, *_COMMAND],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self._environment,
        )
        with suppress(OSError):
            process.stdin.write(self._orders)  # type: ignore[union-attr]
            process.stdin.flush()  # type: ignore[union-attr]
        if _received(process) != READY:
            _close(process)
        return process

    def _ended(self) -> str:
        """How the process ended; the next item gets a new one."""
        process, self._process = self._process, None
        if process is None:
            return "it was stopped"
        _close(process)
        return _described(process.returncode)


def _received(process: subprocess.Popen[bytes]) -> object:
    """What the process says next; None if it has ended."""
    try:
        return pickle.load(process.stdout)  # type: ignore[arg-type]
    except (EOFError, OSError, ValueError, pickle.UnpicklingError):
        return None


def _close(process: subprocess.Popen[bytes]) -> None:
    with suppress(OSError):
        process.stdin.close()  # type: ignore[union-attr]
    process.wait()
    process.stdout.close()  # type: ignore[union-attr]


def _described(status: int) -> str:
    if status >= 0:
        return f"its process ended with status {status}"
    with suppress(ValueError):
        name = signal.Signals(-status).name
        memory = "; the system may have run out of memory" if name == "SIGKILL" else ""
        return f"its process was ended by {name}{memory}"
    return f"its process was ended by signal {-status}"
