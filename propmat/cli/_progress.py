"""Progress of a solve, of downloads and of compiling, on terminals only, of a job, and of a clip."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from propmat.cli._process import say
from propmat.datasets._download import Progress
from propmat.jobs._run import Progress as JobProgress
from propmat.jobs._run import Summary
from propmat.jobs._status import duration
from propmat.video._shot import Progress as FrameProgress

_SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def solving(in_steps: bool = False, rtol: float = 1e-6) -> Iterator[Callable[[int, float], None] | None]:
    """Give a callback that shows how far a solve or the steps of a network are, or None if there is no terminal.

    Of a solve: how far the residual has fallen towards `rtol`. It falls by a fairly constant factor per iteration, so
    that the bar counts decimal digits. It appears with the first iteration: the time before it, in which kernels may be
    compiled, reduces no residual. Of steps: the share that is done.
    """
    if not _on_a_terminal():
        yield None
        return
    from tqdm import tqdm

    total = 1.0 if in_steps else -math.log10(rtol)
    layout = "{desc} {percentage:3.0f}% |{bar}| {elapsed}{postfix}"
    bars: list[Any] = []

    def show(number: int, left: float) -> None:
        reached = 1 - left if in_steps else min(total, max(0.0, -math.log10(max(left, rtol))))
        if not bars:
            options = {"desc": "steps" if in_steps else "solving", "bar_format": layout}
            bars.append(tqdm(total=total, initial=reached, leave=False, file=sys.stderr, **options))
        bar = bars[0]
        told = f"step {number}" if in_steps else f"iteration {number}, residual {left:.1e}"
        bar.set_postfix_str(told, refresh=False)
        bar.update(max(0.0, reached - bar.n))

    try:
        yield show
    finally:
        for bar in bars:
            bar.close()


@contextmanager
def compiling(seconds: float) -> Iterator[Callable[[float], None]]:
    """Give a callback for the share of the `seconds` of work that one more kernel was."""
    if not _on_a_terminal():
        yield lambda share: None
        return
    from tqdm import tqdm

    layout = "{desc} {percentage:3.0f}% |{bar}| {elapsed}"
    with tqdm(desc="compiling", total=seconds, bar_format=layout, leave=False, file=sys.stderr) as bar:
        yield bar.update


@contextmanager
def downloading() -> Iterator[Progress | None]:
    """Give a callback (file name, bytes so far, bytes in all) with a bar per file, or None without a terminal."""
    if not _on_a_terminal():
        yield None
        return
    from tqdm import tqdm

    bars: dict[str, Any] = {}

    def show(name: str, done: int, total: int | None) -> None:
        if name not in bars:
            bars[name] = tqdm(desc=name, total=total, unit="B", unit_scale=True, file=sys.stderr)
        bars[name].update(done - bars[name].n)

    try:
        yield show
    finally:
        for bar in bars.values():
            bar.close()


@contextmanager
def working() -> Iterator[JobProgress]:
    """Give a callback that shows how far a job is: a bar, or without a terminal a line now and then."""
    if not _on_a_terminal():
        yield _Lines().show
        return
    from tqdm import tqdm

    bars: list[Any] = []

    def show(summary: Summary) -> None:
        if not bars:
            bars.append(tqdm(total=summary.total, initial=summary.done_before, unit="image", file=sys.stderr))
        failed = summary.failed + summary.killed
        bars[0].set_postfix_str(f"{failed} failed" if failed else "", refresh=False)
        bars[0].update(summary.done_before + summary.done + failed - bars[0].n)

    try:
        yield show
    finally:
        for bar in bars:
            bar.close()


@contextmanager
def frames_bar() -> Iterator[Callable[[FrameProgress], None]]:
    """Give a callback that shows how far a clip is: a bar for each stage, or without a terminal a line now and then."""
    if not _on_a_terminal():
        yield _FrameLines().show
        return
    from tqdm import tqdm

    bars: dict[str, Any] = {}

    def show(progress: FrameProgress) -> None:
        if progress.stage not in bars:
            first = progress.done - progress.now
            options = {"desc": progress.stage, "unit": "frame", "file": sys.stderr, "leave": False}
            bars[progress.stage] = tqdm(total=progress.total, initial=first, **options)
        bars[progress.stage].update(progress.done - bars[progress.stage].n)

    try:
        yield show
    finally:
        for bar in bars.values():
            bar.close()


class _FrameLines:
    """Lines about a clip: how many frames are done, and the rate."""

    def __init__(self) -> None:
        self._told = time.monotonic()

    def show(self, progress: FrameProgress) -> None:
        if time.monotonic() < self._told + _SECONDS_BETWEEN_LINES or not progress.now:
            return
        self._told = time.monotonic()
        rate = progress.now / max(progress.seconds, 1e-9)
        say(f"{progress.stage}: {progress.done} of {progress.total} frames, {rate:.3g} frames a second")


class _Lines:
    """Lines about a job: how many are done, the rate, and the time left."""

    def __init__(self) -> None:
        self._start = self._told = time.monotonic()

    def show(self, summary: Summary) -> None:
        ended, now = summary.done + summary.failed + summary.killed, time.monotonic()
        if not ended or now < self._told + _SECONDS_BETWEEN_LINES:
            return
        self._told = now
        rate = ended / (now - self._start)
        left = summary.total - summary.done_before - summary.failed_before - ended
        failed = summary.failed + summary.killed
        say(
            f"{summary.done_before + summary.done} of {summary.total} done, {failed} failed, {rate:.3g} a second, "
            f"{duration(left / rate)} left"
        )


def _on_a_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()
