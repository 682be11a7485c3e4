"""Iterations of the default solver on all available pictures and on rendered difficult ones.

    python -m benchmarks.robustness [--data DIR]

One row for each problem: unknown pixels, iterations to a relative residual of 1e-7, the residual reached, total
seconds. Conjugate gradients are also used for systems that are small enough to be factorised.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import propmat
from benchmarks.data.hard_scenes import hard_scenes
from benchmarks.data.problems import DATA, Problem, lemur, scribbles
from propmat.io import read_image, read_matte


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    arguments = parser.parse_args()
    print("| problem | unknown | iterations | residual | seconds |\n| --- | ---: | ---: | ---: | ---: |")
    worst = max((measured(problem) for problem in problems(arguments.data)), key=lambda row: row[0])
    print(f"\nmost iterations: {worst[0]}, {worst[1]}")


def measured(problem: Problem) -> tuple[int, str]:
    graph = propmat.laplacian.closed_form(problem.image)
    matte = propmat.solve(graph, problem.trimap, solver=propmat.solvers.CG())
    unknown = np.count_nonzero(problem.unknown)
    print(
        f"| {problem.name} | {unknown} | {matte.iterations} | {matte.residual:.1e} | {matte.seconds:.2f} |", flush=True
    )
    return matte.iterations, problem.name


def problems(data: Path) -> Iterator[Problem]:
    yield from hard_scenes()
    if not data.is_dir():
        return
    for trimap in sorted(path for path in data.rglob("trimap*") if path.is_dir()):
        for path in sorted(trimap.glob("*.png")):
            image = trimap.parent / "image" / path.name
            name = f"{trimap.parent.relative_to(data)} {path.stem} {trimap.name}"
            yield Problem(name, read_image(image), read_matte(path))
    yield lemur(data, 2)
    yield lemur(data, 4)
    yield scribbles(data)


if __name__ == "__main__":
    main()
