"""Run a job: plan it, and hand it to a pool of processes or to a cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic

from propmat.jobs._attempt import UNRECORDED
from propmat.jobs._cluster import Cluster
from propmat.jobs._contract import I, Job
from propmat.jobs._plan import planned
from propmat.jobs._pool import Pool, Settings
from propmat.jobs._records import Record
from propmat.jobs._state import State
from propmat.jobs._told import Progress, Summary

if TYPE_CHECKING:
    from distributed import Client

_MOST_SHOWN = 100


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

            if plan.total > plan.done + plan.failed:
                if self.client is None:
                    Pool(self.job, plan, self.settings, report).run()
                else:
                    Cluster(self.job, plan, self.client, report).run()
        return summary

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
