"""Twin of `_cpu._threads`: a GPU runs each kernel once, on all items."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def threads_for(entries: int) -> Iterator[None]:
    """Do nothing: a GPU has no threads to set."""
    yield


def share(kernel: Callable[..., None], count: int, *arguments: Any) -> None:
    """Run ``kernel(0, count, *arguments)``."""
    kernel(0, count, *arguments)
