"""The measures of a package that the command prints."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.structure.functions import Function, functions_of, name_of
from benchmarks.structure.imports import Graph, cycles, imports, longest_chain
from benchmarks.structure.sources import Source, package_sources, tests_of

LONG_FILE, LONG_BODY = 250, 50  # lines
KERNEL_FOLDERS = ("_cpu", "_gpu")  # typed by their compilers
OPERATOR_FOLDERS = ("_operators",)  # folders in which code may check the kind of a matrix
MATRIX_NAMES = ("matrix", "operator", "graph", "laplacian")
Figure = int | float | str


class Package(NamedTuple):
    """The files of a package, its functions, and the files of its tests."""

    sources: list[Source]
    functions: list[Function]
    tests: list[Source]

    @classmethod
    def read(cls, folder: Path) -> Package:
        sources = package_sources(folder)
        return cls(sources, [function for source in sources for function in functions_of(source)], tests_of(folder))

    def imports(self, *, inside_functions: bool = False) -> Graph:
        return imports(self.sources, inside_functions=inside_functions)

    @property
    def typed(self) -> list[Function]:
        """The functions that should be annotated: all but kernels."""
        return [function for function in self.functions if not function.source.within(KERNEL_FOLDERS)]

    @property
    def chain(self) -> list[str]:
        """The longest chain of imports at module level."""
        return longest_chain(self.imports())


def measures(package: Package) -> dict[str, Figure]:
    """The rows of the table; several related figures are one string."""
    return _of_files(package) | _of_functions(package) | _of_types(package) | _of_imports(package) | _of_tests(package)


def _of_files(package: Package) -> dict[str, Figure]:
    lines = [source.lines for source in package.sources]
    return {
        "files": len(lines),
        "lines": sum(lines),
        "lines per file: median, p90, max": _spread(lines),
        f"files over {LONG_FILE} lines": len(long_files(package)),
    }


def _of_functions(package: Package) -> dict[str, Figure]:
    functions = package.functions
    plain = [function for function in functions if not function.is_kernel]
    return {
        "functions per file": round(len(functions) / max(len(package.sources), 1), 1),
        "function length with docstring, mean": round(_mean(function.length for function in functions), 1),
        "body: median, p90, max, kernels out": _spread([function.body for function in plain]),
        "body: median, p90, max, kernels in": _spread([function.body for function in functions]),
        f"bodies over {LONG_BODY} lines": _share(functions, lambda function: function.body > LONG_BODY),
        "branches: mean, p90, kernels out": _mean_and([function.branches for function in plain], 90),
        "branches: mean, p90, kernels in": _mean_and([function.branches for function in functions], 90),
        "arguments: mean, max, kernels out": _mean_and([len(function.parameters) for function in plain], 100),
    }


def _of_types(package: Package) -> dict[str, Figure]:
    typed = package.typed
    slots = sum(len(function.slots) for function in typed)
    return {
        "arguments: mean, max, kernel folders out": _mean_and([len(function.parameters) for function in typed], 100),
        "fully annotated": _share(package.functions, lambda function: function.is_annotated),
        "fully annotated, kernel folders out": _share(typed, lambda function: function.is_annotated),
        "slots that are bare Any, kernel folders out": f"{sum(any_slots(package).values())} of {slots}",
    }


def _of_imports(package: Package) -> dict[str, Figure]:
    return {
        "star imports": _count(package.sources, _is_star_import),
        "prints": _count(package.sources, _is_print),
        "import cycles": len(cycles(package.imports())),
        "longest chain of imports": len(package.chain),
        "longest chain, imports inside functions too": len(longest_chain(package.imports(inside_functions=True))),
        "matrix checks outside of _operators": len(list(matrix_checks(package))),
    }


def _of_tests(package: Package) -> dict[str, Figure]:
    lines, own = (sum(source.lines for source in sources) for sources in (package.tests, package.sources))
    functions = [f for source in package.tests for f in functions_of(source) if f.node.name.startswith("test")]
    marks = [decorator for function in functions for decorator in function.node.decorator_list]
    return {
        "test lines per source line": round(lines / max(own, 1), 2),
        "test functions": len(functions),
        "parametrize marks": sum(len(_calls(mark, ("parametrize",))) for mark in marks),
        "tests that expect an error": sum(bool(_calls(function.node, ("raises",))) for function in functions),
    }


def long_files(package: Package) -> dict[str, int]:
    """Files over `LONG_FILE` lines with their lines, the longest first."""
    found = {str(source.path): source.lines for source in package.sources if source.lines > LONG_FILE}
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def any_slots(package: Package) -> dict[str, int]:
    """Parameters and returns that are bare `Any`, by file, the most first."""
    counts: Counter[str] = Counter()
    for function in package.typed:
        counts[str(function.source.path)] += function.any_slots
    return {path: count for path, count in counts.most_common() if count}


def matrix_checks(package: Package) -> Iterator[str]:
    """Calls that check the kind of a matrix: path, line and call.

    These are every ``issparse``, and ``isinstance``, ``getattr`` and ``hasattr`` whose first argument is a variable or
    an attribute with a name in `MATRIX_NAMES`.
    """
    for source in package.sources:
        if not source.within(OPERATOR_FOLDERS):
            for call in _calls(source.tree, ("issparse", "isinstance", "getattr", "hasattr")):
                if name_of(call) == "issparse" or (call.args and name_of(call.args[0]) in MATRIX_NAMES):
                    yield f"{source.path}:{call.lineno} {ast.unparse(call)}"


def _calls(tree: ast.AST, names: tuple[str, ...]) -> list[ast.Call]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call) and name_of(node.func) in names]


def _is_star_import(node: ast.AST) -> bool:
    return isinstance(node, ast.ImportFrom) and node.names[0].name == "*"


def _is_print(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"


def _count(sources: list[Source], wanted: Callable[[ast.AST], bool]) -> int:
    return sum(wanted(node) for source in sources for node in ast.walk(source.tree))


def _share(functions: list[Function], wanted: Callable[[Function], bool]) -> str:
    return f"{100 * _mean(wanted(function) for function in functions):.1f} %"


def _spread(values: list[int]) -> str:
    return ", ".join(f"{np.percentile(values or [0], rank):.0f}" for rank in (50, 90, 100))


def _mean_and(values: list[int], rank: int) -> str:
    return f"{_mean(values):.1f}, {np.percentile(values or [0], rank):.0f}"


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values) or [0]))
