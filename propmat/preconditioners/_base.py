"""What a preconditioner is, and the one that does nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from propmat._operators import Array, NearNullSpace, Operator

Apply = Callable[[Array], Array]


class Preconditioner(Protocol):
    """Immutable settings; `prepare` gives the symmetric positive definite map r → M⁻¹ r."""

    def prepare(self, matrix: Operator, near_null_space: NearNullSpace | None = None) -> Apply:
        """The map for a matrix; a preconditioner that is called alone takes SciPy's sparse arrays too (`wrapped`)."""


@runtime_checkable
class SpreadApply(Protocol):
    """A map that also takes vectors as `Operator.spread` puts them, which spares putting them back."""

    def __call__(self, residual: Array) -> Array: ...

    def on_support(self, residual: Array, norm: float) -> Array:
        """The map on a vector that was spread, of Euclidean length `norm`; the result is overwritten by the next."""


@dataclass(frozen=True)
class Identity:
    """No preconditioning: the plain method, for comparison."""

    def prepare(self, matrix: Operator, near_null_space: NearNullSpace | None = None) -> Apply:
        """The map r → r."""
        return lambda residual: residual
