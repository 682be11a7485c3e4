"""What solvers answer. They may be a user's; what is not as their protocols say is refused."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np

from propmat._inputs._arrays import is_real_like
from propmat._operators._contract import NearNullSpace, Operator
from propmat._typing import Array
from propmat.errors import InputError, shown
from propmat.solvers._base import Callback, Solution, Solve, Solver, Status

Changing: TypeAlias = Literal["nothing", "labels", "prior"]
PREPARING: dict[Changing, str] = {
    "nothing": "prepare",
    "labels": "_prepare_to_change",
    "prior": "_prepare_to_shift",
}


def prepared(
    solver: Solver, matrix: Operator, near_null_space: NearNullSpace | None, changing: Changing = "nothing"
) -> Solve:
    """`Solver.prepare`, so that what is changing can be set up anew without the rest, where the solver can.

    Raises
    ------
    InputError
        If what it returns cannot be called.
    """
    prepare = getattr(solver, PREPARING[changing], solver.prepare)
    ready: Solve = prepare(matrix, near_null_space)
    if not callable(ready):
        raise InputError(
            f"solver: {type(solver).__name__}.prepare returns a function of (rhs, x0, callback), got {shown(ready)}"
        )
    return ready


def solved(ready: Solve, rhs: Array, x0: Array | None = None, callback: Callback | None = None) -> Solution:
    """The solution of a prepared solver.

    Raises
    ------
    InputError
        If it is no `Solution`, its x is no array of the shape of `rhs`, its status, iterations or residual are of
        another kind, or it is called converged with NaN in it.
    """
    solution = ready(rhs, x0=x0, callback=callback)
    name = f"solver: {type(ready).__name__}"
    if not isinstance(solution, Solution):
        raise InputError(f"{name} returns a propmat.solvers.Solution, got {shown(solution)}")
    if not is_real_like(solution.x, rhs):
        raise InputError(f"{name} returns real numbers of shape {rhs.shape} as x, got {shown(solution.x)}")
    if not isinstance(solution.status, Status):
        raise InputError(f"{name} returns a propmat.solvers.Status as status, got {shown(solution.status)}")
    for field in ("iterations", "residual", "seconds"):
        if not isinstance(getattr(solution, field), (int, float, np.integer, np.floating)):
            raise InputError(f"{name} returns a number as {field}, got {shown(getattr(solution, field))}")
    if solution.converged and not np.isfinite(solution.x).all():
        raise InputError(f"{name} calls a solution converged that has NaN or infinite numbers")
    return solution


def relabelled(ready: Solve, solver: Solver, matrix: Operator, near_null_space: NearNullSpace) -> Solve:
    """A solver for a matrix that has other constraints than the one that was prepared, with what can be kept of it."""
    change = getattr(ready, "relabelled", None)
    if change is not None and getattr(ready, "settings", None) == solver:
        changed: Solve = change(matrix, near_null_space)
        return changed
    return prepared(solver, matrix, near_null_space)


def nearby(ready: Solve, matrix: Operator) -> Solve:
    """`Solve.nearby`.

    Raises
    ------
    InputError
        If the prepared solver has no such method.
    """
    if not callable(getattr(ready, "nearby", None)):
        raise InputError(f"solver: {type(ready).__name__} has no method nearby(matrix), which other confidences need")
    return ready.nearby(matrix)
