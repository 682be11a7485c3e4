"""`_cpu` and `_gpu` have the same functions and signatures; missing ones are listed with a reason."""

import ast
import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest

import propmat
from propmat import _cpu, _gpu

ROOT = Path(propmat.__file__).parent
MODULES = [module.name for module in pkgutil.iter_modules(_gpu.__path__) if not module.name.startswith("_")]
HOST_MODULES = [module.name for module in pkgutil.iter_modules(_cpu.__path__) if not module.name.startswith("_")]


def functions(package, module_name):
    """Parameters of the functions that a module defines."""
    module = importlib.import_module(f"{package.__name__}.{module_name}")
    plain = {name: getattr(value, "py_func", value) for name, value in vars(module).items()}
    return {
        name: list(inspect.signature(value).parameters)
        for name, value in plain.items()
        if inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_")
    }


def called():
    """Names that the library asks a module of kernels for."""
    for path in ROOT.rglob("*.py"):
        if path.parent.name in ("_cpu", "_gpu"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and "kernels" in ast.unparse(node.value):
                yield node.attr


@pytest.mark.parametrize("module", MODULES)
def test_signatures_are_the_same(module):
    host = functions(_cpu, module)
    for name, parameters in functions(_gpu, module).items():
        assert parameters == host[name], f"{module}.{name}"


# How work is cut up depends on the machine; what is computed does not.
CUTS = {"SUMS", "CHECK_EVERY", "CHUNKS"}


@pytest.mark.parametrize("module", MODULES)
def test_constants_that_callers_read_are_in_both_and_equal_but_for_cuts(module):
    host, device = (vars(importlib.import_module(f"{package.__name__}.{module}")) for package in (_cpu, _gpu))
    for name in set(called()) & {name for name in host if name.isupper()}:
        assert name in device, f"{module}.{name}"
        if name in CUTS:
            assert device[name] >= host[name] > 0
        else:
            assert device[name] == host[name], f"{module}.{name}"


def test_every_gap_is_listed():
    used = set(called())
    gaps = set()
    for module in HOST_MODULES:
        missing = functions(_cpu, module).keys() & used - (
            functions(_gpu, module).keys() if module in MODULES else set()
        )
        gaps |= {f"{module}.{name}" for name in missing} if module in MODULES else {module}
    assert gaps == set(_gpu.MISSING)
