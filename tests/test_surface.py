"""The public names are a checked-in list: none vanishes unnoticed.

After a change on purpose: ``python -m tests.test_surface`` writes the list anew; say so in CHANGELOG.md.
"""

import inspect
import json
from pathlib import Path
from types import ModuleType

import propmat
import propmat.networks
import propmat.training

LIST = Path(__file__).with_name("surface.json")
NAMESPACES = [
    propmat,
    propmat.adjoint,
    propmat.datasets,
    propmat.flows,
    propmat.io,
    propmat.laplacian,
    propmat.metrics,
    propmat.networks,
    propmat.preconditioners,
    propmat.sampling,
    propmat.solvers,
    propmat.training,
]


def described(value):
    """The signature of what can be called, else the kind."""
    if isinstance(value, type):
        return "class"
    return str(inspect.signature(value)) if inspect.isfunction(value) else type(value).__name__


def own_names(namespace):
    names = getattr(namespace, "__all__", None) or [
        name
        for name, value in vars(namespace).items()
        if not name.startswith("_")
        and not isinstance(value, ModuleType)
        and getattr(value, "__module__", "").startswith("propmat" if namespace is propmat else namespace.__name__)
    ]
    return {name: described(getattr(namespace, name)) for name in sorted(names)}


def surface():
    return {namespace.__name__: own_names(namespace) for namespace in NAMESPACES}


def test_surface_is_the_list():
    assert surface() == json.loads(LIST.read_text(encoding="utf-8"))


if __name__ == "__main__":
    LIST.write_text(json.dumps(surface(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
