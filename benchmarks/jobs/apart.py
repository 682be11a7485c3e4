"""What is measured in a process of its own; here, for `multiprocessing` imports no `__main__` of a package."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

import propmat
from benchmarks.measuring.memory import forget_peak, peak
from propmat.jobs._contract import Job
from propmat.jobs._options import Options, Picture
from propmat.jobs._pictures import PictureTask
from propmat.jobs._plan import planned
from propmat.jobs._records import ended
from propmat.jobs._state import POOL, State, log_for
from propmat.jobs._work_list import work_list

PLANNED = 100_000
SIDES = (480, 640)  # of the scenes that memory is measured on


def plan(folder: Path) -> None:
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
    found = planned(job, State(job.state).history())
    told(f"{len(found.todo)} planned", start, before)
    log = log_for(job.state, POOL)
    for item in items:
        log.write(ended(item, "done", 1.0, alone=False, size=[800, 600], unknown=0.2, odd=[], iterations=20))
    start = time.perf_counter()
    found = planned(job, State(job.state).history())
    told(f"{found.done} found done", start, before)


def told(what: str, start: float, before: float) -> None:
    print(f"{what} in {time.perf_counter() - start:.2f} s, peak {peak() - before:.0f} MB above the process", flush=True)


def measure(name: str, folder: Path) -> None:
    """Of a picture in a file, from reading to writing, by one thread."""
    propmat.set_num_threads(1)
    task = PictureTask(
        "foreground" if name == "colours" else "alpha", Options() if name == "colours" else Options(name)
    )
    small, large = (_scene(folder / f"{name}-{side[0]}", side, task.what) for side in ((120, 160), SIDES))
    task(small)
    forget_peak()
    before, start = peak(), time.perf_counter()
    task(large)
    taken = (peak() - before) * 2**20 / np.prod(SIDES)
    print(f"| {name} | {taken:.0f} | {time.perf_counter() - start:.1f} |", flush=True)


def _scene(folder: Path, side: tuple[int, int], what: str) -> Picture:
    """A scene of which half is unknown, in files."""
    folder.mkdir()
    scene = propmat.datasets.synthetic(0, side)
    kind, second = ("alpha", scene.alpha) if what == "foreground" else ("trimap", scene.trimap)
    places = {name: str(folder / f"{name}.png") for name in ("image", kind, "output")}
    propmat.io.write_images({places["image"]: scene.image, places[kind]: second})
    return Picture(folder.name, "", **places)
