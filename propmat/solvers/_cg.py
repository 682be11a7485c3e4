"""Preconditioned conjugate gradients."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from propmat import _inputs
from propmat._arithmetic import usual_arithmetic
from propmat._locks import FORK_GATE
from propmat._operators._contract import NearNullSpace, Operator
from propmat._operators._stored import wrapped
from propmat.errors import InputError, shown
from propmat.preconditioners._auto import choose
from propmat.preconditioners._base import Apply, Preconditioner
from propmat.preconditioners._constrained import Changing
from propmat.preconditioners._multigrid import Multigrid
from propmat.preconditioners._shifted import Shiftable
from propmat.solvers._base import Solve
from propmat.solvers._direct import Direct
from propmat.solvers._prepared_cg import PreparedCG, Rescaled, unit_of

TOLERANCE = 1e-4  # default error, relative to the largest |x|
LEAST_RTOL = 1e-3  # the residual falls below this before steps are trusted
PLAIN_RTOL = 1e-7  # for preconditioners with which steps do not tell the error


@dataclass(frozen=True)
class CG:
    """Preconditioned conjugate gradients (Hestenes and Stiefel 1952; Saad 2003, algorithm 9.1).

    By default it stops when x is estimated to be accurate to 1e-4 of its largest value, so for a matte in units of
    alpha, and the relative residual is at most 1e-3. The error is estimated by the sum of the last three steps, or of
    more if the condition that has been seen asks for them; beside direct solutions it was never too low
    (`docs/measurements/solvers.md`). This takes a preconditioner that reduces every error in few iterations, as
    `Multigrid` does. With others, steps can be short while the error is large: there it stops at a residual of 1e-7.
    Where the residual decides, and a small one (1e-4 or less) on the pixel grid leaves an error that is estimated above
    1e-2 of the largest value, the status is `inaccurate`; up to 10,000 unknowns that error is measured beside a
    factorisation.

    Parameters
    ----------
    rtol : float, >= 0, optional
        If given, the residual decides: ‖b - A x‖₂ <= max(rtol ‖b‖₂, atol), computed from x, not by the recurrence.
    atol : float, >= 0, default 0
        If above 0, the residual decides likewise; `rtol` is then 1e-7 if not given.
    max_iterations : int, default 1000
        When it is reached the best iterate is returned, with a `ConvergenceWarning`.
    preconditioner : propmat.preconditioners.Preconditioner, optional
        Chosen for the matrix by default (`propmat.preconditioners.choose`).
    strict : bool, default False
        Raise `ConvergenceError` instead of warning.
    tolerance : float, >= 0, optional, keyword only
        The error that is accepted, relative to the largest |x|; 1e-4 if neither this nor `rtol` nor `atol` is given.
        1e-3 suffices for 8 bits. Given together with `rtol` or `atol`, both hold at the end. Given for a preconditioner
        with which steps do not tell, the residual falls to 1e-7 as well.

    Raises
    ------
    InputError
        If a tolerance is negative or not a number, the limit is not a whole number >= 1, or the preconditioner has no
        ``prepare``.

    Warns
    -----
    PropmatWarning
        While solving, if the preconditioner that was chosen is indefinite because of rounding, and is replaced by
        smoothed aggregation; `Solution.notes` says so too. One that was given is never replaced.

    Examples
    --------
    >>> import numpy as np, scipy.sparse as sp
    >>> from propmat.preconditioners import Jacobi
    >>> solve = CG(preconditioner=Jacobi()).prepare(sp.csr_array([[2.0, -1.0], [-1.0, 2.0]]))
    >>> solve(np.array([1.0, 1.0])).x
    array([1., 1.])
    """

    rtol: float | None = None
    atol: float = 0.0
    max_iterations: int = 1000
    preconditioner: Preconditioner | None = None
    strict: bool = False
    tolerance: float | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        for name, value in (("rtol", self.rtol), ("atol", self.atol), ("tolerance", self.tolerance)):
            if value is not None:
                _inputs.tolerance(value, name)
        _inputs.whole_number(self.max_iterations, "max_iterations")
        _inputs.flag(self.strict, "strict")
        if self.preconditioner is not None:
            _inputs.settings(self.preconditioner, "preconditioner", "one of propmat.preconditioners, Jacobi() say")

    @usual_arithmetic
    def prepare(self, matrix: Operator, near_null_space: NearNullSpace | None = None) -> PreparedCG | Rescaled:
        """Set the preconditioner up; the result solves for one right-hand side after another.

        Parameters
        ----------
        matrix : Operator or SciPy sparse array, shape (n, n)
            Symmetric positive definite.
        near_null_space : callable () -> (n, m) array, optional
            Columns that the matrix maps nearly to 0, for preconditioners that coarsen along them.

        Returns
        -------
        PreparedCG or Rescaled
            Both are a `Solve`.

        Raises
        ------
        InputError
            If `matrix` is neither an operator nor a sparse array, not square, or has entries that are NaN or infinite,
            or `near_null_space` is not callable.
        UnsupportedError
            If the preconditioner does not work for such a matrix.
        """
        operator = wrapped(matrix)
        if near_null_space is not None and not callable(near_null_space):
            raise InputError(f"near_null_space: takes a function that returns (n, m), got {shown(near_null_space)}")
        factor = unit_of(operator)
        if factor != 1:
            within = replace(self, atol=self.atol * factor)
            return Rescaled(factor, within._prepared(operator.scaled(factor), near_null_space))
        return self._prepared(operator, near_null_space)

    def _prepare_to_change(self, matrix: Operator, near_null_space: NearNullSpace | None = None) -> Solve:
        """As `prepare`, so that a change of constraints needs parts of the set-up only (`PreparedCG.relabelled`)."""
        ready = self.prepare if matrix.grid is None or unit_of(matrix) != 1 else self._changeable
        return ready(matrix, near_null_space)

    def _changeable(self, operator: Operator, near_null_space: NearNullSpace | None) -> PreparedCG:
        return self._prepared(operator, near_null_space, Changing)

    def _prepare_to_shift(self, matrix: Operator, near_null_space: NearNullSpace | None = None) -> Solve:
        """As `prepare`, so that a larger diagonal needs little of the set-up (`_shifting.shifted`)."""
        if matrix.grid is None or unit_of(matrix) != 1:
            return self.prepare(matrix, near_null_space)
        return self._prepared(matrix, near_null_space, Shiftable)

    def criterion(self, apply: Apply | None = None) -> tuple[float, float]:
        """The largest error relative to the largest |x|, infinite if it does not count, and the relative residual.

        Parameters
        ----------
        apply : callable, optional
            The preconditioner, prepared; without it steps do not tell the error.

        Returns
        -------
        tuple of float
        """
        by_residual = self.rtol is not None or self.atol > 0
        if not by_residual and getattr(apply, "steps_tell", False):
            return TOLERANCE if self.tolerance is None else self.tolerance, LEAST_RTOL
        rtol = PLAIN_RTOL if self.rtol is None else self.rtol
        return math.inf if self.tolerance is None else self.tolerance, rtol

    def _prepared(
        self,
        operator: Operator,
        near_null_space: NearNullSpace | None,
        multigrid: Callable[[Multigrid], Preconditioner] | None = None,
    ) -> PreparedCG:
        start = time.perf_counter()
        preconditioner = choose(operator) if self.preconditioner is None else self.preconditioner
        if multigrid is not None and isinstance(preconditioner, Multigrid):
            preconditioner = multigrid(preconditioner)
        with FORK_GATE:
            apply = preconditioner.prepare(operator, near_null_space)
        if not callable(apply):
            kind = type(preconditioner).__name__
            raise InputError(f"preconditioner: {kind}.prepare returns a function of a residual, got {shown(apply)}")
        return PreparedCG(self, operator, operator, near_null_space, apply, Direct(), time.perf_counter() - start)
