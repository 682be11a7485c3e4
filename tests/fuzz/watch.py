"""Workers that try inputs under limits of time and memory, and who watches them."""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.fuzz import record
from tests.fuzz.target import Target, Unavailable, find

KINDS = ("traceback", "law", "half-written", "memory", "hang", "crash")


@dataclass(frozen=True)
class Limits:
    """What one input may take.

    Attributes
    ----------
    seconds : float
        An input that takes longer is tried once more, for kernels may have been compiled; then it is a hang. Time in
        which the worker waits for a processor, on a busy machine, does not count.
    patience : float
        Seconds after which the worker is killed, counted likewise.
    memory : int
        Bytes above what the worker held before the first input.
    address_space : int
        Bytes of addresses beyond those of the worker before the first input; allocations past that fail.
    """

    seconds: float = 20.0
    patience: float = 120.0
    memory: int = 2 << 30
    address_space: int = 6 << 30


@dataclass(frozen=True)
class Task:
    """Inputs to try: so many, or for so long."""

    target: str
    seed: int = 0
    first: int = 0
    cases: int | None = None
    seconds: float | None = None
    atheris: bool = False


@dataclass
class Tally:
    """What came of a task."""

    target: str
    cases: int = 0
    passed: int = 0
    refused: int = 0
    seconds: float = 0.0
    failed: Counter[str] = field(default_factory=Counter)
    failures: dict[str, record.Failure] = field(default_factory=dict)  # the first of each signature
    counts: Counter[str] = field(default_factory=Counter)  # by signature
    unavailable: str = ""

    def count(self, outcome: bool | record.Failure) -> None:
        self.cases += 1
        if isinstance(outcome, record.Failure):
            self.failed[outcome.kind] += 1
            self.counts[outcome.signature] += 1
            self.failures.setdefault(outcome.signature, outcome)
        elif outcome:
            self.passed += 1
        else:
            self.refused += 1


# In the worker


def work(connection: Any, tasks: list[Task], limits: Limits, folder: str) -> None:
    """Try the inputs of tasks, telling what begins and how it ended."""
    tempfile.tempdir = folder
    log = open(f"{folder}/log", "w+b", buffering=0)  # of libraries in C, and of the fault handler
    quiet(log.fileno())
    faulthandler.enable(log)
    for task in tasks:
        try:
            target = _found(task)
            _warm_up(target)
        except Unavailable as reason:
            connection.send(("unavailable", str(reason)))
            continue
        connection.send(("ready", None))
        guard = Guard(connection, target, task, limits, log)
        (_try_atheris if task.atheris else _try_all)(guard, target, task)
        connection.send(("done", None))


def quiet(log: int) -> None:
    """What libraries print goes to the log; nothing can be typed."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)


def _found(task: Task) -> Target:
    """The target; for atheris with propmat's Python code, but for what numba compiles, instrumented."""
    if not task.atheris:
        return find(task.target)
    import atheris  # type: ignore[import-untyped]

    with atheris.instrument_imports(include=["propmat", "PIL"], exclude=["propmat._cpu", "propmat._gpu"]):
        return find(task.target)


def _warm_up(target: Target) -> None:
    """Import, and compile what the first seed needs."""
    for data in target.seeds()[:1]:
        record.signature_of(target.run, data)


