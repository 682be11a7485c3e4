"""Every method on every picture and trimap: quality, time and memory.

    python -m benchmarks.suite [--data DIR] [--output DIR] [--methods NAME ...] [--trimaps 1 2] [--peers] [--jobs N]

DIR holds the photographs of alphamatting.com (`propmat datasets fetch alphamatting --root DIR`); without it, scenes
are rendered. Results go to results.jsonl in the output folder, a line each, mattes beside it as files. A run that was
stopped, in whatever way, goes on where it was when it is started again; one matte is the most that is lost per job.

Mattes are rounded to 8 bits and set to the trimap's labels where it is known before they are scored, as published
numbers are. Each job is a process with its share of the cores, so that times of one machine are comparable for the same
number of jobs. "memory_mb" is the peak above what was resident before the call.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tqdm import tqdm

from benchmarks import contestants, records, scenes
from benchmarks.worker import failure, matte_path, setting

OUTPUT = Path("suite-results")
WORKER = ["-m", "benchmarks.worker"]
THREAD_VARIABLES = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def main() -> None:
    arguments = _arguments()
    arguments.output.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    with _alone(arguments.output):
        done = _finished(arguments)
        tasks = [task for task in _tasks(arguments) if task not in done]
        print(f"{len(tasks)} mattes to make, {len(done)} already there", file=sys.stderr)
        try:
            Run(arguments, done).carry_out(tasks)
        except KeyboardInterrupt:
            sys.exit("stopped; the same command goes on from here")
    print(f"{arguments.output / 'results.jsonl'}: {len(done)} results, {time.perf_counter() - start:.0f} s")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = list(contestants.everyone())
    parser.add_argument("--data", type=Path, help="photographs; without it, scenes are rendered")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="(%(default)s)")
    parser.add_argument("--methods", nargs="+", choices=known, metavar="NAME", help=", ".join(known))
    parser.add_argument("--peers", action="store_true", help="also the methods of other libraries that are installed")
    parser.add_argument("--images", nargs="+", metavar="NAME", help="some pictures only")
    parser.add_argument("--trimaps", nargs="+", type=int, choices=(1, 2), default=[1, 2])
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes at a time (%(default)s)")
    arguments = parser.parse_args()
    if arguments.jobs < 1:
        parser.error(f"--jobs takes at least 1, got {arguments.jobs}")
    arguments.images = arguments.images or scenes.names(arguments.data)
    if strange := set(arguments.images) - set(scenes.names(arguments.data)):
        parser.error(f"--images: there is no {', '.join(sorted(strange))} in {scenes.set_name(arguments.data)}")
    # Networks only where they are named: they have seen the photographs.
    usual = contestants.ours() | (contestants.peers() if arguments.peers else {})
    arguments.methods = arguments.methods or list(usual)
    arguments.threads = max(1, (os.cpu_count() or 1) // arguments.jobs)
    return arguments


def _tasks(arguments: argparse.Namespace) -> Iterator[records.Key]:
    for image in arguments.images:
        for trimap in arguments.trimaps:
            yield from ((image, trimap, method) for method in arguments.methods)


@contextmanager
def _alone(output: Path) -> Iterator[None]:
    """Let one run at a time work in a folder; the lock goes with the process, however that ends."""
    with open(output / ".lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"another run is at work in {output}")
        yield


def _finished(arguments: argparse.Namespace) -> dict[records.Key, records.Record]:
    """The results that are there with their mattes, if they are of the same kind as those to come."""
    path = arguments.output / "results.jsonl"
    found = records.read(path) if path.exists() else []
    for record in found:
        expected = setting(arguments.data, arguments.threads, records.key(record))
        other = sorted(name for name, value in expected.items() if record[name] != value)
        if other:
            sys.exit(f"{path} was made with other {', '.join(other)}; name another folder by --output, or remove it")
    return {
        records.key(record): record
        for record in found
        if "error" in record or matte_path(arguments.output, *records.key(record)).exists()
    }


class Run:
    """Workers, and the results as they come in."""

    def __init__(self, arguments: argparse.Namespace, done: dict[records.Key, records.Record]) -> None:
        self.arguments = arguments
        self.done = done
        self.lock = threading.Lock()

    def carry_out(self, tasks: list[records.Key]) -> None:
        waiting: queue.SimpleQueue[records.Key | None] = queue.SimpleQueue()
        for task in (*tasks, *[None] * self.arguments.jobs):  # each job ends at a None
            waiting.put(task)
        with tqdm(total=len(tasks), file=sys.stderr, disable=None) as bar:
            jobs = [
                threading.Thread(target=self._work, args=(waiting, bar), daemon=True)
                for _ in range(min(len(tasks), self.arguments.jobs))
            ]
            for job in jobs:
                job.start()
            for job in jobs:
                job.join()

    def _work(self, waiting: queue.SimpleQueue[records.Key | None], bar: tqdm) -> None:
        """Do tasks one after another in a process of one's own."""
        worker = Worker(self.arguments)
        while task := waiting.get():
            # A worker that dies is replaced, once: the signal may have been meant for all.
            record = worker.answer(task) or worker.answer(task) or self._death(task)
            with self.lock:
                self.done[task] = record
                records.write(self.arguments.output / "results.jsonl", self.done.values())
                bar.update()
        worker.stop()

    def _death(self, task: records.Key) -> records.Record:
        return failure(setting(self.arguments.data, self.arguments.threads, task), "the process died")


class Worker:
    """A process of `benchmarks.worker`, started when it is needed."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        data = ["--data", str(arguments.data)] if arguments.data else []
        self.command = [sys.executable, *WORKER, "--output", str(arguments.output), *data]
        self.environment = os.environ | dict.fromkeys(THREAD_VARIABLES, str(arguments.threads))
        self.process: subprocess.Popen[str] | None = None

    def answer(self, task: records.Key) -> records.Record | None:
        """The record of a task, or None if the process died over it."""
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
        """Let it end; it does when its input ends."""
        if self.process is not None:
            self.process.communicate()
            self.process = None


if __name__ == "__main__":
    main()
