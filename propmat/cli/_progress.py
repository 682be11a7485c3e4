"""A progress bar for a solve, on terminals only."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from propmat.datasets._download import Progress


@contextmanager
def solving(rtol: float = 1e-6) -> Iterator[Callable[[int, float], None] | None]:
    """Give a callback that shows how far the residual has fallen towards `rtol`, or None if there is no terminal.

    A residual falls by a fairly constant factor per iteration, so that the bar counts decimal digits. It appears with
    the first iteration: the time before it, in which kernels may be compiled, reduces no residual.
    """
    if not _on_a_terminal():
        yield None
        return
    from tqdm import tqdm

    digits = -math.log10(rtol)
    layout = "{desc} {percentage:3.0f}% |{bar}| {elapsed}{postfix}"
    bars: list[Any] = []

    def show(iteration: int, residual: float) -> None:
        reached = min(digits, max(0.0, -math.log10(max(residual, rtol))))
        if not bars:
            options = {"desc": "solving", "bar_format": layout, "leave": False, "file": sys.stderr}
            bars.append(tqdm(total=digits, initial=reached, **options))
        bar = bars[0]
        bar.set_postfix_str(f"iteration {iteration}, residual {residual:.1e}", refresh=False)
        bar.update(max(0.0, reached - bar.n))

    try:
        yield show
    finally:
        for bar in bars:
            bar.close()


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


def _on_a_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()
