"""Which kernels the methods call, with which types of arguments: what can be compiled before a method is called.

`signatures.json` is written by ``python -m tests.package.test_signatures`` from calls of every method: a list in the
order in which the methods first need the kernels, callees before their callers.
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from numba import types

from propmat._cpu._compiled import KERNELS

LIST = Path(__file__).with_name("signatures.json")
_ARRAY = re.compile(r"array\((\w+), (\d)d, ([ACF])\)")
_LITERAL = re.compile(r"Literal\[int\]\((-?\d+)\)")
_TUPLE = re.compile(r"([\w.]*)\((.*)\)")


@dataclass(frozen=True)
class Signature:
    """One kernel with the types of its arguments.

    Attributes
    ----------
    kernel : str
        Module and function.
    arguments : tuple of str
        Types as numba writes them.
    calls : tuple of int
        Indices of the signatures, in the list, that are compiled as parts of it.
    methods : tuple of str
        The methods that need it on some pictures.
    usual : tuple of str
        Those of them that need it on most pictures.
    seconds : float
        About the time that it takes to compile, without its callees.
    """

    kernel: str
    arguments: tuple[str, ...]
    calls: tuple[int, ...]
    methods: tuple[str, ...]
    usual: tuple[str, ...]
    seconds: float

    def compile(self) -> bool:
        """Compile it, or load it if that was done before; whether it was compiled."""
        dispatcher = kernel(self.kernel)
        types_of = tuple(read(text) for text in self.arguments)
        dispatcher.compile(types_of)
        return not dispatcher.stats.cache_hits.get(types_of)


def listed() -> list[Signature]:
    """All signatures, in the order of the file."""
    rows = json.loads(LIST.read_text(encoding="utf-8"))
    return [
        Signature(kernel, tuple(arguments), tuple(calls), tuple(methods), tuple(usual), seconds)
        for kernel, arguments, calls, methods, usual, seconds in rows
    ]


def needed_by(methods: Iterable[str], signatures: Sequence[Signature]) -> list[int]:
    """The indices of what some methods need."""
    wanted = set(methods)
    return [index for index, one in enumerate(signatures) if wanted & set(one.methods)]


def kernel(name: str) -> Any:
    """The dispatcher of a kernel."""
    importlib.import_module(f"propmat._cpu.{name.partition('.')[0]}")
    return KERNELS[name]


def written(kind: Any) -> str:
    """A type of numba as text that `read` understands: numba's own, but for tuples and named tuples.

    Raises
    ------
    ValueError
        If it is of none of the kinds that the kernels take.
    """
    text = str(kind)
    if isinstance(kind, types.BaseTuple):
        named = getattr(kind, "instance_class", None)
        name = f"{named.__module__}.{named.__name__}" if named else ""
        text = f"{name}({', '.join(map(written, cast('Iterable[Any]', kind)))})"
    if read(text) != kind:
        raise ValueError(f"the list of signatures has no notation for {kind!r}")
    return text


def read(text: str) -> Any:
    """The type of numba that a text denotes."""
    if found := _ARRAY.fullmatch(text):
        scalar, dimensions, layout = found.groups()
        return types.Array(read(scalar), int(dimensions), layout)  # type: ignore[arg-type]
    if found := _LITERAL.fullmatch(text):
        return types.literal(int(found[1]))
    if found := _TUPLE.fullmatch(text):
        return types.BaseTuple.from_types([read(part) for part in _parts(found[2])], _class(found[1]))
    return types.boolean if text == "bool" else getattr(types, text, None)


def _parts(text: str) -> Iterator[str]:
    """The parts between commas that lie in no parentheses."""
    begin = 0
    for comma in re.finditer(", ", text):
        part = text[begin : comma.start()]
        if part.count("(") == part.count(")"):
            yield part
            begin = comma.end()
    yield text[begin:]


def _class(name: str) -> type | None:
    """The class of a named tuple; none for a plain one."""
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute) if name else None
