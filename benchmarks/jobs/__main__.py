"""What `propmat.jobs` costs beside the mattes themselves.

    python -m benchmarks.jobs [--data DIR] [--only planning overhead dask processes memory]

planning: 100,000 pictures found, checked and compared with the records of as many. overhead, dask: milliseconds for
each picture beyond what the tasks themselves take, in a pool of two processes and on a LocalCluster of two workers,
with a task that only writes a file. processes: two beside one, from start to end, on photographs of alphamatting.com
(rendered scenes without DIR). memory: peak bytes per pixel of each method above those of a process, from reading to
writing, for the table `BYTES_PER_PIXEL` of `propmat.jobs._pictures`.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import propmat
from benchmarks.data import sets
from benchmarks.jobs import apart
from benchmarks.jobs.empty import Nothing, empty_job
from benchmarks.suite import contestants
from propmat.jobs._cluster import connected
from propmat.jobs._pool import Settings
from propmat.jobs._run import Run
from propmat.jobs._status import status_of
from propmat.matting._methods import POSED


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="photographs; without it, scenes are rendered")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART", help=", ".join(PARTS))
    arguments = parser.parse_args()
    for part in arguments.only:
        with tempfile.TemporaryDirectory() as folder:
            PARTS[part](Path(folder), arguments.data)


def planning(folder: Path, data: Path | None) -> None:
    """In a process of its own, whose peak is measured."""
    process = multiprocessing.get_context("spawn").Process(target=apart.plan, args=(folder,))
    process.start()
    process.join()


def overhead(folder: Path, data: Path | None, count: int = 4000) -> None:
    times = [_timed(Run(empty_job(folder / str(k), count), Settings(2))) for k in range(3)]
    print(f"pool: {1000 * statistics.median(times):.2f} ms for each of {count} pictures", flush=True)


def dask(folder: Path, data: Path | None, counts: tuple[int, ...] = (300, 1000, 4000)) -> None:
    with connected("local", 2) as client:
        for count in counts:
            jobs = [empty_job(folder / f"{count}-{k}", count) for k in range(3)]
            times = [_timed(Run(job, Settings(2), client=client)) for job in jobs]
            print(f"Dask: {1000 * statistics.median(times):.2f} ms for each of {count} pictures", flush=True)


def _timed(run: Run[Nothing]) -> float:
    """Seconds of a process for each item beyond those of the tasks.

    From the first end to the last; on a cluster, where ends are told shard by shard, from the plan.
    """
    ends: list[float] = []
    summary = Run(run.job, run.settings, client=run.client, progress=lambda _: ends.append(time.perf_counter()))()
    told = status_of(run.job.state)
    if told is None or told.done != summary.total:
        raise SystemExit("not all is done")
    begun = ends[1] if run.client is None else ends[0]  # that of the plan
    return (2 * (ends[-1] - begun) - told.seconds) / told.done


def processes(folder: Path, data: Path | None) -> None:
    """Whole runs, their processes started anew."""
    write_photographs(folder, data)
    seconds: dict[int, list[float]] = {1: [], 2: []}
    for turn in range(2):
        for jobs in (1, 2):
            start = time.perf_counter()
            output = f"{folder}/mattes-{jobs}-{turn}/{{name}}.png"
            summary = propmat.jobs.run(f"{folder}/images", output, trimaps=f"{folder}/trimaps/{{name}}.png", jobs=jobs)
            seconds[jobs].append(time.perf_counter() - start)
    one, two = (min(values) for values in seconds.values())
    print(f"{summary.total} pictures: one process {one:.1f} s, two {two:.1f} s, {one / two:.2f} times", flush=True)


def write_photographs(folder: Path, data: Path | None) -> None:
    for kind in ("images", "trimaps"):
        (folder / kind).mkdir()
    for name in sets.names(data):
        for trimap in (1, 2):
            sample = sets.read_sample(data, name, trimap)
            propmat.io.write_image(folder / "images" / f"{name}-{trimap}.png", sample.image)
            propmat.io.write_image(folder / "trimaps" / f"{name}-{trimap}.png", sample.trimap)


def memory(folder: Path, data: Path | None) -> None:
    print("| method | bytes per pixel | seconds |\n| --- | ---: | ---: |")
    for name in [*POSED, *contestants.networks(), "colours"]:
        process = multiprocessing.get_context("spawn").Process(target=apart.measure, args=(name, folder))
        process.start()
        process.join()


PARTS: dict[str, Callable[[Path, Path | None], None]] = {
    "planning": planning,
    "overhead": overhead,
    "dask": dask,
    "processes": processes,
    "memory": memory,
}

if __name__ == "__main__":
    main()
