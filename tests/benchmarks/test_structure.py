"""The measures of source code, on a small package whose figures were counted by hand."""

import ast
import json
import sys
from pathlib import Path
from textwrap import dedent

import pytest

import propmat
from benchmarks.structure import __main__ as structure
from benchmarks.structure.imports import cycles, longest_chain
from benchmarks.structure.measures import Package, any_slots, long_files, matrix_checks, measures

FILES = {
    "small/__init__.py": '''
        """A package."""

        from small.a import f
        ''',
    "small/a.py": '''
        from typing import TYPE_CHECKING, Any
        from small import b
        if TYPE_CHECKING:
            from small.c import h

        def f(x: Any, *rest: int, y=None) -> Any:
            """Two
            lines."""
            if x and y or rest:
                return [k for k in rest if k]
            return g if isinstance(x.matrix, int) else None

        class A:
            def method(self, other: "Any") -> None:
                from small.c import h
                print(h)
        ''',
    "small/b.py": """
        from .inner import *
        import small.inner.d

        def g(graph):
            print = hasattr(graph, "a"), issparse(graph.a)
            return isinstance(graph.a, int)
        """,
    "small/c.py": """
        from small.b import g

        def h() -> None: ...

        def i(): pass
        """,
    "small/inner/__init__.py": "",
    "small/inner/d.py": "from ..b import g",
    "small/_cpu/k.py": """
        @compiled(fastmath=True)
        def kernel(a, b, c):
            for i in range(a):
                while b:
                    if c: pass
        """,
    "small/_operators/o.py": "isinstance(matrix, int)",
    "tests/test_small.py": """
        @pytest.mark.parametrize("a", [1])
        @pytest.mark.parametrize("b", [1])
        def test_one(a, b):
            with pytest.raises(ValueError):
                pass

        def helper(): pass
        """,
}
FIGURES = {
    "files": 8,
    "lines": 37,
    "lines per file: median, p90, max": "4, 9, 16",  # 0, 1, 1, 3, 5, 5, 6, 16
    "files over 250 lines": 0,
    "functions per file": 0.8,  # 6 of 8
    "function length with docstring, mean": 3.0,  # f 6, method 3, g 3, h 1, i 1, kernel 4
    "body: median, p90, max, kernels out": "3, 4, 4",  # f 4
    "body: median, p90, max, kernels in": "3, 4, 4",
    "bodies over 50 lines": "0.0 %",
    "branches: mean, p90, kernels out": "2.0, 4",  # f 6, all others 1
    "branches: mean, p90, kernels in": "2.3, 5",  # kernel 4
    "arguments: mean, max, kernels out": "1.0, 3",  # f 3, method 1, g 1
    "arguments: mean, max, kernel folders out": "1.0, 3",
    "fully annotated": "33.3 %",  # method, h
    "fully annotated, kernel folders out": "40.0 %",
    "slots that are bare Any, kernel folders out": "3 of 10",
    "star imports": 1,
    "prints": 1,
    "import cycles": 1,  # b and inner.d
    "longest chain of imports": 4,
    "longest chain, imports inside functions too": 5,  # c between a and b
    "matrix checks outside of _operators": 3,
    "test lines per source line": 0.19,  # 7 of 37
    "test functions": 1,
    "parametrize marks": 2,
    "tests that expect an error": 1,
}


@pytest.fixture
def folder(tmp_path):
    """The folder of the package."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text).strip("\n"), encoding="utf-8")
    return tmp_path / "small"


def printed(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["structure", *map(str, arguments)])
    structure.main()
    return capsys.readouterr().out


def test_figures(folder):
    assert measures(Package.read(folder)) == FIGURES


def test_table_and_lists(folder, monkeypatch, capsys):
    output = printed(monkeypatch, capsys, "--package", folder, "--list", "any", "chain", "files", "matrices")
    table, *lists = output.strip().split("\n\n")
    assert table.splitlines()[:3] == ["| | small |", "| --- | ---: |", "| files | 8 |"]
    assert len(table.splitlines()) == 2 + len(FIGURES)
    assert [text.split("\n    ") for text in lists] == [
        ["any, small:", "3 small/a.py"],
        ["chain, small:", "small", "small.a", "small.b = small.inner.d", "small.inner"],
        ["files, small:", "none"],
        [
            "matrices, small:",
            "small/a.py:11 isinstance(x.matrix, int)",
            "small/b.py:5 hasattr(graph, 'a')",
            "small/b.py:5 issparse(graph.a)",
        ],
    ]


def test_json_of_two_packages(folder, monkeypatch, capsys):
    found = json.loads(printed(monkeypatch, capsys, "--json", "--package", folder, folder / "inner"))
    assert found["measures"]["small"] == FIGURES
    assert found["measures"]["inner"]["files"] == 2
    assert found["lists"] == {"files": {"small": [], "inner": []}}


def test_long_files_are_named(folder, monkeypatch, capsys):
    (folder / "c.py").write_text("\n" * 251)
    assert "files, small:\n    251 small/c.py" in printed(monkeypatch, capsys, "--package", folder)


def test_what_is_no_package(tmp_path, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        printed(monkeypatch, capsys, "--package", tmp_path)
    assert "--package: there is no package in" in capsys.readouterr().err


def test_a_package_without_functions_and_tests(tmp_path):
    (tmp_path / "__init__.py").write_text("")
    found = measures(Package.read(tmp_path))
    assert found["files"] == found["longest chain of imports"] == 1
    assert found["lines"] == found["functions per file"] == found["test lines per source line"] == 0


# What propmat keeps to


@pytest.fixture(scope="module")
def ours():
    return Package.read(Path(propmat.__file__).parent)


def test_files_are_short(ours):
    assert len(long_files(ours)) <= 6


def test_chains_of_imports_are_short(ours):
    every = ours.imports(inside_functions=True)
    assert len(longest_chain(every)) < 20
    assert not cycles(ours.imports())


def test_types_say_something(ours):
    assert sum(any_slots(ours).values()) < 60
    assert all(function.is_annotated for function in ours.typed)


def test_nobody_asks_what_a_matrix_is(ours):
    assert not list(matrix_checks(ours))


def test_names_are_imported_from_the_module_that_defines_them(ours):
    """Not from a package that exports them to users; checkers are called by the name of their package."""
    packages = {source.module: source for source in ours.sources if source.path.name == "__init__.py"}
    for source in ours.sources:
        for node in ast.walk(source.tree) if source.path.name != "__init__.py" else ():
            if isinstance(node, ast.ImportFrom) and node.module in packages and node.module != "propmat":
                exported = _exported(packages[node.module])
                names = [alias.name for alias in node.names if alias.name in exported]
                assert not names, f"{source.path}: from {node.module} import {', '.join(names)}"


def _exported(source):
    nodes = [node for node in source.tree.body if isinstance(node, ast.ImportFrom)]
    return {alias.asname or alias.name for node in nodes for alias in node.names}
