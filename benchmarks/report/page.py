"""The page: sortable tables, and embedded pictures."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import mean
from string import Template
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.report.panels import Panel, as_image, panels
from benchmarks.suite import records
from benchmarks.suite.records import METRICS, Record
from benchmarks.suite.summary import Row, number

TEMPLATE = Path(__file__).with_name("page.html")
WIDTH = 320  # of pictures, in pixels

Cell = tuple[float | None, str, str]  # sort key, text and style
MISSING: Cell = (None, "–", "")
TITLES = {"sad": "SAD", "mse": "MSE × 1000", "gradient": "Gradient", "connectivity": "Connectivity"}


def page(results: list[Record], rows: list[Row], data: Path | None, folder: Path) -> str:
    first = results[0]
    problems = list(dict.fromkeys((record["image"], record["trimap"]) for record in results))
    versions = {name: text for record in results for name, text in record["versions"].items()}
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        set=html.escape(first["set"]),
        pictures=len({image for image, _ in problems}),
        trimaps=len({trimap for _, trimap in problems}),
        machine=html.escape(f"{first['machine']}, {first['threads']} threads a matte"),
        versions=html.escape(", ".join(f"{name} {text}" for name, text in versions.items())),
        summary=_summary(rows),
        rankings="".join(_ranking(results, rows, metric) for metric in METRICS),
        strips="".join(_strip(data, folder, problem, results, rows) for problem in problems),
    )


def _summary(rows: list[Row]) -> str:
    """Ranks, means and costs, each with a bar."""
    columns = {"mean rank": _bars([mean(row.ranks.values()) for row in rows], 2)}
    for metric, title in TITLES.items():
        columns[title] = _bars([_scaled(metric, row.means[metric]) for row in rows], 2)
    columns["seconds"] = _bars([row.seconds for row in rows], 2)
    columns["CPU seconds"] = _bars([row.cpu_seconds for row in rows], 2)
    columns["memory, MB"] = _bars([row.memory_mb for row in rows], 0)
    columns["iterations"] = _bars([row.iterations for row in rows], 0)
    columns["results"] = [(row.results, str(row.results), "") for row in rows]
    columns["failures"] = _bars([row.failures for row in rows], 0)
    return _table(["method", *columns], zip([row.method for row in rows], *columns.values(), strict=True))


def _bars(values: Sequence[float | None], digits: int) -> list[Cell]:
    """Cells of one column, each with a bar as long as its share of the largest."""
    most = max(filter(None, values), default=1)
    return [(value, number(value, digits), f"--share:{100 * (value or 0) / most:.1f}%") for value in values]


def _ranking(results: list[Record], rows: list[Row], metric: str) -> str:
    """The table as alphamatting.com has it: mean ranks, then the error with its rank on every picture."""
    places = records.ranks(results, metric)
    scores = {records.key(record): _scaled(metric, record[metric]) for record in results}
    problems = sorted({key[:2] for key in places})
    trimaps = sorted({trimap for _, trimap in problems})

    def mean_rank(method: str, kept: list[int]) -> Cell:
        own = [rank for (_, trimap, name), rank in places.items() if name == method and trimap in kept]
        return (mean(own), f"{mean(own):.1f}", "") if own else MISSING

    def score(method: str, problem: tuple[str, int]) -> Cell:
        if (*problem, method) not in places:
            return MISSING
        value, rank = scores[(*problem, method)], places[(*problem, method)]
        shown = "failed" if value is None else number(value, 2)
        return value, f"{shown}<sup>{rank:g}</sup>", "font-weight:bold" if rank == 1 else ""

    body = []
    for row in sorted(rows, key=lambda row: row.ranks[metric]):
        means = (mean_rank(row.method, kept) for kept in (trimaps, *([trimap] for trimap in trimaps)))
        body.append((row.method, *means, *(score(row.method, problem) for problem in problems)))
    head = ["method", "mean rank", *(f"trimap {n}" for n in trimaps), *(f"{name} · {n}" for name, n in problems)]
    title = TITLES[metric]
    return f'<section class="ranking" data-metric="{title}"><h3>{title}</h3>{_table(head, body)}</section>'


def _scaled(metric: str, value: float | None) -> float | None:
    return 1000 * value if metric == "mse" and value is not None else value


def _table(head: list[str], body: Iterable[Sequence[Any]]) -> str:
    """A table of rows, each a name and cells."""
    titles = "".join(f'<th scope="col"><button>{html.escape(title)}</button></th>' for title in head)
    lines = []
    for name, *cells in body:
        first = f'<th scope="row" data-value="{html.escape(name)}">{html.escape(name)}</th>'
        lines.append(f"<tr>{first}{''.join(_td(*cell) for cell in cells)}</tr>")
    return f'<div class="wide"><table><thead><tr>{titles}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'


def _td(value: float | None, text: str, style: str) -> str:
    return f'<td data-value="{"" if value is None else value}" style="{style}">{text}</td>'


def _strip(data: Path | None, folder: Path, problem: tuple[str, int], results: list[Record], rows: list[Row]) -> str:
    """The pictures of one problem, the best method first."""
    scores = {r["method"]: r["sad"] for r in results if (r["image"], r["trimap"]) == problem and r["sad"] is not None}
    methods = [row.method for row in rows if row.method in scores]
    columns = "".join(_column(column, scores) for column in panels(data, folder, problem, methods))
    best = min(scores, key=scores.__getitem__, default="none")
    title = f"{html.escape(problem[0])}, trimap {problem[1]} <small>least SAD: {best}</small>"
    return f'<details><summary>{title}</summary><div class="strip">{columns}</div></details>'


def _column(column: Panel, scores: dict[str, float]) -> str:
    caption = html.escape(column.title)
    if column.title in scores:
        caption += f" <small>SAD {scores[column.title]:.2f}</small>"
    height, width = column.whole.shape[:2]
    below = f'<div style="aspect-ratio:{width}/{height}"></div>'
    if column.below is not None:
        below = _picture(column.below, f"{column.title}, below")
    whole, near = _picture(column.whole, column.title), _picture(column.patch, f"{column.title}, patch")
    return f"<figure><figcaption>{caption}</figcaption>{whole}{below}{near}</figure>"


def _picture(pixels: np.ndarray, words: str) -> str:
    picture = as_image(pixels)
    near = picture.width < WIDTH
    picture.thumbnail((WIDTH, 2 * WIDTH), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=80)
    code = base64.b64encode(buffer.getvalue()).decode()
    kind = ' class="near"' if near else ""
    return f'<img{kind} alt="{html.escape(words)}" src="data:image/webp;base64,{code}">'
