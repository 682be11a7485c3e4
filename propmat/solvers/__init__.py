"""Solvers of A x = b for symmetric positive definite matrices.

A solver is an object with ``prepare`` (`Solver`), which returns a function that solves for one right-hand side after
another (`Solve`). A `Callback` is called as ``callback(iteration, relative residual)`` after every iteration; an answer
of True stops the solve, with the best iterate so far.
"""

from propmat._operators import Operator
from propmat.solvers._auto import choose
from propmat.solvers._base import Callback, Solution, Solve, Solver, Status
from propmat.solvers._cg import CG
from propmat.solvers._direct import Direct

__all__ = ["CG", "Callback", "Direct", "Operator", "Solution", "Solve", "Solver", "Status", "choose"]
