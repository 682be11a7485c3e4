"""Shards on the workers of a Dask cluster, so many at a time that none of them waits."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import groupby, islice
from typing import TYPE_CHECKING, Generic

from propmat.errors import InputError, MissingDependencyError, PropmatError, one_line
from propmat.jobs._contract import I, Job
from propmat.jobs._plan import Plan
from propmat.jobs._pool import Report
from propmat.jobs._shard import Shard, carried_out

if TYPE_CHECKING:
    from distributed import Client, Future

LOCAL = "local"

# Shards that are handed out for every thread of the cluster: one at work, the others on their way.
_AHEAD = 3

_CONNECTING = 30.0  # seconds


@contextmanager
def connected(address: str, jobs: int) -> Iterator[Client]:
    """A client of the scheduler at an address, or of a cluster of processes on this machine.

    Raises
    ------
    MissingDependencyError
        If distributed is not installed.
    InputError
        If there is no scheduler.
    """
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise MissingDependencyError('cluster: needs Dask: pip install "propmat[batch]"') from error
    if address == LOCAL:
        own = LocalCluster(n_workers=jobs, threads_per_worker=1, dashboard_address=None)
        with own as cluster, Client(cluster) as client:
            yield client
        return
    try:
        client = Client(address, timeout=_CONNECTING)
    except Exception as error:  # of the address, the network, TLS
        raise InputError(f"cluster: cannot connect to {address}: {one_line(error)}") from error
    with client:
        yield client


class Cluster(Generic[I]):
    """One run of a job on a cluster."""

    def __init__(self, job: Job[I], plan: Plan, client: Client, report: Report) -> None:
        self.job, self.plan, self.client, self.report = job, plan, client, report
        self.run_id = secrets.token_hex(4)
        self._at_work: dict[str, tuple[Future, Shard[I]]] = {}

    def run(self) -> None:
        """Do all that is planned; every record is reported."""
        from distributed import as_completed

        waiting = self._shards()
        first = [self._submitted(shard) for shard in islice(waiting, self._window())]
        try:
            finished = as_completed(first, raise_errors=False)
            for future in finished:
                again = self._taken(future, self._at_work.pop(future.key)[1])
                free = max(0, self._window() - len(self._at_work) - len(again))
                for shard in [*again, *islice(waiting, free)]:
                    finished.add(self._submitted(shard))
        finally:
            with suppress(Exception):  # of a scheduler that is lost
                self.client.cancel([future for future, _ in self._at_work.values()])

    def _shards(self) -> Iterator[Shard[I]]:
        """What is to be done, shard by shard; items at which a process died stand last in theirs."""
        suspected, given_up = frozenset(self.plan.suspected), frozenset(self.plan.given_up)
        indices = sorted([*self.plan.todo, *suspected, *given_up])
        for number, own in groupby(indices, key=lambda index: index // self.job.shard_size):
            members = sorted(own, key=lambda index: index in suspected)
            items = [self.job.items[index] for index in members]
            lost = frozenset(self.job.items[index].name for index in members if index in given_up)
            yield Shard(f"{number:06d}", items, lost)

    def _window(self) -> int:
        return _AHEAD * max(1, sum(self.client.nthreads().values()))

    def _submitted(self, shard: Shard[I]) -> Future:
        key = f"propmat-{self.run_id}-{shard.name}-{secrets.token_hex(2)}"
        arguments = self.job.task, self.job.state, self.run_id, shard
        future = self.client.submit(carried_out, *arguments, key=key, pure=False)
        self._at_work[key] = future, shard
        return future

    def _taken(self, future: Future, shard: Shard[I]) -> Sequence[Shard[I]]:
        """Report the records of a shard; the shard itself if several workers died of it, for each death counts."""
        from distributed.scheduler import KilledWorker

        if future.status == "finished":
            for record in future.result():
                self.report(record)
            return []
        if future.status != "error":
            raise PropmatError("cluster: the scheduler was lost; the same command goes on from here with another one")
        error = future.exception()
        if isinstance(error, KilledWorker):
            return [shard]
        raise PropmatError(f"cluster: a worker fails: {one_line(error)}") from error
