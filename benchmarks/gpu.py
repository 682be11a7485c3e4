"""The GPU compared with the CPU, on a machine that has one.

    python -m benchmarks.gpu [--quick] [--data DIR] [--output FILE]

Runs the tests marked ``gpu``, then the measurements, prints the tables at the end and writes JSON. Times are between
two events on the device, medians of 20 calls after two for warming up, from an image on the device to alpha on the
device. "difference" is the largest difference from alpha computed on the CPU with the same tolerance. "Jacobi" is
CuPy's own conjugate gradients with a Jacobi preconditioner on the CSR matrix, without assembly. Bandwidth is the number
of bytes that a product must transfer per second, also as a share of the bandwidth of a copy in the same run. With
`--quick` times on the CPU are of a single call, and problems that would start after `SECONDS` are skipped, as the table
then says. Without a device the command says so and exits with status 1.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import propmat
from benchmarks.data.problems import DATA, Problem, lemur, scribbles
from propmat._backend import to_host
from propmat._batching._run import run
from propmat._batching._verbs import CLOSED_FORM
from propmat._constraints import eliminate
from propmat._gpu import _device
from propmat._operators import GridOperator
from propmat._trimap import Trimap
from propmat.preconditioners._level import SINGLE
from propmat.preconditioners._levels import Pixels
from propmat.solvers import CG

Record = dict[str, Any]

CALLS, WARM_UP = 20, 2
SHARE = 0.1  # of the pixels of a frame are unknown
TESTS_SECONDS = 180
SECONDS = 360  # after which a quick run starts no other problem
FRAMES = {"1080p": (1080, 1920), "4K": (2160, 3840)}
CROPS = 16, 320  # their number, and the side of each in pixels
PRODUCT = 3000, 3400  # height and width in pixels for the measurement of products
COPIED = 2**28  # numbers copied to measure the bandwidth


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="at most eight minutes")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--output", type=Path, default=Path("gpu.json"))
    arguments = parser.parse_args()
    try:
        device = _device.described()
    except propmat.PropmatError as error:
        print(f"benchmarks.gpu: {error}", file=sys.stderr)
        return 1
    start = time.perf_counter()
    failed = run_tests()
    products, others = bandwidth(), [crops(), walker(), backward(), colours()]
    mattes, left_out = [], []
    for name, problem in problems(arguments.data).items():
        if arguments.quick and time.perf_counter() - start > SECONDS:
            left_out.append(name)
        else:
            mattes.append(measure(problem(), quick=arguments.quick))
    record = {"device": device, "mattes": mattes, "others": others, "products": products}
    record |= {"left_out": left_out, "tests_failed": failed}
    arguments.output.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(f"\n{device}\ntests: {'failed' if failed else 'passed'}\n")
    for rows in filter(None, (mattes, others, products)):
        print(table(rows), end="\n\n")
    if left_out:
        print(f"left out for want of time: {', '.join(left_out)}\n")
    return int(failed)


def run_tests() -> bool:
    """Whether one of the tests on the device failed."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "tests"]
    try:
        return subprocess.run(command, timeout=TESTS_SECONDS, check=False).returncode != 0
    except subprocess.TimeoutExpired:
        return True


def problems(data: Path) -> dict[str, Callable[[], Problem]]:
    """Functions that make the problems, the largest last."""
    local = {f"lemur x{scale}": partial(lemur, data, scale) for scale in (1, 2, 4)} | {
        "scribbles": partial(scribbles, data)
    }
    frames = {name: partial(frame, name, shape) for name, shape in FRAMES.items()}
    return (local if data.is_dir() else {}) | frames


def frame(name: str, shape: tuple[int, int]) -> Problem:
    """A rendered scene of which a tenth is unknown, around its edges."""
    from scipy.ndimage import distance_transform_edt

    sample = propmat.datasets.synthetic(0, shape)
    distance = distance_transform_edt(sample.trimap != 0.5)
    unknown = distance <= np.quantile(distance, SHARE)
    trimap = np.where(unknown, 128, 255 * (sample.alpha > 0.5)).astype(np.uint8)
    return Problem(name, np.rint(255 * sample.image).astype(np.uint8), trimap)


