"""A process that compiles kernels into the cache, for another process that tells it which.

It reads indices of `_signatures.listed()` from standard input, one a line, and answers each with a line of JSON on
standard output. It ends after an empty line, or when its input is closed: so never later than its parent.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from propmat._cpu._code_files import SAVING
from propmat._locks import lock_descriptor
from propmat.errors import PropmatError, one_line


class Child:
    """The process as its parent has it; nothing of it is seen on the parent's standard streams."""

    def __init__(self, alone: Path | None = None) -> None:
        """Start it; with a file `alone` it does not answer, and ends at once if another process holds the file."""
        # The path first, so that no module of the working directory is imported.
        held = None if alone is None else str(alone)
        code = f"import sys; sys.path[:] = {sys.path!r}; from propmat._cpu._compiling import serve; serve({held!r})"
        self._process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if alone is None else subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "NUMBA_NUM_THREADS": "1"},  # so that it starts no process beside it (`_beside`)
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        self._owner = os.getpid()

    def tell(self, indices: Iterable[int], last: bool = False) -> None:
        """Give it signatures to compile; it ends after those of the last time."""
        assert self._process.stdin is not None
        self._process.stdin.write("".join(f"{index}\n" for index in indices).encode() + b"\n" * last)
        self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """Whether it compiled the next signature, and what it warns of.

        Raises
        ------
        PropmatError
            If it failed, or ended.
        """
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise PropmatError(f"a process that compiled kernels ended with status {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise PropmatError(f"a kernel cannot be compiled: {answer['error']}")
        return answer

    def end(self) -> None:
        """End it, whatever it is doing; a child by fork of its parent leaves it alone."""
        if self._owner == os.getpid():
            with suppress(OSError):  # it has ended
                self._process.stdin.close()  # type: ignore[union-attr]
            try:
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()


def serve(alone: str | None) -> None:
    """Compile what the parent asks for; nothing if another process holds the file `alone`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the terminal: the parent decides
    if alone is not None:
        lock_descriptor(os.open(alone, os.O_RDWR | os.O_CREAT, 0o666), wait=False)
    asked: queue.Queue[bytes] = queue.Queue()
    threading.Thread(target=_read, args=(asked,), daemon=True).start()
    from propmat._cpu._signatures import listed

    signatures = listed()
    while line := asked.get().strip():
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            try:
                answer: dict[str, Any] = {"compiled": signatures[int(line)].compile()}
            except Exception as error:
                answer = {"error": one_line(error)}
        answer["warnings"] = [str(warning.message) for warning in told]
        print(json.dumps(answer), flush=True)
    os._exit(0)


def _read(asked: queue.Queue[bytes]) -> None:
    for line in sys.stdin.buffer:
        asked.put(line)
    with SAVING:
        os._exit(0)
