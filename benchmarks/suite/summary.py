"""A summary of results by method."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import mean, median
from typing import NamedTuple

from benchmarks.suite import records
from benchmarks.suite.records import METRICS, Record


class Row(NamedTuple):
    """The means of one method over its pictures and trimaps."""

    method: str
    results: int
    failures: int
    ranks: dict[str, float]
    """Mean place among the methods, by metric, as alphamatting.com ranks: on each picture first, then the mean."""
    means: dict[str, float | None]
    seconds: float | None
    cpu_seconds: float | None
    memory_mb: float | None
    iterations: float | None


def summary(results: list[Record]) -> list[Row]:
    """A row for every method, sorted by the mean rank over all metrics."""
    places = {metric: records.ranks(results, metric) for metric in METRICS}
    methods = dict.fromkeys(record["method"] for record in results)
    rows = [_row([r for r in results if r["method"] == method], places) for method in methods]
    return sorted(rows, key=lambda row: mean(row.ranks.values()))


def _row(own: list[Record], places: dict[str, dict[records.Key, float]]) -> Row:
    return Row(
        own[0]["method"],
        len(own),
        sum("error" in record for record in own),
        {metric: mean(places[metric][records.key(record)] for record in own) for metric in METRICS},
        {metric: _of(mean, own, metric) for metric in METRICS},
        _of(median, own, "seconds"),
        _of(median, own, "cpu_seconds"),
        _of(median, own, "memory_mb"),
        _of(median, own, "iterations"),
    )


def _of(statistic, own: Iterable[Record], quantity: str) -> float | None:
    values = [record[quantity] for record in own if record[quantity] is not None]
    return statistic(values) if values else None


def markdown(rows: list[Row]) -> str:
    """The table in docs/benchmarks.md."""
    lines = [
        "| method | mean rank | SAD | MSE x 1000 | gradient | connectivity | CPU, s | memory, MB |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        sad, mse, gradient, connectivity = (row.means[metric] for metric in METRICS)
        cells = [
            row.method,
            f"{mean(row.ranks.values()):.1f}",
            number(sad, 2),
            number(None if mse is None else 1000 * mse, 1),
            number(gradient, 2),
            number(connectivity, 2),
            number(row.cpu_seconds, 2),
            number(row.memory_mb, 0),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"
