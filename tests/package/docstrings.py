"""Rules for docstrings of the public surface, checked with numpydoc's parser.

`faults(name, value)` lists missing and wrong entries, one line each:

- The docstring is valid numpydoc: known sections in numpydoc's order, each once and with its underline.
- The documented parameters are those of the signature, under the same names and in the same order. Each has a type,
  except `*` and `**`; several may be documented together by reference to another function ("solver, callback" with
  "As in ..."), at the position of the first of them.
- A return value has a Returns or Yields section; if `InputError` can be raised, there is a Raises section with it.
- Arrays and tensors have a shape.
- A class documents the parameters of its constructor, its fields and its annotated attributes, under Parameters or
  Attributes.
"""

import dataclasses
import enum
import inspect
import re
import warnings
from types import CodeType, FunctionType, ModuleType

from numpydoc.docscrape import NumpyDocString

SECTIONS = [name for name in NumpyDocString.sections if name not in ("Signature", "Summary", "Extended Summary")]
UNDERLINED = re.compile(r"^(\S.*)\n-{3,}$", re.MULTILINE)
NO_SECTION = re.compile(rf"^(?:(?:{'|'.join(SECTIONS)})(?:, )?)+:?$(?!\n-)", re.MULTILINE)
MAKERS = ("__init__", "__post_init__")
ELSEWHERE = re.compile(r"As (in|for|by|with|to) ")


def faults(name, value, public=frozenset()):
    """What is missing or wrong in the docstring of a function, method, property or class.

    Classes of which `public` has a parent need not repeat what that documents.
    """
    text = own_text(value)
    if not text:
        return [f"{name}: has no docstring"]
    try:
        parsed = parse(text)
    except (UserWarning, ValueError) as error:
        return [f"{name}: {error}"]
    found = [*_of_form(text, parsed), *_of_shapes(parsed)]
    if isinstance(value, type):
        found += _of_class(value, parsed, public)
    elif callable(value):
        found += [*_of_parameters(signature_names(value), parsed), *_of_results(value, parsed)]
    return [f"{name}: {fault}" for fault in found]


def parse(text):
    """Sections by name; raises where numpydoc does not know one, or finds one twice."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return NumpyDocString(text)


def own_text(value):
    """The docstring; not that of a class's parent, nor the signature that `dataclass` puts there."""
    if not isinstance(value, type):
        return inspect.getdoc(value) or ""
    text = inspect.cleandoc(value.__doc__ or "")
    return "" if text.startswith(f"{value.__name__}(") else text


def members(cls, public=frozenset()):
    """(name, value) of the public methods, properties and `__call__` of a class that are documented with it.

    Left out are properties among its Attributes; what a parent in `public` documents; and what another library
    documents, of which only the body is ours.
    """
    attributes = names_of(parse(own_text(cls))["Attributes"])
    for name in dir(cls):
        value = inspect.getattr_static(cls, name)
        if not _is_member(name, value) or (is_property(value) and name in attributes):
            continue
        if not _documented_elsewhere(cls, name, public):
            yield name, value if is_property(value) else getattr(cls, name)


def _is_member(name, value):
    shown = name == "__call__" or not name.startswith("_")
    return shown and (isinstance(value, (FunctionType, classmethod, staticmethod)) or is_property(value))


def is_property(value):
    return isinstance(value, property) or type(value).__name__ == "cached_property"


def _documented_elsewhere(cls, name, public):
    owner, *parents = [parent for parent in cls.__mro__ if name in vars(parent)]
    if not _is_ours(owner) or (owner is not cls and owner in public):
        return True
    value = vars(owner)[name]
    if getattr(value, "__func__", value) in public:  # a function that is a class attribute too
        return True
    if value.__doc__ or not parents:
        return False
    theirs = vars(parents[0])[name]
    return parents[0] in public or (not _is_ours(parents[0]) and _same_signature(value, theirs))


def _same_signature(one, other):
    return list(inspect.signature(one).parameters) == list(inspect.signature(other).parameters)


def _is_ours(value):
    module = value.__name__ if isinstance(value, ModuleType) else value.__module__
    return module.partition(".")[0] in ("propmat", "tests")


def signature_names(value):
    """The parameters of a function or method, with their stars; not `self`."""
    parameters = [one for one in inspect.signature(value).parameters.values() if one.name != "self"]
    stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    return [stars.get(parameter.kind, "") + parameter.name for parameter in parameters]


def names_of(entries):
    """The names of a section's entries; one entry may have several."""
    return [name for entry in entries for name in entry.name.split(", ")]


def _of_form(text, parsed):
    summary = " ".join(parsed["Summary"])
    if not summary.endswith((".", ":")):
        yield f"its summary does not end with a full stop: {summary!r}"
    if wrong := NO_SECTION.search(text):
        yield f"{wrong.group()!r} is no section; each has its own name, underlined"
    titles = UNDERLINED.findall(text)
    ordered = sorted(titles, key=SECTIONS.index)
    if titles != ordered:
        yield f"its sections are {', '.join(titles)}; numpydoc's order is {', '.join(ordered)}"


def _of_shapes(parsed):
    for section in ("Parameters", "Attributes", "Returns", "Yields"):
        for entry in parsed[section]:
            said = f"{entry.type} {' '.join(entry.desc)}"
            if re.search(r"\b(arrays?|tensors?)\b", entry.type) and not re.search(r"\(|any shape", said):
                if not ELSEWHERE.match(said.strip()):
                    yield f"{section}: {entry.name or entry.type!r} has no shape"