def measure(problem: Problem, *, quick: bool) -> Record:
    """One matte: on the device in total and by stages, on the CPU, and by CuPy's own solver."""
    cupy = _device.cupy()
    image, trimap = cupy.asarray(problem.image), cupy.asarray(problem.trimap)
    alpha, cpu_seconds = on_cpu(problem, calls=1 if quick else 3)
    return {
        "problem": problem.name,
        "unknown": int(np.count_nonzero(problem.unknown)),
        **on_device(image, trimap, alpha),
        "CPU, ms": 1e3 * cpu_seconds,
        "Jacobi, ms": jacobi(propmat.laplacian.closed_form, problem) if problem.unknown.sum() < 1_000_000 else None,
        "peak, MB": peak(image, trimap) / 1e6,
    }


def on_device(image: Any, trimap: Any, expected: np.ndarray) -> Record:
    """A closed-form matte, in total and by stages."""
    graph = propmat.laplacian.closed_form(image)
    prepared = propmat.prepare(graph, trimap, solver=CG())
    matte = prepared.solve()
    return {
        "whole, ms": milliseconds(lambda: propmat.closed_form(image, trimap, solver=CG())),
        "set-up, ms": milliseconds(lambda: propmat.prepare(graph, trimap, solver=CG())),
        "solve, ms": milliseconds(prepared.solve),
        "iterations": matte.iterations,
        "difference": float(np.abs(to_host(matte.alpha) - expected).max()),
    }


def peak(image: Any, trimap: Any) -> int:
    """Bytes that the memory pool takes beyond its arrays for one matte."""
    pool = _device.cupy().get_default_memory_pool()
    pool.free_all_blocks()
    before = pool.total_bytes()
    propmat.closed_form(image, trimap, solver=CG())
    return pool.total_bytes() - before


def milliseconds(call: Callable[[], object], *, once: bool = False) -> float:
    """Median time on the device between the events before and after a call."""
    cupy, times = _device.cupy(), []
    warm_up, calls = (1, 1) if once else (WARM_UP, CALLS)
    for _ in range(warm_up + calls):
        start, end = cupy.cuda.Event(), cupy.cuda.Event()
        start.record()
        call()
        end.record()
        end.synchronize()
        times.append(cupy.cuda.get_elapsed_time(start, end))
    return statistics.median(times[warm_up:])


def on_cpu(problem: Problem, calls: int) -> tuple[np.ndarray, float]:
    """Alpha, and the median time after a first call that compiles."""
    small = propmat.datasets.synthetic(0, (240, 320))
    propmat.closed_form(small.image, small.trimap, solver=CG())
    seconds = []
    for _ in range(calls):
        start = time.perf_counter()
        alpha = propmat.closed_form(problem.image, problem.trimap, solver=CG())
        seconds.append(time.perf_counter() - start)
    return alpha, statistics.median(seconds)


def jacobi(laplacian: Callable[..., Any], problem: Problem) -> float:
    """CuPy's conjugate gradients with the diagonal, on the finished matrix, to the same tolerance."""
    cupy = _device.cupy()
    from cupyx.scipy import sparse
    from cupyx.scipy.sparse import linalg

    labels = Trimap.parse(problem.trimap)
    system = eliminate(laplacian(problem.image), labels)
    rhs = cupy.asarray(system.rhs(labels.labels, np.zeros(labels.shape)))
    matrix = sparse.csr_matrix(system.matrix.tocsr())
    scale = sparse.diags(1 / matrix.diagonal())
    return milliseconds(lambda: linalg.cg(matrix, rhs, rtol=1e-7, maxiter=20_000, M=scale), once=True)


def crops() -> Record:
    """Many small images at once, compared with one after another."""
    cupy, (count, side) = _device.cupy(), CROPS
    scene = frame("crop", (side, side))
    arrays = {
        name: cupy.asarray(np.stack([np.roll(getattr(scene, name), 20 * k, axis=1) for k in range(count)]))
        for name in ("image", "trimap")
    }
    axes = {"image": 3, "trimap": 2}
    at_once = milliseconds(lambda: run(CLOSED_FORM, arrays, axes, {}, CG()))
    pairs = list(zip(*arrays.values(), strict=True))
    alone = milliseconds(lambda: [propmat.closed_form(*pair, solver=CG()) for pair in pairs])
    name = f"{count} crops of {side} x {side}, at once beside one after another"
    return {"problem": name, "ms": at_once, "beside, ms": alone, "ratio": at_once / alone}


