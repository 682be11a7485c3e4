"""Shards on the workers of a Dask cluster, so many at a time that none of them waits."""

from __future__ import annotations

import secrets
import statistics
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count, islice
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

# A shard takes about so many seconds, but no more than so many items: a task of Dask costs some 20 ms, and what it has
# done is reported when all of it is done.
_SECONDS, _MOST_ITEMS = 5.0, 64

# The time of an item is the median of the last ones: of the first, kernels are compiled.
_REMEMBERED = 64

_CONNECTING = 30.0  # seconds

# Of a shard whose records were on a worker that died: Dask has it carried out again, which finds them in the folder.
_MADE_AGAIN = ("lost", "pending")


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
        self._threads = 1
        self._at_work: dict[str, tuple[Future, Shard[I]]] = {}
        self._given_back: Counter[str] = Counter()
        self._seconds: deque[float] = deque(maxlen=_REMEMBERED)

    def run(self) -> None:
        """Do all that is planned; every record is reported.

        Raises
        ------
        PropmatError
            If the scheduler is lost, or a worker fails otherwise than by an item.
        """
        from distributed import CancelledError
        from distributed.comm import CommClosedError

        try:
            self._hand_out()
        except (CancelledError, CommClosedError, ConnectionError) as error:
            message = "cluster: the scheduler was lost; the same command goes on from here with another one"
            raise PropmatError(message) from error

    def _hand_out(self) -> None:
        """Give shards to the cluster, so many at a time, and take their records."""
        from distributed import as_completed

        waiting = self._shards()
        first = [self._submitted(shard) for shard in islice(waiting, self._window())]
        try:
            finished = as_completed(first, loop=self.client.loop, raise_errors=False)
            for future in finished:
                if future.status in _MADE_AGAIN:
                    finished.add(future)
                    continue
                again = self._taken(future, self._at_work.pop(future.key)[1])
                free = max(0, self._window() - len(self._at_work) - len(again))
                for shard in [*again, *islice(waiting, free)]:
                    finished.add(self._submitted(shard))
        finally:
            with suppress(Exception):  # of a scheduler that is lost
                self.client.cancel([future for future, _ in self._at_work.values()])

    def _shards(self) -> Iterator[Shard[I]]:
        """What is to be done, shard by shard; items at which a process died come last, each in a shard of its own."""
        todo, numbers, place = self.plan.todo, count(), 0
        while place < len(todo):
            own = todo[place : place + self._size(len(todo) - place)]
            place += len(own)
            yield Shard(f"{next(numbers):06d}", [self.job.items[index] for index in own])
        for index in self.plan.suspected:
            yield Shard(f"{next(numbers):06d}", [self.job.items[index]])

    def _size(self, left: int) -> int:
        """How many of the items that are left the next shard takes: few at the end, so that workers end together."""
        if not self._seconds:
            return 1
        lasting = _SECONDS / max(statistics.median(self._seconds), _SECONDS / _MOST_ITEMS)
        return max(1, min(int(lasting), left // (2 * self._threads)))

    def _window(self) -> int:
        self._threads = max(1, sum(self.client.nthreads().values()))
        return _AHEAD * self._threads

    def _submitted(self, shard: Shard[I]) -> Future:
        key = f"propmat-{self.run_id}-{shard.name}-{secrets.token_hex(2)}"
        arguments = self.job.task, self.job.state, self.run_id, shard
        future = self.client.submit(carried_out, *arguments, key=key, pure=False)
        self._at_work[key] = future, shard
        return future

    def _taken(self, future: Future, shard: Shard[I]) -> Sequence[Shard[I]]:
        """Report the records of a shard; the shard itself if several workers died of it, for each death counts."""
        from distributed.scheduler import KilledWorker

        error = self._error_of(future)
        if error is None:
            return []
        # Each item ends two workers at most, and each death is one item's.
        self._given_back[shard.name] += 1
        if isinstance(error, KilledWorker) and self._given_back[shard.name] <= 2 * len(shard.items) + 1:
            return [shard]
        raise PropmatError(f"cluster: a worker fails: {one_line(error)}") from error

    def _error_of(self, future: Future) -> BaseException | None:
        """Report the records of a shard that was carried out, or return why it was not."""
        if future.status == "error":
            return future.exception()
        for record in future.result():
            self._seconds.append(float(record.facts["seconds"]))
            self.report(record)
        return None
