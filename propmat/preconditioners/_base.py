"""What a preconditioner is, and the one that does nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

Array = NDArray[Any]
Apply = Callable[[Array], Array]


class Preconditioner(Protocol):
    """Immutable settings; `prepare` gives the symmetric positive definite map r → M⁻¹ r."""

    def prepare(self, matrix: Any, near_null_space: Array | None = None) -> Apply: ...


@dataclass(frozen=True)
class Identity:
    """No preconditioning: the plain method, for comparison."""

    def prepare(self, matrix: Any, near_null_space: Array | None = None) -> Apply:
        """The map r → r."""
        return lambda residual: residual
