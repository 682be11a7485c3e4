"""A run of the suite: its worker processes, and their results."""

from __future__ import annotations

import fcntl
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tqdm import tqdm

from benchmarks.suite import records
from benchmarks.suite.worker import failure, matte_path, setting

OUTPUT = Path("suite-results")
WORKER = ["-m", "benchmarks.suite.worker"]
THREAD_VARIABLES = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

Tasks = queue.SimpleQueue[records.Key | None]


@contextmanager
def alone(output: Path) -> Iterator[None]:
    """Lock a folder so that only one run uses it; the lock is released when the process ends, even if it is killed."""
    with open(output / ".lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"another run is at work in {output}")
        yield


class Run:
    """A run with its results in a folder; `jobs` processes compute those that are missing."""

    def __init__(self, data: Path | None, output: Path, jobs: int) -> None:
        self.data, self.output, self.jobs = data, output, jobs
        self.path = output / "results.jsonl"
        self.threads = max(1, (os.cpu_count() or 1) // jobs)
        self.lock = threading.Lock()
        self.done = self._finished()

    def _finished(self) -> dict[records.Key, records.Record]:
        """The existing results whose mattes exist too, checked to have the same settings as this run."""
        found = records.read(self.path) if self.path.exists() else []
        for record in found:
            expected = setting(self.data, self.threads, records.key(record))
            if other := sorted(name for name, value in expected.items() if record[name] != value):
                differences = ", ".join(other)
                sys.exit(
                    f"{self.path} was made with other {differences}; name another folder by --output, or remove it"
                )
        return {
            records.key(record): record
            for record in found
            if "error" in record or matte_path(self.output, *records.key(record)).exists()
        }

    def carry_out(self, tasks: list[records.Key]) -> None:
        waiting: Tasks = queue.SimpleQueue()
        for task in (*tasks, *[None] * self.jobs):  # each job stops at a None
            waiting.put(task)
        with tqdm(total=len(tasks), file=sys.stderr, disable=None) as bar:
            jobs = [
                threading.Thread(target=self._work, args=(waiting, bar), daemon=True)
                for _ in range(min(len(tasks), self.jobs))
            ]
            for job in jobs:
                job.start()
            for job in jobs:
                job.join()

    def _work(self, waiting: Tasks, bar: tqdm) -> None:
        """Run tasks one after another in a separate process."""
        worker = Worker(self.data, self.output, self.threads)
        while task := waiting.get():
            # A worker that dies is replaced once: the signal may have been sent to all processes.
            record = worker.answer(task) or worker.answer(task) or self._death(task)
            with self.lock:
                self.done[task] = record
                records.write(self.path, self.done.values())
                bar.update()
        worker.stop()

    def _death(self, task: records.Key) -> records.Record:
        return failure(setting(self.data, self.threads, task), "the process died")


class Worker:
    """A process that runs `benchmarks.suite.worker`, started when it is needed."""

    def __init__(self, data: Path | None, output: Path, threads: int) -> None:
        of_data = ["--data", str(data)] if data else []
        self.command = [sys.executable, *WORKER, "--output", str(output), *of_data]
        self.environment = os.environ | dict.fromkeys(THREAD_VARIABLES, str(threads))
        self.process: subprocess.Popen[str] | None = None

    def answer(self, task: records.Key) -> records.Record | None:
        """The record of a task, or None if the process died."""
        if self.process is None:
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
            self.process = subprocess.Popen(self.command, text=True, env=self.environment, **pipes)
        with suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps(task) + "\n")
            self.process.stdin.flush()
        line = self.process.stdout.readline()
        if line.endswith("\n"):
            return json.loads(line)
        self.stop()
        return None

    def stop(self) -> None:
        """Stop the process by closing its input."""
        if self.process is not None:
            self.process.communicate()
            self.process = None
