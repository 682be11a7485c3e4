"""Putting these functions into PyMatting and the programs that imported its functions, and taking them out again."""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from types import FunctionType, ModuleType

from propmat.errors import MissingDependencyError

# Programs that import functions of PyMatting by name into these modules.
PROGRAMS = ("rembg.bg", "backgroundremover.bg")

# PyMatting's functions that are replaced, by name.
_replaced: dict[str, FunctionType] = {}

# The blocks of `installed` that have not ended, in all threads; none of them counts after `install`.
_blocks: list[object] = []
_changing = threading.RLock()


def install() -> None:
    """Replace PyMatting's functions by those of this module, in PyMatting and in programs that use it.

    All modules of PyMatting are covered, and `rembg.bg` and `backgroundremover.bg`, whether they are imported
    already or later. PyMatting is imported if it is not yet. Calling it again changes nothing.

    Raises
    ------
    MissingDependencyError
        If PyMatting is not installed. It is an ImportError.

    Examples
    --------
    >>> import pymatting  # doctest: +SKIP
    >>> import propmat.pymatting
    >>> propmat.pymatting.install()  # doctest: +SKIP
    >>> pymatting.estimate_alpha_cf is propmat.pymatting.estimate_alpha_cf  # doctest: +SKIP
    True
    """
    theirs = _pymatting()
    with _changing:
        for name, ours in _functions().items():
            original = vars(theirs).get(name)
            if isinstance(original, FunctionType) and original is not ours:
                _replaced[name] = original
        _exchange({original: _functions()[name] for name, original in _replaced.items()})


def uninstall() -> None:
    """Put PyMatting's own functions back wherever `install` replaced them; without an `install` nothing is done.

    Examples
    --------
    >>> import propmat.pymatting
    >>> propmat.pymatting.uninstall()
    """
    with _changing:
        _exchange({_functions()[name]: original for name, original in _replaced.items()})
        _replaced.clear()
        _blocks.clear()


@contextmanager
def installed() -> Iterator[None]:
    """`install` for the length of a ``with`` block; within another one, and after `install`, it changes nothing.

    Of blocks in several threads the last that ends takes the functions out.

    Yields
    ------
    None

    Raises
    ------
    MissingDependencyError
        If PyMatting is not installed.

    Examples
    --------
    >>> import propmat.pymatting
    >>> with propmat.pymatting.installed():  # doctest: +SKIP
    ...     cutout = rembg.remove(photo, alpha_matting=True)
    """
    block = object()
    with _changing:
        if _blocks or not _replaced:
            _blocks.append(block)
        install()
    try:
        yield
    finally:
        with _changing:
            if block in _blocks:
                _blocks.remove(block)
                if not _blocks:
                    uninstall()


def _pymatting() -> ModuleType:
    if "pymatting" not in sys.modules and find_spec("pymatting") is None:
        raise MissingDependencyError(
            "install: PyMatting is not installed, so there is nothing to put propmat's functions into; "
            "import them from propmat.pymatting"
        )
    return importlib.import_module("pymatting")


def _functions() -> dict[str, FunctionType]:
    """The functions of this package that may replace one of PyMatting's, by name."""
    package = sys.modules[__package__]
    named = ((name, getattr(package, name)) for name in package.__all__)
    return {name: value for name, value in named if isinstance(value, FunctionType)}


def _exchange(new: dict[FunctionType, FunctionType]) -> None:
    """Replace functions, wherever a module of PyMatting or of a program that uses it holds them."""
    for module in list(sys.modules.values()):
        name = getattr(module, "__name__", "")
        if isinstance(module, ModuleType) and (name.partition(".")[0] == "pymatting" or name in PROGRAMS):
            for attribute, value in list(vars(module).items()):
                if isinstance(value, FunctionType) and value in new:
                    setattr(module, attribute, new[value])
