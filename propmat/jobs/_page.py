"""The status of jobs as text, and as a page of HTML that needs nothing else."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from propmat.jobs._status import Status, duration

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 60em; color: #222; padding: 0 1em }
table { border-collapse: collapse; margin: 1em 0 }
td, th { padding: .2em 1em .2em 0; text-align: left; vertical-align: top }
.bar { display: flex; height: 1em; background: #ddd } .done { background: #3a7d44 } .failed { background: #c44536 }
@media (prefers-color-scheme: dark) { body { background: #181818; color: #ddd } .bar { background: #444 } }
"""

Row = tuple[str, str]


def text(jobs: Iterable[Status]) -> str:
    """Lines for a terminal."""
    return "\n\n".join("\n".join(_lines(told)) for told in jobs)


def page(jobs: Sequence[Status]) -> str:
    """A page of HTML."""
    body = "".join(_section(told) for told in jobs)
    when = time.strftime("%Y-%m-%d %H:%M:%S")
    return (
        f'<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>propmat batch</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
        f"<h1>propmat batch</h1><p>{when}</p>{body}</html>\n"
    )


def _lines(told: Status) -> Iterator[str]:
    yield from (f"{name:<12} {value}" for name, value in _counts(told))
    for error, kind in sorted(told.failures.items(), key=lambda pair: -pair[1].count):
        yield f"{error:<12} {kind.count}"
        yield from (f"             {name}: {message}" for name, message in kind.examples)
    if told.worst:
        yield "worst        " + ", ".join(f"{name}, an error of {error:.1e}" for name, error in told.worst[:3])


def _counts(told: Status) -> list[Row]:
    what = ", ".join(str(value) for value in told.configuration.values())
    rows = [("job", f"{what}, records in {told.place}"), ("done", f"{told.done} of {told.items}")]
    if told.failed or told.killed:
        rows.append(("failed", f"{told.failed}, and {told.killed} at which the process died"))
    if told.at_work:
        rows.append(("begun", f"{told.at_work} at work, or left by a process that died"))
    if told.unconverged:
        rows.append(("unconverged", str(told.unconverged)))
    if told.odd:
        rows.append(("odd trimaps", str(told.odd)))
    if told.rate:
        rows.append(("rate", f"{told.rate:.3g} a second, {duration(told.seconds)} of work in all"))
    if told.left and told.seconds_left is not None:
        rows.append(("left", f"{told.left}, {duration(told.seconds_left)} at this rate"))
    if len(told.versions) > 1:
        rows.append(("versions", ", ".join(f"{name}: {count}" for name, count in told.versions.most_common())))
    return rows


def _section(told: Status) -> str:
    of = max(1, told.items)
    failed = told.failed + told.killed
    bar = (
        f'<div class="bar"><div class="done" style="width:{100 * told.done / of:.2f}%"></div>'
        f'<div class="failed" style="width:{100 * failed / of:.2f}%"></div></div>'
    )
    failures = [
        (f"{error} ({kind.count})", f"{name}: {message}")
        for error, kind in sorted(told.failures.items(), key=lambda pair: -pair[1].count)
        for name, message in kind.examples
    ]
    worst = [(name, f"{error:.2e}") for name, error in told.worst]
    return (
        f"<section>{bar}{_table(_counts(told))}"
        f"{_titled('Failures', failures)}{_titled('Largest estimated errors of alpha', worst)}</section>"
    )


def _titled(title: str, rows: Sequence[Row]) -> str:
    return f"<h2>{title}</h2>{_table(rows)}" if rows else ""


def _table(rows: Iterable[Row]) -> str:
    cells = (f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows)
    return f"<table>{''.join(cells)}</table>"
