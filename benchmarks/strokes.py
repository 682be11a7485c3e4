"""Labels that change: what a stroke takes with `propmat.Labelling`, and with a fresh set-up.

    python -m benchmarks.strokes [--scribbles] [--rendered] [--strokes N] [--layouts] [--data DIR]

Pictures are the scribbles problem of `benchmarks.data` (1.2 megapixels) and its half (0.3 megapixels), and rendered
scenes of both sizes with scribbles in place of their trimaps. Three kinds of strokes of 24 x 120 pixels at places that
a seed draws, one after another at each place: labels that are not those of the present matte (contradicts), the same
pixels unknown again (erased), and labels as the matte then has them (agrees).

Columns, medians over the strokes, in milliseconds: the preview; full size to 8 bits (tolerance 1e-3), from the stroke
on, its set-up alone, and its iterations; a fresh set-up and solve to the same tolerance, and the ratio of both; then
the largest |Δα| beside a fresh solve to 1e-6, over all strokes, and the mean |Δα| of preview and last matte.
Times are wall times, and those of the processor in brackets. `--layouts` compares layouts of pixels not known at the
start and of all pixels: time and memory of the set-up.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

import propmat
from benchmarks.data.problems import DATA, Problem, lemur, scribbles
from benchmarks.measuring.memory import forget_peak, peak
from propmat.solvers import CG

KINDS = ("contradicts", "erased", "agrees")
HALF = (12, 60)  # half of the height and width of a stroke at 1.2 megapixels
EIGHT_BITS, FAR = CG(tolerance=1e-3), 1e-6


class Clock:
    """Wall time and processor time since it was made, in milliseconds."""

    def __init__(self) -> None:
        self.start = time.perf_counter(), time.process_time()

    def read(self) -> np.ndarray:
        return 1e3 * (np.array([time.perf_counter(), time.process_time()]) - self.start)


class Stroke(NamedTuple):
    """What one stroke took: pairs of wall and processor time; iterations; errors."""

    preview: np.ndarray
    full: np.ndarray
    setup: np.ndarray
    fresh: np.ndarray
    iterations: tuple[int, int]
    error: float
    means: tuple[float, float]  # |Δα| of the preview and the last matte


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--scribbles", action="store_true")
    parser.add_argument("--rendered", action="store_true")
    parser.add_argument("--strokes", type=int, default=2, help="of each kind")
    parser.add_argument("--layouts", action="store_true")
    arguments = parser.parse_args()
    if arguments.layouts:
        print_layouts(arguments.data)
        return
    heads = ["picture", "stroke", "preview", "to 8 bits", "iterations", "set-up", "fresh", "iterations", "ratio"]
    print("| " + " | ".join([*heads, "max error", "mean error: preview, last"]) + " |")
    print("| --- | --- |" + " ---: |" * (len(heads)))
    for problem in selected(arguments):
        found = measured(problem, arguments.strokes)
        for kind in KINDS:
            print(row(problem.name, kind, found[kind]), flush=True)


def selected(arguments: argparse.Namespace) -> Iterator[Problem]:
    every = not (arguments.scribbles or arguments.rendered)
    if arguments.scribbles or every:
        whole = scribbles(arguments.data)
        yield halved(whole)
        yield whole
    if arguments.rendered or every:
        for shape in ((480, 640), (900, 1360)):
            yield rendered(shape)


def halved(problem: Problem) -> Problem:
    image = problem.image[: problem.image.shape[0] // 2 * 2, : problem.image.shape[1] // 2 * 2].astype(float)
    means = (image[::2, ::2] + image[1::2, ::2] + image[::2, 1::2] + image[1::2, 1::2]) / 4
    return Problem(f"{problem.name} / 2", np.rint(means).astype(np.uint8), problem.trimap[::2, ::2][: len(means)])


def rendered(shape: tuple[int, int]) -> Problem:
    """A synthetic scene, whose labels are kept where they are far from unknown pixels."""
    from scipy.ndimage import distance_transform_edt

    sample = propmat.datasets.synthetic(seed=2, shape=shape)
    labels, trimap = propmat.Trimap.parse(sample.trimap), np.full(shape, 128, np.uint8)
    for mask, value in ((labels.foreground, 255), (labels.background, 0)):
        depth = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
        trimap[depth > 0.5 * depth.max()] = value
    image = np.rint(255 * np.asarray(sample.image)).astype(np.uint8)
    return Problem(f"synthetic {shape[1]} x {shape[0]}", image, trimap)


def measured(problem: Problem, count: int) -> dict[str, list[Stroke]]:
    """The strokes by kind; the first of each warms up and is not counted."""
    image, trimap = problem.image / 255, propmat.Trimap.parse(problem.trimap).labels
    graph, rng = propmat.laplacian.closed_form(image), np.random.default_rng(1)
    labelling, changing = propmat.Labelling(image), propmat.prepare(graph, trimap, solver=EIGHT_BITS).relabelled(trimap)
    alpha = labelling.matte(trimap).alpha
    found: dict[str, list[Stroke]] = {kind: [] for kind in KINDS}
    for k in range(count + 1):
        where = place(problem.unknown, rng)
        for kind in KINDS:
            trimap = trimap.copy()
            free = where & problem.unknown
            trimap[free] = {"agrees": np.round(alpha[free]), "erased": 0.5}.get(
                kind, 1.0 - np.round(np.median(alpha[free]))
            )
            clock = Clock()
            changing = changing.relabelled(trimap)
            stroke, alpha = one(labelling, clock.read(), graph, trimap)
            found[kind] += [stroke] if k else []
    return found


def place(unknown: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A rectangle around an unknown pixel."""
    y, x = np.mgrid[: unknown.shape[0], : unknown.shape[1]]
    scale = np.sqrt(unknown.size / 1.2e6)
    row, column = np.argwhere(unknown)[rng.integers(np.count_nonzero(unknown))]
    near: np.ndarray = (abs(y - row) < HALF[0] * scale) & (abs(x - column) < HALF[1] * scale)
    return near


