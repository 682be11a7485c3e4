"""A run of the suite is a job of `propmat.jobs`, whose records become the lines of results.jsonl."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.data import sets
from benchmarks.suite import contestants, records
from benchmarks.suite.worker import failure, machine, matte_path, scored, setting
from propmat.cli._progress import working
from propmat.errors import PropmatError
from propmat.jobs._contract import Job, Json
from propmat.jobs._history import last_ends
from propmat.jobs._pool import Settings
from propmat.jobs._records import Record
from propmat.jobs._run import Run, Summary
from propmat.jobs._state import JOBS, RECORDS, State

OUTPUT = Path("suite-results")


@dataclass(frozen=True)
class Contest:
    """One method on one picture with one trimap; done again if versions of its packages change."""

    image: str
    trimap: int
    method: str
    matte: str
    key: str

    @property
    def name(self) -> str:
        return json.dumps([self.image, self.trimap, self.method])

    @property
    def outputs(self) -> tuple[str, ...]:
        return (self.matte,)


@dataclass(frozen=True)
class Scoring:
    """The task of the suite; results in one folder are of one set and one machine, and comparable."""

    data: Path | None
    output: Path
    threads: int

    @property
    def configuration(self) -> Mapping[str, Json]:
        about = {"set": sets.set_name(self.data), "machine": machine(), "threads": self.threads}
        return about | {"versions": next(iter(contestants.ours().values())).versions}

    def memory(self, item: Contest) -> int:
        """Nothing, for one that runs alone would have other times."""
        return 0

    def __call__(self, item: Contest) -> Mapping[str, Json]:
        # As one value, for the engine has its own seconds and versions.
        return {"result": scored(self.data, self.output, (item.image, item.trimap, item.method))}


class Suite:
    """Results in a folder; `jobs` processes compute those that are missing."""

    def __init__(self, data: Path | None, output: Path, jobs: int) -> None:
        self.jobs = jobs
        self.path = output / "results.jsonl"
        self.state = State(str(output.absolute() / JOBS / "suite.job"))
        self.task = Scoring(data, output.absolute(), max(1, (os.cpu_count() or 1) // jobs))

    def carry_out(self, keys: list[records.Key]) -> int:
        """Make what is missing, and write results.jsonl; returns the number of its lines."""
        if self.path.exists() and self.state.about() is None:
            sys.exit(f"{self.path} is of another version of the suite; name another folder by --output, or remove it")
        versions = {name: method.versions for name, method in contestants.everyone().items()}
        items = [
            Contest(*key, str(matte_path(self.task.output, *key)), json.dumps(versions[key[2]], sort_keys=True))
            for key in keys
        ]
        job = Job(items, self.task, self.state.folder.place)
        try:
            with working() as show:
                Run(job, Settings(self.jobs, self.task.threads), progress=_telling(show))()
        except PropmatError as error:
            sys.exit(str(error))
        finally:
            count = self._write()
        return count

    def _write(self) -> int:
        found = list(self._results())
        if found:
            records.write(self.path, found)
        return len(found)

    def _results(self) -> Iterator[records.Record]:
        """The last result of every method on every picture whose matte is there, or that failed."""
        for record in last_ends(self.state.folder.within(RECORDS)):
            if record.status != "done":
                yield self._failure(record)
            elif matte_path(self.task.output, *records.key(result := record.facts["result"])).exists():
                yield result

    def _failure(self, record: Record) -> records.Record:
        image, trimap, method = json.loads(record.name)
        facts = setting(self.task.data, self.task.threads, (image, trimap, method))
        return failure(facts, f"{record.facts['error']}: {record.facts['message']}")


def _telling(show):
    """What tells first how much there is to do."""

    def tell(summary: Summary) -> None:
        before = summary.done_before + summary.failed_before
        if not summary.done + summary.failed + summary.killed:
            print(f"{summary.total - before} mattes to make, {before} already there", file=sys.stderr)
        show(summary)

    return tell