def _of_parameters(expected, parsed):
    entries = parsed["Parameters"] + parsed["Other Parameters"]
    documented = names_of(entries)
    for missing in [name for name in expected if name not in documented]:
        yield f"{missing!r} is not documented"
    for unknown in [name for name in documented if name not in expected]:
        yield f"{unknown!r} is documented, and is not in the signature"
    if set(documented) <= set(expected):
        yield from _of_order(expected, entries)
    yield from _of_types(entries)


def _of_order(expected, entries):
    """Entries begin in the order of the signature, and each names its parameters in that order."""
    orders = [[expected.index(name) for name in entry.name.split(", ")] for entry in entries]
    starts = [order[0] for order in orders]
    if starts != sorted(starts) or any(order != sorted(order) for order in orders):
        yield f"documents {', '.join(names_of(entries))}; the signature has {', '.join(expected)}"


def _of_types(entries):
    for entry in entries:
        refers = ELSEWHERE.match(" ".join(entry.desc))
        if not entry.type and not refers and not entry.name.startswith("*"):
            yield f"{entry.name!r} has no type, and does not say 'As in' another"
        if entry.type.endswith("."):
            yield f"the type of {entry.name!r} ends with a full stop"


def _of_results(function, parsed):
    returned = inspect.signature(function).return_annotation
    if returned not in (None, "None", inspect.Signature.empty) and not (parsed["Returns"] or parsed["Yields"]):
        yield f"returns {inspect.formatannotation(returned)}, and has no section Returns"
    if reaches_input_error(function) and not _says_input_error(parsed):
        yield "can raise InputError, and has no section Raises that says so"


def _says_input_error(parsed):
    return any("InputError" in entry.type for entry in parsed["Raises"])


def _of_class(cls, parsed, public):
    taken, fields, attributes = taken_by(cls), _fields(cls, public), names_of(parsed["Attributes"])
    parameters = names_of(parsed["Parameters"])
    yield from _of_parameters([name for name in taken if name not in attributes or name in parameters], parsed)
    for name in fields:
        if name not in attributes and name not in taken:
            yield f"{name!r} is not documented"
    for name in attributes:
        if name not in (*fields, *taken) and not hasattr(cls, name):
            yield f"documents the attribute {name!r}, which it does not have"
    for name in names_of(parsed["Methods"]):
        if not callable(getattr(cls, name, None)):
            yield f"documents the method {name!r}, which it does not have"
    if issubclass(cls, enum.Enum):
        for member in cls:
            if not (isinstance(member.value, str) and member.value.endswith(".")):
                yield f"{member.name!r} is not explained by its value, a sentence"
    if _raises_on_making(cls) and not _says_input_error(parsed):
        yield "can raise InputError when it is made, and has no section Raises that says so"


def taken_by(cls):
    """The parameters of the constructor, where propmat wrote it, or `dataclass` for it."""
    if issubclass(cls, enum.Enum) or getattr(cls, "_is_protocol", False) or inspect.isabstract(cls):
        return []
    maker = "__new__" if issubclass(cls, tuple) else "__init__"
    owner = next(parent for parent in cls.__mro__ if maker in vars(parent))
    return signature_names(cls) if _is_ours(owner) else []


def _fields(cls, public):
    """Fields of dataclasses and named tuples, and annotated attributes that no public parent documents."""
    found = [field.name for field in dataclasses.fields(cls)] if dataclasses.is_dataclass(cls) else []
    found += getattr(cls, "_fields", ())
    for parent in cls.__mro__:
        if _is_ours(parent) and (parent is cls or parent not in public):
            found += inspect.get_annotations(parent)
    functions = [name for name in found if _is_member(name, inspect.getattr_static(cls, name, None))]
    return [name for name in dict.fromkeys(found) if not name.startswith("_") and name not in functions]


def _raises_on_making(cls):
    makers = [getattr(cls, name, None) for name in MAKERS]
    return any(reaches_input_error(maker) for maker in makers)


def reaches_input_error(function, seen=None):
    """Whether a function names `InputError`, or what it calls by name does.

    Followed are functions, classes and modules of propmat among its globals, and methods of its own class; not
    attributes of its arguments, nor what is imported inside a function.
    """
    seen = set() if seen is None else seen
    function = inspect.unwrap(getattr(function, "__func__", function))
    if not isinstance(function, FunctionType) or function in seen:
        return False
    seen.add(function)
    names = _names(function.__code__)
    return "InputError" in names or any(reaches_input_error(called, seen) for called in _called(function, names))


def _names(code):
    inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return {*code.co_names, *code.co_freevars}.union(*map(_names, inner))


def _called(function, names):
    scope = function.__globals__
    own_class = scope.get(function.__qualname__.partition(".")[0])
    holders = [scope[name] for name in names if name in scope]
    holders += [own_class] if isinstance(own_class, type) else []
    for holder in holders:
        if isinstance(holder, FunctionType) and _is_ours(holder):
            yield holder
        elif isinstance(holder, (type, ModuleType)) and _is_ours(holder):
            made = MAKERS if isinstance(holder, type) and holder is not own_class else ()
            yield from (_attribute(holder, name) for name in (*names, *made))


def _attribute(holder, name):
    value = vars(holder).get(name)
    return value.__func__ if isinstance(value, (classmethod, staticmethod)) else value
