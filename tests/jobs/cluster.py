"""A Dask cluster of two workers in a process of its own, which prints the address of its scheduler and waits."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from tests.jobs.watching import children

ROOT = Path(__file__).parents[2]


def main():
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()


@contextmanager
def started():
    """A context with the address of a new cluster and its process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.jobs.cluster"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield process.stdout.readline().strip(), process
    finally:
        process.stdin.close()
        process.wait(60)
        process.stdout.close()


def kill_worker(process, number=0):
    """End a worker of the cluster; its nanny, a thread of that process, starts another one."""
    workers = [child for child in children(process.pid) if b"spawn_main" in command_of(child)]
    os.kill(workers[number % len(workers)], signal.SIGKILL)


def command_of(pid):
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        return file.read()


if __name__ == "__main__":
    main()
