"""Arguments of PyMatting as settings of propmat, and warnings of those that have no meaning here."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from propmat import _inputs
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike
from propmat.errors import InputError, warn
from propmat.solvers._base import Callback, Solver
from propmat.solvers._cg import CG

# The default of arguments that are mappings.
NONE: Any = MappingProxyType({})

# callback(A, x, b, norm_b, r, norm_r), called after every iteration.
TheirCallback = Callable[..., object]

_told: set[str] = set()


def check_names(given: Mapping[str, object], called: Callable[..., object], argument: str, skipped: int = 0) -> None:
    """Raise TypeError, as PyMatting does, for names that a function does not take behind its first `skipped` ones."""
    try:
        _inputs.known_names(given, [*inspect.signature(called).parameters][skipped:], argument, "key")
    except InputError as error:
        raise TypeError(str(error)) from None


def without_meaning(name: str, given: object, default: object, why: str) -> None:
    """Warn, once in a process for each argument, of one that was given and that has no effect."""
    if given is default or _equal(given, default) or name in _told:
        return
    _told.add(name)
    warn(f"{name}: has no effect, {why}")


def _equal(given: object, default: object) -> bool:
    try:
        return type(given) is not np.ndarray and bool(given == default)
    except Exception:  # an object of any class may raise anything
        return False


@dataclass(frozen=True)
class Solving:
    """How to solve: PyMatting's `cg_kwargs`.

    Attributes
    ----------
    solver : Solver or None
        None is chosen by size.
    x0 : array or None
        Alpha of the unknown pixels (n,) or of all (H * W,), in which the iteration starts.
    callback : callable or None
    """

    solver: Solver | None
    x0: ArrayLike | None
    callback: Callback | None

    @classmethod
    def of(
        cls,
        x0: ArrayLike | None = None,
        atol: float | None = None,
        rtol: float | None = None,
        maxiter: int | None = None,
        callback: TheirCallback | None = None,
        reorthogonalize: bool = False,
    ) -> Solving:
        """Read `cg_kwargs`."""
        without_meaning("reorthogonalize", reorthogonalize, False, "propmat restarts from the true residual instead")
        limit = None if maxiter is None else _inputs.whole_number(maxiter, "maxiter")
        given = {"atol": atol, "rtol": rtol, "max_iterations": limit}
        settings: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        called = None if callback is None else _Told(callback)
        return cls(CG(**settings) if settings or callback else None, x0, called)

    def start(self, labels: Trimap) -> Array | None:
        """Where the iteration starts, as a map (H, W)."""
        if self.x0 is None:
            return None
        given = _inputs.as_array(self.x0, "x0")
        values = _inputs.vector(given.ravel(), "x0", given.size)
        alpha = labels.labels.copy()
        if values.size == np.count_nonzero(labels.unknown):
            alpha[labels.unknown] = values
        elif values.size == alpha.size:
            alpha = values.reshape(alpha.shape)
        else:
            raise InputError(f"x0: takes a value for each unknown pixel, or for each pixel, got {values.size}")
        return _inputs.plane(np.clip(alpha, 0.0, 1.0), "x0", labels.shape)


@dataclass(frozen=True)
class _Told:
    """A callback of PyMatting as one of propmat: only the residual is known, relative to the right-hand side."""

    callback: TheirCallback

    def __call__(self, iteration: int, residual: float) -> None:
        self.callback(None, None, None, 1.0, None, residual)