class Guard:
    """Tries inputs one by one."""

    def __init__(self, connection: Any, target: Target, task: Task, limits: Limits, log: Any) -> None:
        self.connection, self.target, self.task, self.limits, self.log = connection, target, task, limits, log
        self.number = task.first
        self.baseline = peak_memory()
        self.end = None if task.seconds is None else time.monotonic() + task.seconds

    @property
    def over(self) -> bool:
        if self.task.cases is not None and self.number >= self.task.cases:
            return True
        return self.end is not None and time.monotonic() >= self.end

    def __call__(self, data: bytes) -> None:
        self.connection.send(("began", (self.number, data)))
        faulthandler.dump_traceback_later(self.limits.seconds, file=self.log)
        with limited_addresses(self.limits.address_space):
            outcome = self._outcome(data)
        faulthandler.cancel_dump_traceback_later()
        self.connection.send(("ended", outcome))
        self.number += 1
        if isinstance(outcome, record.Failure) and outcome.kind == "memory":
            # What was taken at most cannot be measured again.
            self.connection.send(("restart", None))
            os._exit(0)

    def _outcome(self, data: bytes) -> bool | record.Failure:
        outcome, seconds = self._timed(data)
        if isinstance(outcome, bool) and seconds > self.limits.seconds:
            outcome, seconds = self._timed(data)
        if isinstance(outcome, bool) and seconds > self.limits.seconds:
            return self._failure(data, "hang", "slow", f"{seconds:.0f} seconds")
        taken = peak_memory() - self.baseline
        if taken > self.limits.memory:
            return self._failure(data, "memory", "much memory", f"{taken / 2**30:.1f} GiB more than before")
        return outcome

    def _timed(self, data: bytes) -> tuple[bool | record.Failure, float]:
        start, waited = time.monotonic(), queued()
        try:
            outcome: bool | record.Failure = self.target.run(data)
        except (Exception, SystemExit) as error:
            outcome = self._failure(data, *record.of_exception(error))
        return outcome, time.monotonic() - start - (queued() - waited)

    def _failure(self, data: bytes, kind: str, signature: str, told: str) -> record.Failure:
        return failure(self.task, self.number, data, kind, signature, told, described(self.target, data))


def failure(
    task: Task, number: int, data: bytes, kind: str, signature: str, told: str, words: str = ""
) -> record.Failure:
    return record.Failure(task.target, task.seed, number, kind, signature, told, record.packed(data), words)


def described(target: Target, data: bytes) -> str:
    """The input in words, if it can be put in words."""
    try:
        return target.describe(data)[:20_000]
    except Exception as error:
        return f"cannot be described: {error!r}"


def _try_all(guard: Guard, target: Target, task: Task) -> None:
    inputs = target.inputs(task.seed, task.first)
    while not guard.over:
        guard(next(inputs))


def _try_atheris(guard: Guard, target: Target, task: Task) -> None:
    """Inputs of libFuzzer; it ends the process when time is over."""
    import atheris

    corpus = Path(tempfile.mkdtemp(prefix="corpus"))
    for number, data in enumerate(target.seeds()):
        (corpus / f"{number}").write_bytes(data)

    def one_input(data: bytes) -> None:
        if guard.over:
            guard.connection.send(("done", None))
            os._exit(0)
        guard(data)

    seed = 1 + (task.seed + task.first) % (2**31)
    options = [f"-seed={seed}", "-rss_limit_mb=0", "-timeout=1000000", "-max_len=65536", f"-artifact_prefix={corpus}/"]
    atheris.Setup(["fuzz", *options, str(corpus)], one_input)
    atheris.Fuzz()


def queued(process: int | str = "self") -> float:
    """The seconds that the threads of a process were ready to run and others ran; 0 if that is not told."""
    waited = 0
    for thread in Path(f"/proc/{process}/task").glob("*/schedstat"):
        with suppress(OSError, ValueError, IndexError):  # it may have ended
            waited += int(thread.read_text().split()[1])
    return waited / 1e9


