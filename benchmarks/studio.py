"""The page of `propmat studio` in Chromium: how long after strokes it shows what, and whether its memory grows.

    python -m benchmarks.studio [--strokes N] [--large] [--minutes M] [--data DIR]

A server in a process of its own opens the scribbles problem of `benchmarks.data` (1.2 megapixels; a rendered scene if
there is no data), with `--large` a rendered scene of 12 megapixels. Strokes of foreground and background are painted
with the mouse at places that a seed draws, each after the exact matte of the one before (of 12 megapixels after its
preview). The page marks the beginning and the end of a stroke, and the first frame after it has got a matte that
contains it: columns are the least, the median and the greatest of milliseconds from the beginning to the preview, and
from the end to a matte right to 8 bits and to the exact one.

`--minutes` paints at random for so long instead, and prints the memory of the server and of the page once a minute.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

import propmat
from benchmarks.data.problems import DATA, scribbles
from propmat.io import write_image
from tests.studio.browsing import Studio, chromium

SIZE = {"width": 1400, "height": 950}
LARGE = (3000, 4000)
NAMES = ("preview", "8 bits", "exact")
LABELS = ("Foreground", "Background")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--strokes", type=int, default=20)
    parser.add_argument("--large", action="store_true", help="12 megapixels")
    parser.add_argument("--minutes", type=float, help="of random painting")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        image = picture(arguments.data, arguments.large)
        write_image(f"{folder}/photo.png", image)
        with served(folder) as (process, address), chromium() as browser:
            studio = Studio(browser.new_page(viewport=SIZE), address)
            studio.shape = image.shape[:2]
            studio.wait_for("waiting")
            if arguments.minutes is None:
                measure(studio, arguments.strokes, "preview" if arguments.large else "exact")
            else:
                watch(studio, process.pid, arguments.minutes)


def picture(data: Path, large: bool) -> np.ndarray:
    if large or not data.is_dir():
        return propmat.datasets.synthetic(seed=2, shape=LARGE if large else (900, 1360)).image
    return scribbles(data).image


@contextmanager
def served(folder: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-m", "propmat", "studio", f"{folder}/photo.png", "--no-browser"]
    process = subprocess.Popen([*command, "--folder", f"{folder}/studio"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


def measure(studio: Studio, count: int, phase: str) -> None:
    """Strokes one after another; the first two make a first matte, and are not counted."""
    rng = np.random.default_rng(1)
    for k in range(count + 2):
        points = rng.uniform(0.1, 0.9, (2, 2)) * studio.shape[::-1]
        points[1] = points[0] + rng.uniform(-0.08, 0.08, 2) * studio.shape[::-1]
        before = len(measures(studio)[phase])
        studio.stroke(LABELS[k % 2], *map(tuple, points), steps=8)
        if k:
            wait(studio, phase, before)
        if k == 1:
            studio.page.evaluate("performance.clearMeasures()")
    print("| | least, ms | median, ms | most, ms | strokes |\n| --- | ---: | ---: | ---: | ---: |")
    for name, times in measures(studio).items():
        if times:
            print(f"| {name} | {min(times):.0f} | {np.median(times):.0f} | {max(times):.0f} | {len(times)} |")


def measures(studio: Studio) -> dict[str, list[float]]:
    found = studio.page.evaluate(
        "performance.getEntriesByType('measure').map((one) => [one.name, one.duration])",
    )
    return {name: [duration for other, duration in found if other == name] for name in NAMES}


def wait(studio: Studio, phase: str, before: int) -> None:
    while len(measures(studio)[phase]) <= before:
        studio.page.wait_for_timeout(50)


def watch(studio: Studio, server: int, minutes: float) -> None:
    rng, start, told = np.random.default_rng(1), time.monotonic(), -1
    print("| minute | server, MB | page, MB | strokes |\n| ---: | ---: | ---: | ---: |")
    strokes = 0
    studio.page.set_default_timeout(0)  # whatever else the computer does meanwhile
    while (passed := (time.monotonic() - start) / 60) < minutes:
        studio.stroke(rng.choice([*LABELS, "Unknown", "Eraser"]), *rng.uniform(0, 1, (4, 2)) * studio.shape[::-1])
        strokes += 1
        if rng.random() < 0.2:
            studio.page.keyboard.press(rng.choice(["Control+z", "Control+y", "v", "+", "-", "0"]))
        if rng.random() < 0.05:
            studio.page.wait_for_timeout(3000)  # time for an exact matte
        if int(passed) > told:
            told = int(passed)
            heap = studio.page.evaluate("performance.memory.usedJSHeapSize") / 2**20
            print(f"| {told} | {resident(server):.0f} | {heap:.0f} | {strokes} |", flush=True)


def resident(process: int) -> float:
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * 4096 / 2**20


if __name__ == "__main__":
    main()
