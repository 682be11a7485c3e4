"""Results of the suite as one page that needs no network, and as a table in Markdown.

    python -m benchmarks.report [--data DIR] [--results DIR] [--output report.html] [--picture FILE.png]

DIR holds the photographs that the suite was run on, as there. The page stands in the results folder unless told
otherwise. It contains the photographs: keep it to yourself where they are not to be passed on. `--picture` draws
the first problem of the rendered scenes, which may be passed on.
"""

from __future__ import annotations

import argparse
import base64
import html
import io
from pathlib import Path
from statistics import mean
from string import Template

import numpy as np
from PIL import Image

from benchmarks import records, scenes
from benchmarks.panels import Panel, as_image, panels, sheet
from benchmarks.records import METRICS, Record
from benchmarks.suite import OUTPUT
from benchmarks.summary import Row, markdown, number, summary

TEMPLATE = Path(__file__).with_name("report.html")
WIDTH = 320  # of pictures, in pixels
TITLES = {"sad": "SAD", "mse": "MSE × 1000", "gradient": "Gradient", "connectivity": "Connectivity"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="photographs; without it, the rendered scenes")
    parser.add_argument("--results", type=Path, default=OUTPUT, help="(%(default)s)")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--picture", type=Path)
    arguments = parser.parse_args()
    results = records.read(arguments.results / "results.jsonl")
    if {record["set"] for record in results} != {scenes.set_name(arguments.data)}:
        parser.error(f"the results are of {results[0]['set']}; name the pictures they were made of by --data")
    rows = summary(results)
    print(markdown(rows))
    if arguments.picture:
        if arguments.data:
            parser.error("--picture draws rendered scenes only: photographs may not be passed on")
        methods = [row.method for row in rows]
        problem = results[0]["image"], results[0]["trimap"]
        sheet(panels(None, arguments.results, problem, methods)).save(arguments.picture, optimize=True)
    output = arguments.output or arguments.results / "report.html"
    output.write_text(page(results, rows, arguments.data, arguments.results), encoding="utf-8")


def page(results: list[Record], rows: list[Row], data: Path | None, folder: Path) -> str:
    first = results[0]
    problems = list(dict.fromkeys((record["image"], record["trimap"]) for record in results))
    versions = {name: text for record in results for name, text in record["versions"].items()}
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        set=html.escape(first["set"]),
        pictures=len({image for image, _ in problems}),
        trimaps=len({trimap for _, trimap in problems}),
        machine=html.escape(f"{first['machine']}, {first['threads']} thread(s) a matte"),
        versions=html.escape(", ".join(f"{name} {text}" for name, text in versions.items())),
        summary=_summary(rows),
        rankings="".join(_ranking(results, rows, metric) for metric in METRICS),
        strips="".join(_strip(data, folder, problem, results, rows) for problem in problems),
    )


def _summary(rows: list[Row]) -> str:
    """Ranks, means and costs, each with a bar."""
    columns = [("mean rank", 2, [mean(row.ranks.values()) for row in rows])]
    for metric, title in TITLES.items():
        scale = 1000 if metric == "mse" else 1
        values = [row.means[metric] for row in rows]
        columns.append((title, 2, [None if value is None else scale * value for value in values]))
    columns.append(("seconds", 2, [row.seconds for row in rows]))
    columns.append(("memory, MB", 0, [row.memory_mb for row in rows]))
    columns.append(("iterations", 0, [row.iterations for row in rows]))
    columns.append(("failures", 0, [row.failures for row in rows]))
    cells = [
        [_bar(value, max(filter(None, values), default=1), digits) for value in values] for _, digits, values in columns
    ]
    body = zip([row.method for row in rows], *cells, strict=True)
    return _table(["method", *(title for title, _, _ in columns)], body)


def _bar(value: float | None, most: float, digits: int) -> tuple[float | None, str, str]:
    share = 0 if value is None else 100 * value / most
    return value, number(value, digits), f"--share:{share:.1f}%"


