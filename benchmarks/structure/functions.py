"""Functions and methods, nested ones too: their size, branches, arguments and annotations."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.structure.sources import Source

# Decorators that compile a function as a kernel: those of numba, and propmat's own.
COMPILERS = ("compiled", "over_chunks", "jit", "njit")
BRANCHES = (
    ast.If,
    ast.IfExp,
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.ExceptHandler,
    ast.comprehension,
    ast.match_case,
)


@dataclass(frozen=True, eq=False)
class Function:
    """A function, method or nested function."""

    source: Source
    node: ast.FunctionDef | ast.AsyncFunctionDef

    @property
    def length(self) -> int:
        """Lines from `def` to the end, docstring included, decorators not."""
        return _lines(self.node)

    @property
    def body(self) -> int:
        """Lines from `def` to the end without the docstring."""
        first = self.node.body[0]
        has_docstring = ast.get_docstring(self.node, clean=False) is not None
        return self.length - (_lines(first) if has_docstring else 0)

    @property
    def branches(self) -> int:
        """1, and 1 for each condition, loop, handler, comprehension, and further operand of ``and`` and ``or``."""
        nodes = list(ast.walk(self.node))
        operands = sum(len(node.values) - 1 for node in nodes if isinstance(node, ast.BoolOp))
        return 1 + sum(isinstance(node, BRANCHES) for node in nodes) + operands

    @property
    def parameters(self) -> list[ast.arg]:
        """All but self and cls."""
        given = self.node.args
        stars = [star for star in (given.vararg, given.kwarg) if star]
        return [p for p in (*given.posonlyargs, *given.args, *given.kwonlyargs, *stars) if p.arg not in ("self", "cls")]

    @property
    def slots(self) -> list[ast.expr | None]:
        """The annotation of each parameter and of the return value."""
        return [parameter.annotation for parameter in self.parameters] + [self.node.returns]

    @property
    def is_annotated(self) -> bool:
        return None not in self.slots

    @property
    def any_slots(self) -> int:
        """Slots annotated by a bare `Any`, in quotes or not."""
        return sum(slot is not None and ast.unparse(slot).strip("'") in ("Any", "typing.Any") for slot in self.slots)

    @property
    def is_kernel(self) -> bool:
        return any(name_of(decorator) in COMPILERS for decorator in self.node.decorator_list)


def functions_of(source: Source) -> Iterator[Function]:
    for node in ast.walk(source.tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield Function(source, node)


def _lines(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def name_of(node: ast.expr) -> str:
    """The last component of a name that is called or read: c of ``a.b.c(x)``."""
    if isinstance(node, ast.Call):
        return name_of(node.func)
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
