"""Everything public has a docstring that says what it takes, gives and raises; see `tests.docstrings` for the rules."""

import importlib
import inspect
import pkgutil
import re
from dataclasses import dataclass
from enum import Enum
from types import FunctionType, ModuleType
from typing import NamedTuple

import pytest

import propmat
from propmat import _inputs
from tests.package.docstrings import faults, members, names_of, own_text, parse, taken_by
from tests.package.test_surface import own_names

NAMESPACES = (
    "propmat",
    "propmat.adjoint",
    "propmat.cli",
    "propmat.comfyui",
    "propmat.datasets",
    "propmat.errors",
    "propmat.flows",
    "propmat.io",
    "propmat.jax",
    "propmat.jobs",
    "propmat.laplacian",
    "propmat.losses",
    "propmat.matting",
    "propmat.metrics",
    "propmat.napari",
    "propmat.networks",
    "propmat.networks.training",
    "propmat.pictures",
    "propmat.preconditioners",
    "propmat.pymatting",
    "propmat.rembg",
    "propmat.sampling",
    "propmat.solvers",
    "propmat.studio",
    "propmat.torch",
    "propmat.training",
    "propmat.video",
)

EXCUSED = {
    "propmat.cli.main: can raise InputError": "it catches them, and answers with exit status 1",
    "propmat.napari.flower: can raise InputError": "of another picture than its own",
    "propmat.cli.main: has no example": "it reads and writes files; tests/cli/test_cli.py runs it",
}


def exported():
    """Every class and function of the public surface, each by one name."""
    found = {}
    for namespace in map(importlib.import_module, NAMESPACES):
        for name in own_names(namespace):
            value = getattr(namespace, name)
            if isinstance(value, type) or inspect.isfunction(value):
                found.setdefault(value, f"{namespace.__name__}.{name}")
    return {name: value for value, name in found.items()}


EXPORTED = exported()
PUBLIC = frozenset(EXPORTED.values())


def with_members(names):
    """Classes and functions by name, and the methods and properties of classes."""
    for name, value in names.items():
        yield name, value
        if isinstance(value, type):
            yield from ((f"{name}.{member}", inner) for member, inner in members(value, PUBLIC))


EVERYTHING = dict(with_members(EXPORTED))


def handed_out():
    """Classes that are not exported, and of which public functions and methods return objects."""
    found = {}
    for value in EVERYTHING.values():
        function = inspect.unwrap(value)
        if inspect.isfunction(function):
            for word in re.findall(r"\w+", str(inspect.signature(function).return_annotation)):
                cls = function.__globals__.get(word)
                if isinstance(cls, type) and cls.__module__.startswith("propmat.") and cls not in PUBLIC:
                    found[f"{cls.__module__}.{cls.__name__}"] = cls
    return found


HANDED_OUT = handed_out()


def not_excused(found):
    return [fault for fault in found if not any(fault.startswith(excuse) for excuse in EXCUSED)]


@pytest.mark.parametrize("name", EVERYTHING)
def test_docstring(name):
    assert not_excused(faults(name, EVERYTHING[name], PUBLIC)) == []


def made_by_users(value):
    """Whether users make objects of a class: its docstring has the parameters of its constructor."""
    return bool(parse(own_text(value))["Parameters"]) and not issubclass(value, Exception)


def lacks_example(name, value):
    wanted = not isinstance(value, type) or made_by_users(value)
    return [f"{name}: has no example"] if wanted and ">>>" not in own_text(value) else []


@pytest.mark.parametrize("name", EXPORTED)
def test_example(name):
    assert not_excused(lacks_example(name, EXPORTED[name])) == []


def test_every_excuse_is_needed():
    found = [fault for name, value in EVERYTHING.items() for fault in faults(name, value, PUBLIC)]
    found += [fault for name, value in EXPORTED.items() for fault in lacks_example(name, value)]
    assert [excuse for excuse in EXCUSED if not any(fault.startswith(excuse) for fault in found)] == []


@pytest.mark.parametrize("name", HANDED_OUT)
def test_what_is_handed_out_says_what_may_be_used(name):
    """Its docstring names the attributes and methods to use, or the exported class or protocol that it implements."""
    cls = HANDED_OUT[name]
    parsed = parse(own_text(cls))
    attributes, methods = (names_of(parsed[section]) for section in ("Attributes", "Methods"))
    implements = set(re.findall(r"`(\w+)`", own_text(cls))) & {one.__name__ for one in PUBLIC}
    assert attributes or methods or implements
    assert [one for one in attributes if not hasattr(cls, one) and one not in taken_by(cls)] == []
    assert [fault for one in methods for fault in faults(f"{name}.{one}", getattr(cls, one), PUBLIC)] == []


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_namespace(namespace):
    """A namespace says what it is for, and what its aliases of types mean."""
    module = importlib.import_module(namespace)
    text = inspect.getdoc(module)
    assert text
    aliases = [
        name
        for name in getattr(module, "__all__", [])
        if not isinstance(getattr(module, name), (type, FunctionType, ModuleType))
    ]
    assert [name for name in aliases if f"`{name}`" not in text] == []


