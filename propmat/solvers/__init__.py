"""Solvers: immutable settings; `prepare` a matrix once, then solve for any number of right-hand sides."""

from propmat._operators import Operator
from propmat.solvers._auto import choose
from propmat.solvers._base import Callback, Solution, Solve, Solver, Status
from propmat.solvers._cg import CG
from propmat.solvers._direct import Direct

__all__ = ["CG", "Callback", "Direct", "Operator", "Solution", "Solve", "Solver", "Status", "choose"]
