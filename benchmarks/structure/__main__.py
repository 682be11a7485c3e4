"""The structure of source code: sizes, branches, annotations, imports and tests.

    python -m benchmarks.structure [--package DIR ...] [--list any chain files matrices] [--json]

One column for each package, propmat unless others are named; its tests are what lies in a folder `tests` inside of it
or beside it. Nothing is imported: the figures are of the syntax.

Methods and nested functions are functions; kernels are those that numba compiles. A body is counted from `def` on,
without the docstring. Branches are conditions, loops, handlers, comprehensions, further operands of `and` and `or`, and
1. Slots are parameters, self left out, and what is returned. A chain of imports goes from file to file by what is
imported when the file is; a cycle counts as one. "matrix checks" are calls of `issparse`, and of `isinstance`,
`getattr` and `hasattr` on what is called matrix, operator, graph or laplacian. `--list` shows where: bare Any by file,
the chain, the long files, these calls.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable
from pathlib import Path

import propmat
from benchmarks.structure.measures import Figure, Package, any_slots, long_files, matrix_checks, measures

LISTS: dict[str, Callable[[Package], Iterable[str]]] = {
    "any": lambda package: (f"{count} {path}" for path, count in any_slots(package).items()),
    "chain": lambda package: package.chain,
    "files": lambda package: (f"{lines} {path}" for path, lines in long_files(package).items()),
    "matrices": matrix_checks,
}


def main() -> None:
    arguments = _arguments()
    packages = {folder.name: Package.read(folder) for folder in arguments.package}
    table = {name: measures(package) for name, package in packages.items()}
    lists = {
        which: {name: list(LISTS[which](package)) for name, package in packages.items()} for which in arguments.list
    }
    if arguments.json:
        print(json.dumps({"measures": table, "lists": lists}, indent=2))
        return
    print(markdown(table))
    for which, of_packages in lists.items():
        for name, lines in of_packages.items():
            print(f"\n{which}, {name}:", *(lines or ["none"]), sep="\n    ")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.structure",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    ours = Path(propmat.__file__).parent
    parser.add_argument("--package", type=Path, nargs="+", default=[ours], metavar="DIR", help="(propmat)")
    parser.add_argument("--list", nargs="+", choices=LISTS, default=["files"], help="(%(default)s)")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    arguments.package = [folder.resolve() for folder in arguments.package]
    for folder in arguments.package:
        if not any(folder.glob("*.py")):
            parser.error(f"--package: there is no package in {folder}")
    return arguments


def markdown(table: dict[str, dict[str, Figure]]) -> str:
    names = list(table)
    lines = [f"| | {' | '.join(names)} |", f"| --- |{' ---: |' * len(names)}"]
    rows = next(iter(table.values()))
    lines += [f"| {row} | {' | '.join(str(table[name][row]) for name in names)} |" for row in rows]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