def test_every_public_module_is_checked():
    found = [module.name for module in pkgutil.walk_packages(propmat.__path__, "propmat.")]
    public = {name for name in found if "._" not in name}
    assert public == {*NAMESPACES} - {"propmat"}


# The rules themselves, each on a docstring that breaks it.


def documented(text):
    """Marks a made-up object by the fault that its docstring has."""

    def mark(value):
        value.fault = text
        return value

    return mark


@documented("has no docstring")
def nothing(image): ...


@documented("its summary does not end with a full stop")
def summary():
    """Do it"""


@documented("'Parameters, Raises' is no section")
def no_section():
    """Do it.

    Parameters, Raises
        As in `summary`.
    """


@documented("Unknown section Hints")
def unknown_section():
    """Do it.

    Hints
    -----
    None.
    """


@documented("its sections are")
def section_order(image) -> float:
    """Do it.

    Returns
    -------
    float

    Parameters
    ----------
    image : (H, W) array
    """


@documented("'radius' is not documented")
def missing(image, radius):
    """Do it.

    Parameters
    ----------
    image : (H, W) array
    """


@documented("'**options' is not documented")
def stars(**options):
    """Do it."""


@documented("'width' is documented, and is not in the signature")
def unknown(image):
    """Do it.

    Parameters
    ----------
    image : (H, W) array
    width : int
    """


@documented("documents radius, image")
def order(image, radius):
    """Do it.

    Parameters
    ----------
    radius : int
    image : (H, W) array
    """


@documented("documents image, radius, epsilon")
def order_in_a_group(image, epsilon, radius):
    """Do it.

    Parameters
    ----------
    image : (H, W) array
    radius, epsilon
        As in `missing`.
    """


@documented("'image' has no type")
def no_type(image):
    """Do it.

    Parameters
    ----------
    image
        The picture.
    """


@documented("'image' has no shape")
def no_shape(image):
    """Do it.

    Parameters
    ----------
    image : array
        The picture.
    """


@documented("returns float, and has no section Returns")
def no_returns() -> float:
    """Do it."""


@documented("can raise InputError")
def no_raises(count):
    """Do it.

    Parameters
    ----------
    count : int
    """
    _inputs.whole_number(count, "count")


@documented("can raise InputError")
def no_raises_further_down(count):
    """Do it.

    Parameters
    ----------
    count : int
    """
    no_raises(count)


@documented("'alpha' is not documented")
@dataclass
class Field:
    """A matte."""

    alpha: float


@documented("'alpha' is not documented")
class Tuple(NamedTuple):
    """A matte."""

    alpha: float


@documented("has no docstring")
@dataclass
class ByDataclass:
    alpha: float


@documented("documents the attribute 'beta'")
class Attribute:
    """A matte.

    Attributes
    ----------
    beta : float
    """


@documented("can raise InputError when it is made")
@dataclass
class Checked:
    """A matte.

    Parameters
    ----------
    alpha : float
    """

    alpha: float

    def __post_init__(self):
        _inputs.positive(self.alpha, "alpha")


@documented("'bad' is not explained")
class Member(Enum):
    """How it went."""

    bad = 3


BROKEN = [value for value in list(globals().values()) if hasattr(value, "fault")]


@pytest.mark.parametrize("value", BROKEN, ids=lambda value: value.__name__)
def test_each_rule_finds_what_it_is_for(value):
    name = value.__name__
    (found,) = faults(name, value)
    assert found.startswith(f"{name}: ")
    assert value.fault in found


def fine(image, *, epsilon=1e-7, radius=1, solver=None, callback=None) -> float:
    """Do it.

    Parameters
    ----------
    image : (H, W) array
    epsilon, solver, callback
        As in `missing`.
    radius : int

    Returns
    -------
    float
    """


class Parent:
    """What is exported."""

    def rows(self, mask) -> float:
        """Cut it.

        Parameters
        ----------
        mask : (H, W) array of bool

        Returns
        -------
        float
        """


class Child(Parent):
    """What overrides it."""

    def rows(self, mask) -> float: ...

    def more(self): ...


def test_what_is_well_documented_passes():
    assert faults("fine", fine) == []
    assert [fault for name, method in members(Parent) for fault in faults(name, method)] == []


def test_members_are_those_that_a_parent_does_not_document():
    assert [name for name, _ in members(Child, {Parent})] == ["more"]
    assert [name for name, _ in members(Child)] == ["more", "rows"]
