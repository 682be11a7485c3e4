"""The public names are compared with a list in the repository, so that no name is removed by accident.

After an intended change: ``python -m tests.package.test_surface`` writes the list; mention the change in CHANGELOG.md.
"""

import argparse
import inspect
import json
from pathlib import Path
from types import ModuleType

import propmat
import propmat.comfyui
import propmat.jax
import propmat.jobs
import propmat.losses
import propmat.matting
import propmat.napari
import propmat.networks
import propmat.pictures
import propmat.pymatting
import propmat.rembg
import propmat.studio
import propmat.torch
import propmat.training
import propmat.video

LIST = Path(__file__).with_name("surface.json")
NAMESPACES = [
    propmat,
    propmat.adjoint,
    propmat.comfyui,
    propmat.datasets,
    propmat.errors,
    propmat.flows,
    propmat.io,
    propmat.jax,
    propmat.jobs,
    propmat.laplacian,
    propmat.losses,
    propmat.matting,
    propmat.metrics,
    propmat.napari,
    propmat.networks,
    propmat.pictures,
    propmat.preconditioners,
    propmat.pymatting,
    propmat.rembg,
    propmat.sampling,
    propmat.solvers,
    propmat.studio,
    propmat.torch,
    propmat.training,
    propmat.video,
]


def described(value):
    """Of a class its members, of a function its signature, else the kind."""
    if isinstance(value, type):
        return members(value)
    return str(inspect.signature(value)) if inspect.isfunction(value) else type(value).__name__


def members(cls):
    """How a class is called, and its fields, properties and methods, those of bases in propmat included."""
    found = {"": str(inspect.signature(cls)) if "__init__" in vars(cls) or hasattr(cls, "__dataclass_fields__") else ""}
    for base in reversed(cls.__mro__):
        if base.__module__.partition(".")[0] == "propmat":
            found |= {name: described_member(value) for name, value in vars(base).items()}
            found |= {name: str(kind) for name, kind in vars(base).get("__annotations__", {}).items()}
    return {name: kind for name, kind in sorted(found.items()) if not name.startswith("_")}


def described_member(value):
    function = getattr(value, "__func__", value)
    return str(inspect.signature(function)) if inspect.isfunction(function) else type(value).__name__


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
    argparse.ArgumentParser(description=__doc__).parse_args()
    LIST.write_text(json.dumps(surface(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
