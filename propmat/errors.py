"""The exceptions and warnings of propmat. Imports no other module of the package."""

from __future__ import annotations

import reprlib
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

__all__ = [
    "ConvergenceError",
    "ConvergenceWarning",
    "DeviceMemoryError",
    "DownloadError",
    "InputError",
    "MissingDependencyError",
    "PropmatError",
    "PropmatWarning",
    "UnsupportedError",
]


# Packages whose functions lie between a caller and the line that warns: numba, PyTorch and JAX call this package back.
_BETWEEN = (__package__, "numba", "torch", "jax")


class PropmatError(Exception):
    """Base of every error that propmat raises on purpose."""


class InputError(PropmatError, ValueError):
    """An argument or a file is not what it must be; the message names it, what it got and what it takes."""


class ConvergenceError(PropmatError, RuntimeError):
    """A solver with ``strict=True`` did not converge.

    Parameters
    ----------
    message : str
        What went wrong, in one line.
    solution : Solution
        The best iterate, with its residual, iterations and status.

    Attributes
    ----------
    solution : Solution
        As given: the work done so far is not thrown away.
    """

    def __init__(self, message: str, solution: object) -> None:
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
    """The arguments are valid, but this combination of method, solver, preconditioner or device cannot do it."""


class PropmatWarning(UserWarning):
    """Base of every warning that propmat gives."""


class ConvergenceWarning(PropmatWarning):
    """A solver stopped before it met its tolerance; the best iterate is returned."""


class DeviceMemoryError(PropmatError, MemoryError):
    """A GPU has too little memory left; the message says how many bytes were asked for."""


_SUBJECT = ContextVar("subject", default="")  # what messages begin with


@contextmanager
def about(subject: str) -> Iterator[None]:
    """Begin the messages of errors and warnings of propmat with what they are about: one of several frames, say."""
    begun = _SUBJECT.set(f"{subject}: ")
    try:
        yield
    except PropmatError as error:
        error.args = (f"{subject}: {error.args[0]}", *error.args[1:])
        raise
    finally:
        _SUBJECT.reset(begun)


def warn(message: str, category: type[PropmatWarning] = PropmatWarning) -> None:
    """Warn at the line that called this package, through however many functions of `_BETWEEN`."""
    frame, level = sys._getframe(), 1
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in _BETWEEN:
        frame, level = frame.f_back, level + 1
    warnings.warn(_SUBJECT.get() + message, category, stacklevel=level)


def one_line(error: BaseException) -> str:
    """The message of an exception in one printable line of at most 300 characters; its class where it has none."""
    told = getattr(error, "strerror", None) or str(error)
    words = " ".join("".join(c if c.isprintable() else " " for c in str(told)).split())
    return (words[:297] + "...") if len(words) > 300 else words or type(error).__name__


def shown(value: object) -> str:
    """Any value as short text in one line, for messages."""
    value = value.item() if isinstance(value, np.generic) else value
    shape = getattr(value, "shape", ())
    if isinstance(shape, tuple) and shape:
        return f"{type(value).__name__} of shape {tuple(shape)}"
    try:
        text = reprlib.repr(value)
    except Exception:  # of whatever the value is an object of
        text = type(value).__name__
    words = " ".join(text.split())
    return words if words.isprintable() else ascii(words)


@contextmanager
def refused_as(category: type[PropmatError], subject: str) -> Iterator[None]:
    """Turn any exception of a foreign parser into ``category("subject: reason")``, in one line.

    What a parser raises on damaged input is documented nowhere. Errors of propmat, `MemoryError` and interrupts pass.
    """
    try:
        yield
    except (PropmatError, MemoryError):
        raise
    except Exception as error:
        raise category(f"{subject}: {one_line(error)}") from error
