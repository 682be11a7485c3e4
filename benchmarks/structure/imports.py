"""Imports between the files of a package."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from benchmarks.structure.sources import Source

Graph = dict[str, set[str]]


def imports(sources: list[Source], *, inside_functions: bool) -> Graph:
    """For each module the other modules of the package that it imports.

    ``from package.b import c`` imports the file of ``package.b.c`` if there is one, else that of ``package.b``. Parent
    packages, which Python imports implicitly, are not counted, nor are imports for type checkers only.
    """
    modules = {source.module for source in sources}
    return {
        source.module: set(_imported(source, modules, inside_functions=inside_functions)) - {source.module}
        for source in sources
    }


def _imported(source: Source, modules: set[str], *, inside_functions: bool) -> Iterator[str]:
    for node in _statements(source.tree.body, inside_functions=inside_functions):
        for name in _names(node, source):
            # The longest prefix of the name that is a module; the rest is a name in it.
            parts = name.split(".")
            beginnings = (".".join(parts[:count]) for count in range(len(parts), 0, -1))
            yield from [beginning for beginning in beginnings if beginning in modules][:1]


def _statements(body: Iterable[ast.AST], *, inside_functions: bool) -> Iterator[ast.AST]:
    for node in body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from _statements(node.orelse, inside_functions=inside_functions)
        elif inside_functions or not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield node
            yield from _statements(ast.iter_child_nodes(node), inside_functions=inside_functions)


def _names(node: ast.AST, source: Source) -> list[str]:
    """Full names of what a statement imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    start = node.module or ""
    if node.level:
        parts = source.package.split(".")
        start = ".".join(filter(None, (*parts[: len(parts) - node.level + 1], node.module)))
    return [f"{start}.{alias.name}" for alias in node.names]


def cycles(graph: Graph) -> list[list[str]]:
    """Modules that import each other, in groups."""
    return [group for group in _groups(graph) if len(group) > 1]


def longest_chain(graph: Graph) -> list[str]:
    """The longest sequence of modules each of which imports the next; a cycle counts as one."""
    groups = _groups(graph)
    place = {module: k for k, group in enumerate(groups) for module in group}

    @cache
    def chain(k: int) -> list[str]:
        following = {place[other] for module in groups[k] for other in graph[module]} - {k}
        rest = max((chain(other) for other in sorted(following)), key=len, default=[])
        return [" = ".join(groups[k]), *rest]

    return max((chain(k) for k in range(len(groups))), key=len, default=[])


def _groups(graph: Graph) -> list[list[str]]:
    """Strongly connected components."""
    names = sorted(graph)
    number = {name: k for k, name in enumerate(names)}
    pairs = np.array([(number[a], number[b]) for a in names for b in graph[a]], dtype=int).reshape(-1, 2)
    matrix = csr_array((np.ones(len(pairs)), tuple(pairs.T)), shape=(len(names), len(names)))
    count, labels = connected_components(matrix, connection="strong")
    groups: list[list[str]] = [[] for _ in range(count)]
    for name, label in zip(names, labels, strict=True):
        groups[label].append(name)
    return groups
