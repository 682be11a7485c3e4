"""`_cpu` and `_gpu` are twins: the same names and signatures, and every gap is listed with its reason."""

import ast
import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest

import propmat
from propmat import _cpu, _gpu

ROOT = Path(propmat.__file__).parent
ROOMS = [module.name for module in pkgutil.iter_modules(_gpu.__path__) if not module.name.startswith("_")]
HOST_ROOMS = [module.name for module in pkgutil.iter_modules(_cpu.__path__) if not module.name.startswith("_")]


def functions(package, room):
    """Parameters of the functions that a room defines."""
    module = importlib.import_module(f"{package.__name__}.{room}")
    plain = {name: getattr(value, "py_func", value) for name, value in vars(module).items()}
    return {
        name: list(inspect.signature(value).parameters)
        for name, value in plain.items()
        if inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_")
    }


def called():
    """Names that the library asks a room of kernels for."""
    for path in ROOT.rglob("*.py"):
        if path.parent.name in ("_cpu", "_gpu"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and "kernels" in ast.unparse(node.value):
                yield node.attr


@pytest.mark.parametrize("room", ROOMS)
def test_signatures_are_the_same(room):
    host = functions(_cpu, room)
    for name, parameters in functions(_gpu, room).items():
        assert parameters == host[name], f"{room}.{name}"


def test_constants_are_the_same():
    for room in ROOMS:
        twins = [importlib.import_module(f"{package.__name__}.{room}") for package in (_cpu, _gpu)]
        names = set(called()) & {name for name in vars(twins[0]) if name.isupper()}
        for name in names:
            assert isinstance(getattr(twins[1], name), int), f"{room}.{name}"


def test_every_gap_is_listed():
    used = set(called())
    gaps = set()
    for room in HOST_ROOMS:
        missing = functions(_cpu, room).keys() & used - (functions(_gpu, room).keys() if room in ROOMS else set())
        gaps |= {f"{room}.{name}" for name in missing} if room in ROOMS else {room}
    assert gaps == set(_gpu.MISSING)
