"""Iterations and accuracy of the default solver on all available pictures and on rendered difficult ones.

    python -m benchmarks.robustness [--data DIR] [--truth] [--photographs] [--seeds N ...] [--flat] [--tolerance T]

One row for each problem: unknown pixels, iterations, the residual and the estimated error of alpha at the end, total
seconds. With --truth also the largest error, beside a direct solution up to 100,000 unknown pixels and beside
iterations that went much further above, and error / estimate. In place of all pictures, --photographs takes those with
narrow and wide trimaps, the lemur at three sizes and scribbles, --seeds renders other scenes, 16 of few colours and 5
with textures for each seed, and --flat those of few colours at 320 x 240, 640 x 480 and 960 x 720. Conjugate gradients
are also used for systems that are small enough to be factorised.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import propmat
from benchmarks.data.flat_scenes import flat_scenes
from benchmarks.data.hard_scenes import hard_scenes
from benchmarks.data.problems import DATA, Problem, lemur, scribbles
from benchmarks.measuring.truth import exact
from propmat.io import read_image, read_matte
from propmat.solvers import CG

SIZES = ((240, 320), (480, 640), (720, 960))
# Errors beyond rounding of the reference and below the estimate's purpose say nothing about it.
MEANINGFUL = 1e-6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--truth", action="store_true")
    parser.add_argument("--photographs", action="store_true")
    parser.add_argument("--flat", action="store_true")
    parser.add_argument("--seeds", type=int, nargs="+", default=[])
    parser.add_argument("--tolerance", type=float, default=None)
    arguments = parser.parse_args()
    print("| problem | unknown | iterations | residual | estimate | error | error / estimate | seconds |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    solver = CG(tolerance=arguments.tolerance)
    rows = [measured(problem, solver, arguments.truth) for problem in asked_for(arguments)]
    iterations, name = max((row[:2] for row in rows), key=lambda row: row[0])
    print(f"\nmost iterations: {iterations}, {name}")
    if arguments.truth:
        print(f"largest error: {max(row[2] for row in rows):.1e}; error / estimate: {max(row[3] for row in rows):.2f}")


def asked_for(arguments: argparse.Namespace) -> Iterator[Problem]:
    if arguments.flat:
        yield from (problem for shape in SIZES for problem in flat_scenes(shape))
    elif arguments.photographs:
        yield from photographs(arguments.data)
    elif arguments.seeds:
        for seed in arguments.seeds:
            yield from rendered(seed)
    else:
        yield from problems(arguments.data)


def measured(problem: Problem, solver: CG, truth: bool) -> tuple[int, str, float, float]:
    """Iterations, name, error, and error / estimate, which are 0 if they are not asked for."""
    graph = propmat.laplacian.closed_form(problem.image)
    matte = propmat.solve(graph, problem.trimap, solver=solver)
    unknown, error = np.count_nonzero(problem.unknown), 0.0
    if truth:
        error = float(np.abs(matte.x - exact(graph, problem.trimap).x).max())
    ratio = error / matte.error if error > MEANINGFUL else 0.0
    told = f"{error:.1e} | {ratio:.2f}" if truth else " | "
    print(
        f"| {problem.name} | {unknown} | {matte.iterations} | {matte.residual:.1e} | {matte.error:.1e} | {told} | "
        f"{matte.seconds:.2f} |",
        flush=True,
    )
    return matte.iterations, problem.name, error, ratio


def rendered(seed: int) -> Iterator[Problem]:
    """Scenes that nothing was chosen on, if the seed is new."""
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(120, 260)), int(rng.integers(160, 340)))
    yield from flat_scenes(shape, seed, tuple(rng.choice(np.arange(2, 17), 4, replace=False).tolist()))
    for k in range(5):
        sample = propmat.datasets.synthetic(5 * seed + k, shape)
        colours, labels = (np.rint(255 * picture).astype(np.uint8) for picture in (sample.image, sample.trimap))
        yield Problem(f"rendered {5 * seed + k}", colours, labels)


def photographs(data: Path) -> Iterator[Problem]:
    for name in ("trimap1", "trimap2"):
        yield from with_trimaps(data, data / "alphamatting" / "training" / name)
    yield from (lemur(data, scale) for scale in (1, 2, 4))
    yield scribbles(data)


def with_trimaps(data: Path, folder: Path) -> Iterator[Problem]:
    """The pictures that a folder has trimaps of."""
    for path in sorted(folder.glob("*.png")):
        name = f"{folder.parent.relative_to(data)} {path.stem} {folder.name}"
        yield Problem(name, read_image(folder.parent / "image" / path.name), read_matte(path))


def problems(data: Path) -> Iterator[Problem]:
    yield from hard_scenes()
    if not data.is_dir():
        return
    for trimap in sorted(path for path in data.rglob("trimap*") if path.is_dir()):
        yield from with_trimaps(data, trimap)
    yield lemur(data, 2)
    yield lemur(data, 4)
    yield scribbles(data)


if __name__ == "__main__":
    main()
