"""The structure of source code: sizes, branches, annotations, imports and tests.

    python -m benchmarks.structure [--package DIR ...] [--list any chain files matrices] [--json]

One column for each package, by default propmat; its tests are those in a folder `tests` inside of the package or beside
it. The analysis is static: nothing is imported.

Methods and nested functions count as functions; kernels are functions compiled by numba. A body includes the `def`
line, not the docstring. The number of branches is 1 plus the numbers of conditions, loops, handlers, comprehensions,
and further operands of `and` and `or`. Slots are annotations of parameters, without self, and of the return value. A
chain of imports is a sequence of files each of which imports the next at module level; a cycle counts as one file.
"matrix checks" are calls of `issparse`, and of `isinstance`, `getattr` and `hasattr` on names such as matrix, operator,
graph or laplacian. `--list` shows the places: bare Any by file, the chain, the long files, these calls.
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
