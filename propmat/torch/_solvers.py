"""Solvers under names that graphs can hold."""

from __future__ import annotations

import uuid

import torch

from propmat import _inputs
from propmat.errors import UnsupportedError
from propmat.solvers._base import Solver


class NamedSolver:
    """A solver under a name that graphs can hold. Names are never used twice, and none is pickled or copied."""

    def __init__(self, solver: Solver | None) -> None:
        self.solver = solver
        self.name = _named(solver)

    def __reduce__(self) -> tuple[type[NamedSolver], tuple[Solver | None]]:
        return NamedSolver, (self.solver,)


_SOLVERS: dict[str, Solver] = {}
_NAMES: dict[object, str] = {}


def name_of(solver: Solver | NamedSolver | None) -> str:
    """The name of a solver, none for the one that is chosen by size; layers have looked it up when they were made."""
    if solver is None:
        return ""
    return solver.name if isinstance(solver, NamedSolver) else _named(solver)


@torch.compiler.disable
def _named(solver: Solver | None) -> str:
    """Equal solvers have one name; those that cannot be hashed, which may change, have one each."""
    if solver is None:
        return ""
    _inputs.solving(solver)
    name = uuid.uuid4().hex
    _SOLVERS[name] = solver
    try:
        first = _NAMES.setdefault((type(solver), solver), name)
    except TypeError:
        first = _NAMES.setdefault(id(solver), name)
    if first != name:
        del _SOLVERS[name]
    return first


def solver_named(name: str) -> Solver:
    """The solver of a name; an `UnsupportedError` where it was named by another process."""
    if name not in _SOLVERS:
        raise UnsupportedError(
            "propmat.torch: this graph was traced in another process, and its solver did not come with it. Trace or "
            "export without a solver, or here"
        )
    return _SOLVERS[name]
