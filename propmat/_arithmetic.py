"""The floating-point state of the library's own computations."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

import numpy as np

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


def usual_arithmetic(function: F) -> F:
    """The function under NumPy's usual floating-point errors, whatever the caller has set by `numpy.seterr`.

    Weights across an edge underflow to 0 rightly, and are no error of the caller's computations.
    """

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        with np.errstate(divide="warn", over="warn", under="ignore", invalid="warn"):
            return function(*args, **kwargs)

    return cast(F, call)


def each_in_usual_arithmetic(items: Iterator[T]) -> Iterator[T]:
    """The items of an iterator, each computed as in a function of `usual_arithmetic`, when it is asked for."""
    following = usual_arithmetic(items.__next__)
    while True:
        try:
            item = following()
        except StopIteration:
            return
        yield item
