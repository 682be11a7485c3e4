"""Results of the suite as a single self-contained HTML page, and as a table in Markdown.

    python -m benchmarks.report [--data DIR] [--results DIR] [--output report.html] [--picture FILE.png]

`--data` is the folder of the photographs that the suite was run on. The page is written to the results folder by
default. It contains the photographs: do not publish it if they may not be passed on. `--picture` draws the first
problem of the rendered scenes, which may be published.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.data import sets
from benchmarks.report.page import page
from benchmarks.report.panels import panels, sheet
from benchmarks.suite import records
from benchmarks.suite.run import OUTPUT
from benchmarks.suite.summary import markdown, summary


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.report", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="photographs; without it, the rendered scenes")
    parser.add_argument("--results", type=Path, default=OUTPUT, help="(%(default)s)")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--picture", type=Path)
    arguments = parser.parse_args()
    found = arguments.results / "results.jsonl"
    if not found.exists():
        parser.error(f"there is no {found}; python -m benchmarks.suite makes it, --results says where it is")
    results = records.read(found)
    if {record["set"] for record in results} != {sets.set_name(arguments.data)}:
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


if __name__ == "__main__":
    main()
