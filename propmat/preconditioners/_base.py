"""What a preconditioner is, and the one that does nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

Array = NDArray[Any]
Apply = Callable[[Array], Array]

# Gives (n, m) columns that the matrix all but annihilates; called only by those who coarsen along them.
NearNullSpace = Callable[[], Array]


class Preconditioner(Protocol):
    """Immutable settings; `prepare` gives the symmetric positive definite map r → M⁻¹ r."""

    def prepare(self, matrix: Any, near_null_space: NearNullSpace | None = None) -> Apply: ...


@dataclass(frozen=True)
class Identity:
    """No preconditioning: the plain method, for comparison."""

    def prepare(self, matrix: Any, near_null_space: NearNullSpace | None = None) -> Apply:
        """The map r → r."""
        return lambda residual: residual
