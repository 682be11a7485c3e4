"""The tables and the figure of the page of benchmarks, from `benchmarks/results`."""

from __future__ import annotations

import io
from pathlib import Path

from public_names import write_if_new
from sphinx.application import Sphinx

from benchmarks.suite import records, summary

RESULTS = Path(records.__file__).parents[1] / "results"


def section(path: Path, figure: str) -> str:
    """One release: on what machine, when, of which pictures; the table; the figure."""
    results = records.read(path)
    rows = summary.summary(results)
    return "\n".join(
        [
            f"### propmat {path.stem}",
            "",
            _conditions(results),
            "",
            f"![Mean error against processor time, for each method of propmat {path.stem}]({figure})",
            "",
            summary.markdown(rows),
            "",
        ]
    )


def _conditions(results: list[records.Record]) -> str:
    pictures = {record["image"] for record in results}
    trimaps = {record["trimap"] for record in results}
    versions = {f"{name} {number}" for record in results for name, number in record["versions"].items()}
    facts = {
        "pictures": f"{_all(results, 'set')}, {len(pictures)} photographs, {len(trimaps)} trimaps each",
        "machine": f"{_all(results, 'machine')}, {_all(results, 'threads')} threads a matte",
        "date": _dates(results),
        "versions": ", ".join(sorted(versions)),
    }
    return "\n".join(f"- {name}: {value}" for name, value in facts.items())


def _all(results: list[records.Record], field: str) -> str:
    return ", ".join(sorted({str(record[field]) for record in results}))


def _dates(results: list[records.Record]) -> str:
    dates = sorted({record["date"] for record in results if record.get("date")})
    return " to ".join(dict.fromkeys((dates[0], dates[-1]))) if dates else "not recorded"


def figure(path: Path) -> str:
    """SAD against processor time as SVG; the same results give the same file."""
    import matplotlib
    from matplotlib.figure import Figure

    rows = [row for row in summary.summary(records.read(path)) if row.cpu_seconds and row.means["sad"]]
    with matplotlib.rc_context({"svg.hashsalt": "propmat", "font.size": 9, "svg.fonttype": "path"}):
        drawn = Figure(figsize=(7, 3.6), layout="constrained", facecolor="white")
        axes = drawn.add_subplot(xscale="log", xlabel="processor time of a matte, median, s", ylabel="mean SAD")
        for row in rows:
            axes.plot(row.cpu_seconds, row.means["sad"], "o", color="#0b6b4a")
            below = any(_close_above(other, row) for other in rows)
            place = {"xytext": (6, -9 if below else 3), "textcoords": "offset points"}
            axes.annotate(row.method, (row.cpu_seconds, row.means["sad"]), **place)
        for axis in (axes.xaxis.set_major_formatter, axes.xaxis.set_minor_formatter):
            axis("{x:g}")
        axes.margins(x=0.22, y=0.12)
        axes.spines[["top", "right"]].set_visible(False)
        text = io.StringIO()
        drawn.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()


def _close_above(one: summary.Row, other: summary.Row) -> bool:
    """Whether their names, written beside their points, would overlap, and one is the upper one."""
    return 0 < one.means["sad"] - other.means["sad"] < 0.4 and 0.4 < one.cpu_seconds / other.cpu_seconds < 2.5


def write(app: Sphinx) -> None:
    folder = Path(app.srcdir, "_generated")
    sections = []
    for path in sorted(RESULTS.glob("*.jsonl"), reverse=True):
        write_if_new(folder / f"{path.stem}.svg", figure(path))
        sections.append(section(path, f"_generated/{path.stem}.svg"))
    write_if_new(folder / "results.inc", "\n".join(sections))


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
