"""Pages of the reference: one for each public module, with everything public in it, from docstrings."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import TypeVar

from sphinx.application import Sphinx

import propmat

FOLDER = "reference"
KINDS = ("function", "class", "exception", "data")  # in this order on a page
PAGE = re.compile(r"`docs/([\w/]+)\.md`")
# Of a norm or an absolute value; reStructuredText would take what is between the bars for the name of a substitution.
BARS = re.compile(r"(?<!\\)\|(?=\S)([^|`\\]*[^|`\\\s])\|")


def modules() -> list[str]:
    """Names of all public modules, the package first."""
    found = (module.name for module in pkgutil.walk_packages(propmat.__path__, "propmat."))
    return ["propmat", *sorted(name for name in found if "._" not in name and ".__" not in name)]


def public(module: ModuleType) -> dict[str, object]:
    """What a module exports: its `__all__`, or without one what is defined in it and has no underscore."""
    names = getattr(module, "__all__", None) or [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", "").startswith(module.__name__)
    ]
    return {name: getattr(module, name) for name in sorted(names)}


def members(cls: type) -> list[str]:
    """Public methods and properties that propmat defines, in its bases too, and `__call__`."""
    found = {}
    for base in cls.__mro__:
        if base.__module__.partition(".")[0] == "propmat":
            found |= {name: value for name, value in vars(base).items() if name not in found}
    return sorted(name for name, value in found.items() if _is_member(name, value))


def _is_member(name: str, value: object) -> bool:
    shown = name == "__call__" or not name.startswith("_")
    kinds = (FunctionType, classmethod, staticmethod, property)
    return shown and (isinstance(value, kinds) or type(value).__name__ == "cached_property")


def page(module: ModuleType, documented: dict[int, str]) -> str:
    """A page; `documented` has the full names of what earlier pages describe, by identity, and is added to."""
    name = module.__name__
    names = {short: value for short, value in public(module).items() if not isinstance(value, ModuleType)}
    names = dict(sorted(names.items(), key=lambda item: KINDS.index(_kind(item[1]))))
    lines = [name, "=" * len(name), "", f".. automodule:: {name}", ""]
    lines += [".. autosummary::", "   :nosignatures:", "", *(f"   {short}" for short in names), ""]
    for short, value in names.items():
        lines += ["", *_entry(name, short, value, documented)]
    return "\n".join(lines) + "\n"


def _entry(module: str, short: str, value: object, documented: dict[int, str]) -> Iterator[str]:
    """Of one name: its docstring, or where the same object is described."""
    kind, full = _kind(value), f"{module}.{short}"
    if kind == "data":
        told = "A type variable." if isinstance(value, TypeVar) else "A type, described at the top of this page."
        yield from (f".. py:data:: {short}", "", f"   {told}", "")
    elif id(value) in documented:
        yield from (f".. py:{kind}:: {short}", "", f"   The same as :py:obj:`{documented[id(value)]}`.", "")
    else:
        documented[id(value)] = full
        yield f".. auto{kind}:: {full}"
        if isinstance(value, type) and (inside := members(value)):
            yield f"   :members: {', '.join(inside)}"
        yield from ("", f".. minigallery:: {full}", "")


def _kind(value: object) -> str:
    if isinstance(value, type):
        return "exception" if issubclass(value, BaseException) else "class"
    return "function" if inspect.isroutine(inspect.unwrap(value)) else "data"


def write(app: Sphinx) -> None:
    """Write the pages; those that are as they were keep their times."""
    documented: dict[int, str] = {}
    for name in modules():
        write_if_new(Path(app.srcdir, FOLDER, f"{name}.rst"), page(importlib.import_module(name), documented))


def write_if_new(path: Path, text: str) -> None:
    """Replace a file unless it has this content, so that Sphinx reads again only what has changed."""
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def as_restructured_text(app: Sphinx, what: str, name: str, value: object, options: object, lines: list[str]) -> None:
    """Make links of the pages that docstrings name by their files, and keep bars."""
    lines[:] = [PAGE.sub(r":doc:`/\1`", line if ">>>" in line else BARS.sub(r"\|\1\|", line)) for line in lines]


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", write)
    app.connect("autodoc-process-docstring", as_restructured_text, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
