"""The solver for a matrix when none is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from propmat._operators._contract import NearNullSpace, Operator
from propmat._operators._stored import wrapped
from propmat.solvers._answers import prepared
from propmat.solvers._base import Solve, Solver
from propmat.solvers._cg import CG
from propmat.solvers._direct import Direct
from propmat.solvers._prepared_cg import PreparedCG

# Up to about 5,000 unknowns a factorisation is faster, at 10,000 it is 0.02 s slower (`python -m benchmarks.solvers`),
# and it has no kernels to compile, which the first call of a new installation waits for.
DIRECT_UP_TO = 10_000


def choose(matrix: Any) -> Solver:
    """The solver for a matrix when none is given: `Direct` up to 10,000 unknowns, else `CG`.

    An operator without stored entries, or on a GPU, gets `CG` at any size.

    Parameters
    ----------
    matrix : Operator or SciPy sparse array, shape (n, n)

    Returns
    -------
    Direct or CG

    Raises
    ------
    InputError
        If `matrix` is neither an operator nor a sparse array, not square, or has entries that are NaN or infinite.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> choose(sp.eye_array(10))
    Direct(strict=False)
    """
    operator = wrapped(matrix)
    factorises = operator.stored and operator.backend.factorises
    return Direct() if factorises and operator.shape[0] <= DIRECT_UP_TO else CG()


@dataclass(frozen=True)
class Chosen:
    """The solver for a matrix when none is given, to another tolerance where an error can be estimated; a `Solver`."""

    tolerance: float
    strict: ClassVar[bool] = False

    def prepare(self, matrix: Operator, near_null_space: NearNullSpace | None = None) -> Solve:
        return self._to_tolerance(choose(matrix).prepare(matrix, near_null_space))

    def _prepare_to_shift(self, matrix: Operator, near_null_space: NearNullSpace | None = None) -> Solve:
        """As `prepare`, so that a larger diagonal needs little of the set-up (`_shifting.shifted`)."""
        return self._to_tolerance(prepared(choose(matrix), matrix, near_null_space, "prior"))

    def _to_tolerance(self, ready: Solve) -> Solve:
        return ready.to(self.tolerance) if isinstance(ready, PreparedCG) else ready
