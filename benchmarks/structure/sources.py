"""Python files of a package and of its tests, parsed."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

TESTS = ("tests", "test")


@dataclass(frozen=True, eq=False)
class Source:
    """A file; `path` begins with the folder of its package."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def module(self) -> str:
        parts = self.path.with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def package(self) -> str:
        """The package that relative imports refer to."""
        return ".".join(self.path.parts[:-1])

    @property
    def lines(self) -> int:
        return len(self.text.splitlines())

    def within(self, folders: tuple[str, ...]) -> bool:
        return not set(folders).isdisjoint(self.path.parts[1:-1])


def package_sources(folder: Path) -> list[Source]:
    """The files of a package without its tests."""
    return [source for source in _read(folder) if not source.within(TESTS)]


def tests_of(folder: Path) -> list[Source]:
    """The tests of a package, inside of it or beside it."""
    memory = [folder.parent / name for name in TESTS]
    inside = [source for source in _read(folder) if source.within(TESTS)]
    return inside + [source for tests in memory for source in _read(tests)]


def _read(folder: Path) -> list[Source]:
    sources = []
    for path in sorted(folder.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        sources.append(Source(path.relative_to(folder.parent), text, ast.parse(text, str(path))))
    return sources