def _ranking(results: list[Record], rows: list[Row], metric: str) -> str:
    """The table as alphamatting.com has it: mean ranks, then the error with its rank on every picture."""
    places = records.ranks(results, metric)
    scores = {records.key(record): record[metric] for record in results}
    problems = sorted({place[:2] for place in places})
    trimaps = sorted({trimap for _, trimap in problems})
    scale = 1000 if metric == "mse" else 1

    def mean_rank(method: str, kept: tuple[int, ...]) -> tuple[float | None, str, str]:
        own = [rank for (_, trimap, name), rank in places.items() if name == method and trimap in kept]
        return (mean(own), f"{mean(own):.1f}", "") if own else (None, "–", "")

    def score(method: str, problem: tuple[str, int]) -> tuple[float | None, str, str]:
        if (*problem, method) not in places:
            return None, "–", ""
        value, rank = scores[(*problem, method)], places[(*problem, method)]
        shown = "failed" if value is None else number(scale * value, 1)
        return value, f"{shown}<sup>{rank:g}</sup>", "font-weight:bold" if rank == 1 else ""

    body = [
        [
            row.method,
            mean_rank(row.method, tuple(trimaps)),
            *(mean_rank(row.method, (trimap,)) for trimap in trimaps),
            *(score(row.method, problem) for problem in problems),
        ]
        for row in sorted(rows, key=lambda row: row.ranks[metric])
    ]
    head = ["method", "mean rank", *(f"trimap {n}" for n in trimaps), *(f"{name} · {n}" for name, n in problems)]
    return f'<section class="ranking" data-metric="{TITLES[metric]}"><h3>{TITLES[metric]}</h3>{_table(head, body)}</section>'


def _table(head: list[str], body) -> str:
    """Rows of a name and (value to sort by, text, style)."""
    titles = "".join(f'<th scope="col"><button>{html.escape(title)}</button></th>' for title in head)
    lines = []
    for name, *cells in body:
        texts = (
            f'<td data-value="{"" if value is None else value}" style="{style}">{text}</td>'
            for value, text, style in cells
        )
        lines.append(
            f'<tr><th scope="row" data-value="{html.escape(name)}">{html.escape(name)}</th>{"".join(texts)}</tr>'
        )
    return f'<div class="wide"><table><thead><tr>{titles}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'


def _strip(data: Path | None, folder: Path, problem: tuple[str, int], results: list[Record], rows: list[Row]) -> str:
    scores = {r["method"]: r["sad"] for r in results if (r["image"], r["trimap"]) == problem and r["sad"] is not None}
    methods = [row.method for row in rows if row.method in scores]
    columns = "".join(_column(column, scores) for column in panels(data, folder, problem, methods))
    title = f"{problem[0]}, trimap {problem[1]}"
    best = min(scores, key=scores.__getitem__, default="none")
    return f"<details><summary>{html.escape(title)} <small>least SAD: {best}</small></summary><div class=strip>{columns}</div></details>"


def _column(column: Panel, scores: dict[str, float]) -> str:
    caption = html.escape(column.title)
    if column.title in scores:
        caption += f" <small>SAD {scores[column.title]:.2f}</small>"
    legend = '<p class="legend">Error maps: <b class="red">too opaque</b>, <b class="blue">too transparent</b>, full colour from 0.5; grey is known.</p>'
    height, width = column.whole.shape[:2]
    ratio = f'style="aspect-ratio:{width}/{height}"'
    below = _picture(column.below, f"{column.title}: error") if column.below is not None else legend
    return (
        f"<figure><figcaption>{caption}</figcaption>{_picture(column.whole, column.title)}"
        f"<div {ratio}>{below}</div>{_picture(column.patch, f'{column.title}: patch')}</figure>"
    )


def _picture(pixels: np.ndarray, words: str) -> str:
    picture = as_image(pixels)
    near = max(picture.size) <= WIDTH // 2
    picture.thumbnail((WIDTH, 2 * WIDTH), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=80)
    code = base64.b64encode(buffer.getvalue()).decode()
    kind = ' class="near"' if near else ""
    return f'<img{kind} alt="{html.escape(words)}" src="data:image/webp;base64,{code}">'


if __name__ == "__main__":
    main()
