"""The first call of a method where nothing is compiled, and filling the cache with `propmat compile`.

    python -m benchmarks.cold_start [METHOD …] [--rounds N] [--jobs N …]        (Linux, macOS)

Each measurement has processes, and an empty cache, of its own. A first call with NUMBA_NUM_THREADS=1 compiles in its
own process only, one with 2 starts a second process. `wall` is how long the call takes, `main` the processor time of
its process meanwhile, which other work on the machine changes less, `all` that of all processes, their start included.
The image has 240 x 320 pixels, so that nearly all of a first call is compiling; a call after `propmat compile` is shown
for comparison.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from statistics import median

CALL = """
import sys, time
import propmat
sample = propmat.datasets.synthetic(seed=1, shape=(240, 320))
start, processor = time.perf_counter(), time.process_time()
propmat.matte(sys.argv[1], sample.image, sample.trimap)
print(time.perf_counter() - start, time.process_time() - processor)
"""
Times = tuple[float, float, float]  # wall, main, all


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("methods", nargs="*", metavar="METHOD", default=["closed_form"], help="(closed_form)")
    parser.add_argument("--rounds", type=int, default=3, help="of which the median is shown (%(default)s)")
    parser.add_argument("--jobs", type=int, nargs="*", default=[2], help="for propmat compile (2)")
    arguments = parser.parse_args()
    print("| nothing compiled before | wall, s | main, s | all, s |\n| --- | ---: | ---: | ---: |")
    for method in arguments.methods:
        for threads in ("1", "2"):
            show(f"first {method}, {threads} threads", arguments.rounds, call, method, threads)
    for jobs in arguments.jobs:
        show(f"propmat compile --jobs {jobs}", arguments.rounds, filled, ["--jobs", str(jobs)])
        for method in arguments.methods:
            show(f"first {method} after it", arguments.rounds, call_after, method, jobs)


def show(name: str, rounds: int, measure: Callable[..., Times], *given: object) -> None:
    """Print the medians of several rounds of ``measure(*given, cache)``, each with a cache of its own."""
    times = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as cache:
            times.append(measure(*given, cache))
    print(f"| {name} |", " | ".join(f"{median(column):.1f}" for column in zip(*times, strict=True)), "|", flush=True)


def call(method: str, threads: str, cache: str) -> Times:
    """A call in a new process."""
    out, _, processor = run(["-c", CALL, method], {"NUMBA_CACHE_DIR": cache, "NUMBA_NUM_THREADS": threads})
    wall, main_process = map(float, out.split())
    return wall, main_process, processor


def filled(options: list[str], cache: str) -> Times:
    """`propmat compile` with some options."""
    _, wall, processor = run(["-m", "propmat", "compile", *options], {"NUMBA_CACHE_DIR": cache})
    return wall, float("nan"), processor


def call_after(method: str, jobs: int, cache: str) -> Times:
    """A call whose kernels alone were compiled before."""
    filled([method, "--jobs", str(jobs)], cache)
    return call(method, "2", cache)


def run(arguments: list[str], environment: Mapping[str, str]) -> tuple[str, float, float]:
    """The output of Python with some arguments, its wall time, and the processor time of it and its children."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, *arguments]
    done = subprocess.run(command, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True, check=True)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return done.stdout, wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
