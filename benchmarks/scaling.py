"""Time of a closed-form matte as a function of the number of unknown pixels.

    python -m benchmarks.scaling [--most 5e6] [--picture scaling.png]

Rendered scenes of increasing size, from ten thousand unknown pixels on, each with about 2.2 times as many; complete
calls, the median of up to three, of which none starts after ten seconds. The exponent is the slope of a straight line
fitted to the logarithms of all points; the picture shows the points and the line.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import propmat

LEAST = 1e4
SIDE, EDGE = 480, 60  # of the picture, pixels
CALLS, ENOUGH = 3, 10.0  # no further call after this many, or after this many seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=float, default=5e6, help="unknown pixels, at most about so many")
    parser.add_argument("--picture", type=Path, default=Path("scaling.png"))
    arguments = parser.parse_args()
    steps = max(2, round(np.log(arguments.most / LEAST) / np.log(2.2)) + 1)
    print("| unknown | seconds | microseconds per unknown | iterations |\n| ---: | ---: | ---: | ---: |")
    points = np.array([measured(goal) for goal in np.geomspace(LEAST, arguments.most, steps)])
    exponent, offset = np.polyfit(*np.log10(points).T, 1)
    print(f"\nexponent {exponent:.2f}")
    draw(points, exponent, offset).save(arguments.picture)


def measured(goal: float) -> tuple[int, float]:
    """The number of unknown pixels, about `goal`, and seconds."""
    height = round(np.sqrt(goal / 0.7))  # a little over half of a scene of aspect ratio 4:3 is unknown
    sample = propmat.datasets.synthetic(0, (height, height * 4 // 3))
    graph = propmat.laplacian.closed_form(sample.image)
    solver = propmat.solvers.CG()
    propmat.solve(graph, sample.trimap, solver=solver)
    seconds: list[float] = []
    while len(seconds) < CALLS and sum(seconds) < ENOUGH:
        start = time.perf_counter()
        matte = propmat.solve(graph, sample.trimap, solver=solver)
        seconds.append(time.perf_counter() - start)
    unknown, median = np.count_nonzero(sample.trimap == 0.5), float(np.median(seconds))
    print(f"| {unknown} | {median:.3f} | {1e6 * median / unknown:.2f} | {matte.iterations} |", flush=True)
    return unknown, median


def draw(points: np.ndarray, exponent: float, offset: float) -> Image.Image:
    """The points and the line, both axes logarithmic, with a grid of powers of ten."""
    logarithms = np.log10(points)
    low, high = np.floor(logarithms.min(axis=0)), np.ceil(logarithms.max(axis=0))
    picture = Image.new("RGB", (SIDE, SIDE), "white")
    pen = ImageDraw.Draw(picture)

    def place(x: float, y: float) -> tuple[float, float]:
        across, up = (np.array([x, y]) - low) / (high - low) * (SIDE - 2 * EDGE)
        return EDGE + across, SIDE - EDGE - up

    for x in np.arange(low[0], high[0] + 1):
        pen.line([place(x, low[1]), place(x, high[1])], "#dddddd")
        pen.text(place(x, low[1]), f"{10**x:.0e} unknown", "black", anchor="mt")
    for y in np.arange(low[1], high[1] + 1):
        pen.line([place(low[0], y), place(high[0], y)], "#dddddd")
        pen.text(place(low[0], y), f"{10**y:g} s", "black", anchor="rm")
    ends = logarithms[[0, -1], 0]
    pen.line([place(x, exponent * x + offset) for x in ends], "#20639b", 2)
    for x, y in (place(*point) for point in logarithms):
        pen.ellipse([x - 4, y - 4, x + 4, y + 4], "#ed553b")
    pen.text((EDGE, EDGE / 2), f"closed form: exponent {exponent:.2f}", "black")
    return picture


if __name__ == "__main__":
    main()
