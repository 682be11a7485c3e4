"""What propmat raises and warns. Ground floor: imports nothing of ours."""

from __future__ import annotations

import functools
import sys
import warnings
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np

F = TypeVar("F", bound=Callable[..., Any])


class PropmatError(Exception):
    """Base of every error that propmat raises on purpose."""


class InputError(PropmatError, ValueError):
    """An argument or a file is not what it must be; the message names it, what it got and what it takes."""


class ConvergenceError(PropmatError, RuntimeError):
    """A solver gave up under ``strict=True``.

    Attributes
    ----------
    solution : Solution
        The best iterate with its residual, iterations and status: half-converged work is not thrown away.
    """

    def __init__(self, message: str, solution: Any) -> None:
        super().__init__(message)
        self.solution = solution

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions pickle by `args` alone, which lacks the solution; process pools need the whole.
        return type(self), (self.args[0], self.solution)


class MissingDependencyError(PropmatError, ImportError):
    """An optional package is not installed; the message names the extra that brings it."""


class DownloadError(PropmatError, OSError):
    """A file could not be fetched whole; the message says from where and why."""


class UnsupportedError(PropmatError, NotImplementedError):
    """A valid request that this combination of parts cannot serve."""


class PropmatWarning(UserWarning):
    """Base of every warning that propmat gives."""


class ConvergenceWarning(PropmatWarning):
    """A solver stopped before it met its tolerance; the best iterate is returned."""


class DeviceMemoryError(PropmatError, MemoryError):
    """A GPU has too little memory left; the message says how much was wanted."""


def warn(message: str, category: type[PropmatWarning] = PropmatWarning) -> None:
    """Warn at the line outside of this package from which the way led here, however long it was."""
    frame, level = sys._getframe(), 1
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] == __package__:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def usual_arithmetic(function: F) -> F:
    """The function under NumPy's usual floating-point errors, whatever the caller has set by `numpy.seterr`.

    Weights across an edge underflow to 0 rightly, and are no error of the caller's computations.
    """

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        with np.errstate(divide="warn", over="warn", under="ignore", invalid="warn"):
            return function(*args, **kwargs)

    return cast(F, call)
