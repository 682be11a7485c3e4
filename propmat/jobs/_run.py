"""Run a job: plan it, hand it to a pool of processes or to a cluster, and sum up what they report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic

from propmat.jobs._attempt import UNRECORDED, refused
from propmat.jobs._cluster import Cluster
from propmat.jobs._contract import I, Job
from propmat.jobs._plan import planned
from propmat.jobs._pool import Pool, Report, Settings
from propmat.jobs._records import DIED, Record
from propmat.jobs._state import POOL, State, log_for

if TYPE_CHECKING:
    from distributed import Client

_MOST_SHOWN = 100


@dataclass
class Summary:
    """The result of a run.

    Attributes
    ----------
    total : int
        Items of the job, or of the rank.
    done_before, failed_before : int
        How many of them earlier runs had done, and how many had failed and were not tried again.
    changed : int
        How many were done, or failed, before with other inputs, with files that were changed since, or with other
        settings; they are done again.
    done, failed, killed : int
        How many this run has done; how many raised an error; at how many their process died.
    unrecorded : int
        How many records could not be written, as on a full disk: a next run does these items again.
    failures : dict of str to str
        Errors of this run by name of the item, at most a hundred.
    """

    total: int = 0
    done_before: int = 0
    failed_before: int = 0
    changed: int = 0
    done: int = 0
    failed: int = 0
    killed: int = 0
    unrecorded: int = 0
    failures: dict[str, str] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether everything is done."""
        return self.done_before + self.done == self.total


Progress = Callable[[Summary], object]


@dataclass(frozen=True)
class Run(Generic[I]):
    """What of a job is done, by whom, and who is told: `progress` after planning and after every item."""

    job: Job[I]
    settings: Settings
    rank: int = 0
    ranks: int = 1
    retry: bool = False
    client: Client | None = None
    progress: Progress | None = None

    def __call__(self) -> Summary:
        """Do what is missing.

        Raises
        ------
        InputError
            If the folder has results of another configuration, or another process is at work there.
        PropmatError
            If the pool or the cluster fails as a whole.
        """
        state = State(self.job.state)
        with state.claimed(self.job, self.rank, self.ranks) as history:
            plan = planned(self.job, history, rank=self.rank, ranks=self.ranks, retry=self.retry)
            summary = Summary(plan.total, plan.done, plan.failed, plan.changed)
            self._tell(summary)

            def report(record: Record) -> None:
                _count(summary, record)
                self._tell(summary)

            self._give_up(plan.given_up, report)
            if plan.todo or plan.suspected:
                if self.client is None:
                    Pool(self.job, plan, self.settings, report).run()
                else:
                    Cluster(self.job, plan, self.client, report).run()
        return summary

    def _give_up(self, indices: Sequence[int], report: Report) -> None:
        """Record the items at which the job ended while they were tried alone."""
        log = log_for(self.job.state, POOL)
        for index in indices:
            message = "the job ended while this item was tried alone"
            report(refused(self.job.items[index], log, "killed", DIED, message))
        log.close()

    def _tell(self, summary: Summary) -> None:
        if self.progress is not None:
            self.progress(summary)


def _count(summary: Summary, record: Record) -> None:
    summary.unrecorded += UNRECORDED in record.facts
    if record.status == "done":
        summary.done += 1
        return
    summary.failed += record.status == "failed"
    summary.killed += record.status == "killed"
    if len(summary.failures) < _MOST_SHOWN:
        summary.failures[record.name] = f"{record.facts.get('error')}: {record.facts.get('message')}"