def walker() -> Record:
    """A random walk matte, compared with Jacobi-preconditioned conjugate gradients on its assembled matrix.

    Other random walkers on GPUs use the latter (mode ``cg_j`` of scikit-image, and of cuCIM).
    """
    cupy, (height, width) = _device.cupy(), FRAMES["1080p"]
    scene = frame("walker", (height, width))
    arrays = cupy.asarray(scene.image), cupy.asarray(scene.trimap)
    spent = milliseconds(lambda: propmat.random_walk(*arrays, solver=CG()))
    diagonal = jacobi(propmat.laplacian.random_walk, scene)
    name = f"{height} x {width}, random walk beside CuPy's Jacobi"
    return {"problem": name, "ms": spent, "beside, ms": diagonal, "ratio": spent / diagonal}


def backward() -> Record:
    """The gradient of edge weights, compared with the forward solve."""
    cupy = _device.cupy()
    height, width = FRAMES["1080p"]
    scene = frame("backward", (height, width))
    rng = cupy.random.default_rng(0)
    edges = 0.1 + rng.random((height, width - 1)), 0.1 + rng.random((height - 1, width))
    trimap, upstream = cupy.asarray(scene.trimap), rng.random((height, width))
    _, pullback = propmat.adjoint.propagate(edges, trimap, solver=CG())
    forth = milliseconds(lambda: propmat.adjoint.propagate(edges, trimap, solver=CG()))
    back = milliseconds(lambda: pullback(upstream, wanted=["horizontal", "vertical"]))
    return {
        "problem": f"{height} x {width}, edges: backward beside forward",
        "ms": back,
        "beside, ms": forth,
        "ratio": back / forth,
    }


def colours() -> Record:
    """Foreground colours, compared with the CPU."""
    cupy, shape = _device.cupy(), FRAMES["1080p"]
    sample = propmat.datasets.synthetic(0, shape)
    image, alpha = cupy.asarray(sample.image), cupy.asarray(sample.alpha)
    spent = milliseconds(lambda: propmat.foreground(image, alpha))
    propmat.foreground(sample.image, sample.alpha)
    start = time.perf_counter()
    propmat.foreground(sample.image, sample.alpha)
    host = 1e3 * (time.perf_counter() - start)
    return {
        "problem": f"{shape[0]} x {shape[1]}, foreground beside the CPU",
        "ms": spent,
        "beside, ms": host,
        "ratio": spent / host,
    }


def bandwidth() -> list[Record]:
    """Products with `PRODUCT` unknown pixels: bytes that must be transferred, and the share of a copy's bandwidth."""
    cupy = _device.cupy()
    numbers = cupy.zeros(COPIED, np.float32)
    copy = 2 * numbers.nbytes / milliseconds(numbers.copy)
    del numbers
    shape = PRODUCT
    unknown = cupy.ones(shape, bool)
    unknown[0] = False
    matrix = GridOperator.from_edges(cupy.ones((shape[0], shape[1] - 1)), cupy.ones((shape[0] - 1, shape[1])), unknown)
    n = matrix.shape[0]
    double = [cupy.zeros(matrix.support.size) for _ in range(2)]
    pixels = Pixels(matrix, SINGLE)
    single = [cupy.zeros(matrix.support.size, np.float32) for _ in range(4)]
    shifts = 5 * 4
    cases = {
        "double precision": ((13 * 8 + shifts + 2 * 8) * n, lambda: matrix.multiply(*double)),
        "a step of the smoother": (
            (13 * 2 + shifts + 5 * 4) * n,
            lambda: pixels.relax(*single[:3], np.float32(0), np.float32(1), single[3]),
        ),
    }
    rows = []
    for name, (moved, call) in cases.items():
        spent = milliseconds(call)
        rows.append(
            {"product": name, "unknown": n, "ms": spent, "GB/s": moved / spent / 1e6, "of a copy": moved / spent / copy}
        )
    return rows


def table(rows: list[Record]) -> str:
    lines = [f"| {' | '.join(rows[0])} |", f"|{' --- |' * len(rows[0])}"]
    lines += [f"| {' | '.join(map(cell, row.values()))} |" for row in rows]
    return "\n".join(lines)


def cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main())
