"""What `propmat.jobs` costs beside the mattes themselves.

    python -m benchmarks.jobs [--data DIR] [--only planning overhead dask processes memory]

planning: 100,000 pictures found, checked and compared with the records of as many. overhead, dask: milliseconds for
each picture beyond what the tasks themselves take, in a pool of two processes and on a LocalCluster of two workers,
with a task that only writes a file. processes: two beside one, from start to end, on photographs of alphamatting.com
(rendered scenes without DIR). memory: peak bytes per pixel of each method above those of a process, for the table
`BYTES_PER_PIXEL` of `propmat.jobs._pictures`.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import propmat
from benchmarks.data import sets
from benchmarks.jobs.empty import Nothing, empty_job
from benchmarks.measuring.memory import forget_peak, peak
from propmat.jobs._cluster import connected
from propmat.jobs._contract import Job
from propmat.jobs._pictures import PictureTask
from propmat.jobs._plan import planned
from propmat.jobs._pool import Settings
from propmat.jobs._records import ended
from propmat.jobs._run import Run
from propmat.jobs._state import POOL, State
from propmat.jobs._status import status_of
from propmat.jobs._work_list import work_list
from propmat.matting._methods import METHODS

PLANNED = 100_000
SIDES = (480, 640)  # of the scenes that memory is measured on


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
    process = multiprocessing.get_context("spawn").Process(target=_plan, args=(folder,))
    process.start()
    process.join()


def _plan(folder: Path) -> None:
    names = [f"shop-{k % 100:02d}/photograph-{k:06d}" for k in range(PLANNED)]
    for k in range(100):
        (folder / "photos" / f"shop-{k:02d}").mkdir(parents=True)
        (folder / "mattes" / f"shop-{k:02d}").mkdir(parents=True)
    for name in names:
        (folder / "photos" / f"{name}.jpg").touch()
        (folder / "mattes" / f"{name}.png").touch()
    forget_peak()
    before, start = peak(), time.perf_counter()
    items = work_list(f"{folder}/photos/**/*.jpg", f"{folder}/mattes/{{name}}.png", trimaps="trimaps/{name}.png")
    items.check("alpha")
    job = Job(items, PictureTask(), str(folder / "state"))
    plan = planned(job, State(job.state).history())
    told(f"{len(plan.todo)} planned", start, before)
    log = State(job.state).log(POOL)
    for item in items:
        log.write(ended(item, "done", 1.0, alone=False, size=[800, 600], unknown=0.2, odd=[], iterations=20))
    start = time.perf_counter()
    plan = planned(job, State(job.state).history())
    told(f"{plan.done} found done", start, before)


def told(what: str, start: float, before: float) -> None:
    print(f"{what} in {time.perf_counter() - start:.2f} s, peak {peak() - before:.0f} MB above the process", flush=True)


def overhead(folder: Path, data: Path | None, count: int = 4000) -> None:
    times = [_timed(Run(empty_job(folder / str(k), count), Settings(2))) for k in range(3)]
    print(f"pool: {1000 * statistics.median(times):.2f} ms for each of {count} pictures", flush=True)


def dask(folder: Path, data: Path | None, count: int = 4000) -> None:
    with connected("local", 2) as client:
        times = [_timed(Run(empty_job(folder / str(k), count), Settings(2), client=client)) for k in range(3)]
    print(f"Dask: {1000 * statistics.median(times):.2f} ms for each of {count} pictures", flush=True)


def _timed(run: Run[Nothing]) -> float:
    """Seconds of a process for each item, from the first end to the last, beyond those of the tasks."""
    ends: list[float] = []
    summary = Run(run.job, run.settings, client=run.client, progress=lambda _: ends.append(time.perf_counter()))()
    told = status_of(run.job.state)
    if told is None or told.done != summary.total:
        raise SystemExit("not all is done")
    begun = ends[1]  # the first is the plan
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
    for name in [*METHODS, "colours"]:
        process = multiprocessing.get_context("spawn").Process(target=_measure, args=(name,))
        process.start()
        process.join()


def _measure(name: str) -> None:
    def run(sample: propmat.datasets.Sample) -> None:
        if name == "colours":
            propmat.foreground(sample.image, sample.alpha)
        else:
            propmat.matte(name, sample.image, sample.trimap)

    run(propmat.datasets.synthetic(0, (120, 160)))
    sample = propmat.datasets.synthetic(0, SIDES)
    forget_peak()
    before, start = peak(), time.perf_counter()
    run(sample)
    taken = (peak() - before) * 2**20 / np.prod(SIDES)
    print(f"| {name} | {taken:.0f} | {time.perf_counter() - start:.1f} |", flush=True)


PARTS: dict[str, Callable[[Path, Path | None], None]] = {
    "planning": planning,
    "overhead": overhead,
    "dask": dask,
    "processes": processes,
    "memory": memory,
}

if __name__ == "__main__":
    main()