def peak_memory() -> int:
    """The most memory that the process has held, in bytes; 0 where that is not told."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux hands what `resource` tells on to the processes that are started
        peaks = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return 1024 * int(peaks[0].split()[1]) if peaks else 0
    try:
        import resource
    except ImportError:  # Windows
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


@contextmanager
def limited_addresses(more: int) -> Iterator[None]:
    """Let allocations fail that want this much more than there is; where that can be told."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        yield
        return
    import resource

    used = int(statm.read_text().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    with suppress(ValueError):  # a lower limit was set from outside
        resource.setrlimit(resource.RLIMIT_AS, (used + more, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


# In the parent


def run(tasks: list[Task], limits: Limits, keep: Callable[[record.Failure], None]) -> list[Tally]:
    """Do tasks one after another in one worker; it is replaced when it ends before them."""
    tallies = [Tally(task.target) for task in tasks]
    done = 0
    while done < len(tasks):
        left = [_rest(tasks[done], tallies[done]), *tasks[done + 1 :]]
        with worker(left, limits) as (process, connection, log):
            done += Watch(process, connection, log, left, tallies[done:], limits, keep).follow()
    return tallies


def _rest(task: Task, tally: Tally) -> Task:
    seconds = None if task.seconds is None else max(0.0, task.seconds - tally.seconds)
    return replace(task, first=task.first + tally.cases, seconds=seconds)


@contextmanager
def worker(tasks: list[Task], limits: Limits) -> Iterator[tuple[Any, Any, Path]]:
    """A process that works, its pipe and its log."""
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="propmat-fuzz-", ignore_cleanup_errors=True) as folder:
        here, there = context.Pipe()
        process = context.Process(target=work, args=(there, tasks, limits, folder), daemon=True)
        process.start()
        there.close()
        try:
            yield process, here, Path(folder) / "log"
        finally:
            process.kill()
            process.join()


class Watch:
    """Follows one worker to its end."""

    def __init__(
        self,
        process: Any,
        connection: Any,
        log: Path,
        tasks: list[Task],
        tallies: list[Tally],
        limits: Limits,
        keep: Callable[[record.Failure], None],
    ) -> None:
        self.process, self.connection, self.log = process, connection, log
        self.tasks, self.tallies, self.limits, self.keep = tasks, tallies, limits, keep
        self.done = 0
        self.current: tuple[int, bytes] | None = None
        self.since = time.monotonic()

    def follow(self) -> int:
        """How many tasks were done, one that is not available included."""
        ready = False
        while self.done < len(self.tasks):
            patience = self.limits.patience if self.current else 1200.0  # the first is for compilers
            if not self._comes_within(patience):
                self._stopped("hang", "slow", f"killed after {patience:.0f} seconds")
                return self.done
            try:
                what, about = self.connection.recv()
            except (EOFError, ConnectionResetError) as end:
                self.process.join()
                if not ready:
                    name = self.tasks[self.done].target
                    raise RuntimeError(f"the worker for {name} did not start:\n{self._tail()}") from end
                self._stopped("crash", f"exit code {_name(self.process.exitcode)}", self._tail())
                return self.done
            ready = True
            if what == "restart":
                return self.done
            self._heard(what, about)
        return self.done

    def _comes_within(self, patience: float) -> bool:
        """Whether the worker says something within so many seconds in which it did not wait for a processor."""
        start, waited = time.monotonic(), queued(self.process.pid)
        left = patience
        while left > 0:
            if self.connection.poll(left):
                return True
            left = patience - (time.monotonic() - start) + queued(self.process.pid) - waited
        return False

    def _heard(self, what: str, about: Any) -> None:
        tally = self.tallies[self.done]
        if what == "ready":
            self.since = time.monotonic()
        elif what == "began":
            self.current = about
        elif what == "ended":
            self._ended(about)
        else:
            tally.unavailable = about or ""
            self.done, self.current = self.done + 1, None

    def _ended(self, outcome: bool | record.Failure) -> None:
        tally = self.tallies[self.done]
        tally.count(outcome)
        now = time.monotonic()
        tally.seconds, self.since, self.current = tally.seconds + now - self.since, now, None
        if isinstance(outcome, record.Failure):
            self.keep(outcome)

    def _stopped(self, kind: str, signature: str, told: str) -> None:
        """The worker did not come back from an input."""
        task = self.tasks[self.done]
        if self.current is None:
            raise RuntimeError(f"the worker for {task.target} {signature}: {told}")
        number, data = self.current
        self._ended(failure(task, number, data, kind, signature, f"{told}\n{self._tail()}"))

    def _tail(self) -> str:
        return self.log.read_bytes()[-6000:].decode(errors="replace") if self.log.exists() else ""


def _name(code: int | None) -> str:
    with suppress(ValueError):
        return signal.Signals(-(code or 0)).name
    return str(code)


def atheris_there() -> bool:
    """Whether atheris can be imported."""
    return find_spec("atheris") is not None
