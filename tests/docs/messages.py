"""The messages of warnings, as the source of the package has them."""

import ast
from pathlib import Path

import propmat

PACKAGE = Path(propmat.__file__).parent
VARIABLE = "…"


def warned():
    """(place, message) of every call of `propmat.errors.warn`, what is inserted into a message being `VARIABLE`."""
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef):
                yield from ((f"{path.relative_to(PACKAGE)}:{line}", text) for line, text in _within(function))


def _within(function):
    for call in ast.walk(function):
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "warn":
            yield call.lineno, template(_assigned(function, call))


def _assigned(function, call):
    """What is warned of; of a name, what it was last assigned before in the same function."""
    value = call.args[0]
    if not isinstance(value, ast.Name):
        return value
    named = [node for node in ast.walk(function) if isinstance(node, ast.Assign) and _targets(node, value.id)]
    before = [node for node in named if node.lineno < call.lineno]
    return max(before, key=lambda node: node.lineno).value if before else value


def _targets(node, name):
    return any(isinstance(target, ast.Name) and target.id == name for target in node.targets)


def template(node):
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(template(part) for part in node.values)
    return VARIABLE