def one(
    labelling: propmat.Labelling, setup: np.ndarray, graph: propmat.laplacian.Laplacian, trimap: np.ndarray
) -> tuple[Stroke, np.ndarray]:
    shown: list[tuple[np.ndarray, np.ndarray]] = []
    clock = Clock()
    matte = labelling.matte(trimap, show=lambda alpha: shown.append((clock.read(), alpha)))
    full = clock.read()
    clock = Clock()
    prepared = propmat.prepare(graph, trimap, solver=EIGHT_BITS)
    fresh = prepared.solve()
    afresh = clock.read()
    truth = replace(prepared, solve_linear=prepared.solve_linear.to(FAR)).solve(x0=fresh.alpha).alpha
    means = tuple(float(np.abs(alpha - truth).mean()) for alpha in (shown[0][1], matte.alpha))
    error, counts = float(np.abs(matte.alpha - truth).max()), (matte.iterations, fresh.iterations)
    return Stroke(shown[0][0], full, setup, afresh, counts, error, means), matte.alpha


def row(name: str, kind: str, strokes: list[Stroke]) -> str:
    preview, full, setup, fresh = (
        np.median([getattr(stroke, part) for stroke in strokes], axis=0)
        for part in ("preview", "full", "setup", "fresh")
    )
    ours, theirs = np.median([stroke.iterations for stroke in strokes], axis=0)
    means = np.mean([stroke.means for stroke in strokes], axis=0)
    cells = [name, kind, shown(preview), shown(full), f"{ours:.0f}", shown(setup), shown(fresh), f"{theirs:.0f}"]
    cells += [f"{fresh[0] / full[0]:.1f}", f"{max(stroke.error for stroke in strokes):.0e}"]
    return "| " + " | ".join([*cells, f"{means[0]:.0e}, {means[1]:.0e}"]) + " |"


def shown(pair: np.ndarray) -> str:
    return f"{pair[0]:.0f} ({pair[1]:.0f})"


def print_layouts(data: Path) -> None:
    """Set-up of a hierarchy over the pixels that are unknown, and over all pixels."""
    print("| picture | unknown | layout | set-up | memory, MB |")
    print("| --- | ---: | --- | ---: | ---: |")
    for problem in (scribbles(data), lemur(data, 4)):
        graph = propmat.laplacian.closed_form(problem.image / 255)
        first = np.full(problem.trimap.shape, 128, np.uint8)
        first[0, 0], first[-1, -1] = 0, 255
        for name, start in (("unknown pixels", problem.trimap), ("all pixels", first)):
            prepared = propmat.prepare(graph, start, solver=EIGHT_BITS)
            forget_peak()
            before, clock = peak(), Clock()
            prepared.relabelled(problem.trimap)
            taken = shown(clock.read())
            print(
                f"| {problem.name} | {problem.unknown.sum()} | {name} | {taken} | {peak() - before:.0f} |", flush=True
            )
            del prepared


if __name__ == "__main__":
    main()
