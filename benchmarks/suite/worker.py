"""One method on one picture: its matte in a file, and the record of its errors, time and memory."""

from __future__ import annotations

import ctypes
import gc
import os
import platform
import time
from contextlib import suppress
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import propmat
from benchmarks.data import sets
from benchmarks.measuring import memory
from benchmarks.suite import contestants, records
from propmat.datasets import Sample


def result(data: Path | None, output: Path, task: records.Key) -> records.Record:
    """The record of one method on one picture, or of its failure; the matte is written to a file."""
    try:
        return scored(data, output, task)
    except Exception as error:  # any error: the failure of a method is a result
        facts = setting(data, propmat.get_num_threads(), task)
        return failure(facts, f"{type(error).__name__}: {error}")


def scored(data: Path | None, output: Path, task: records.Key) -> records.Record:
    """The record of one method on one picture; the matte is written to a file."""
    image, trimap, method = task
    facts = setting(data, propmat.get_num_threads(), task)
    sample = sets.read_sample(data, image, trimap)
    _warm_up(method)
    matte, measured = run(contestants.everyone()[method], sample)
    path = matte_path(output, *task)
    path.parent.mkdir(parents=True, exist_ok=True)
    propmat.io.write_image(path, matte)
    scores = propmat.metrics.evaluate(matte, sample.alpha, sample.trimap)
    return facts | measured | {name: float(f"{score:.7g}") for name, score in scores.items()}


def setting(data: Path | None, threads: int, task: records.Key) -> records.Record:
    """The fields of a record that identify it: problem, method, versions and machine."""
    image, trimap, method = task
    facts = {"image": image, "trimap": trimap, "method": method, "set": sets.set_name(data)}
    versions = contestants.everyone()[method].versions
    return facts | {"versions": versions, "machine": machine(), "threads": threads}


def failure(facts: records.Record, message: str) -> records.Record:
    nothing = dict.fromkeys((*records.MEASURED, "iterations", "residual", *records.METRICS))
    return facts | nothing | {"error": message}


def matte_path(output: Path, image: str, trimap: int, method: str) -> Path:
    return output / "mattes" / method / f"trimap{trimap}" / f"{image}.png"


def run(method: contestants.Method, sample: Sample) -> tuple[np.ndarray, dict[str, Any]]:
    """The matte in 8 bits, as for published numbers, and its cost."""
    labels = propmat.Trimap.parse(sample.trimap)
    before = _resident()
    start, cpu_start = time.perf_counter(), time.process_time()
    outcome = method.run(sample.image, labels)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    above = None if before is None else round(memory.peak() - before)
    if not np.isfinite(outcome.alpha).all():
        raise ArithmeticError(f"{np.count_nonzero(~np.isfinite(outcome.alpha))} pixels are not finite")
    # Methods with soft constraints have values near the labels on known pixels; these are set to the labels.
    alpha = np.where(labels.known, labels.labels, outcome.alpha.clip(0, 1))
    residual = None if outcome.residual is None else float(f"{outcome.residual:.2g}")
    measured = {
        "date": date.today().isoformat(),
        "seconds": round(seconds, 3),
        "cpu_seconds": round(cpu_seconds, 3),
        "memory_mb": above,
        "iterations": outcome.iterations,
        "residual": residual,
    }
    return np.rint(255 * alpha).astype(np.uint8), measured


def _resident() -> float | None:
    """MB in use now, which is subtracted from the peak; None if the system does not report it."""
    if platform.system() != "Linux":
        return None
    gc.collect()
    # Memory freed by earlier calls would otherwise be reused without raising the peak.
    with suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    memory.forget_peak()
    return memory.peak()


@cache
def _warm_up(method: str) -> None:
    """Compile and load what is needed, before times are taken."""
    scene = propmat.datasets.synthetic(0, (240, 320))
    contestants.everyone()[method].run(scene.image, propmat.Trimap.parse(scene.trimap))


@cache
def machine() -> str:
    """The class of the machine: processor and cores."""
    model = platform.machine()
    if platform.system() == "Linux":
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), model)
    return f"{model}, {os.cpu_count()} cores"
